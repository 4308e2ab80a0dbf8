// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import "fmt"

// Advice describes in one sentence what the reason of a dial from this machine means, and what to check first. It is
// empty for ReasonConnected, and for a reason that is not known.
func (r Reason) Advice() string { return r.advice("", resolvedWhereDialled) }

// Advice describes in one sentence what the reason of the result means where it was dialled from, and what to check
// first.
func (r Result) Advice() string { return r.Reason.advice(r.Via, r.resolved) }

// resolved says who looks up the names that are dialled.
type resolved int

const (
	resolvedWhereDialled resolved = iota // the vantage point; without one, this machine
	resolvedHere                         // this machine, for a vantage point
	resolvedByNameServer                 // a name server that is asked through the vantage point
)

// adviceAnywhere is the advice of reasons that mean the same wherever the dial was made.
var adviceAnywhere = map[Reason]string{
	ReasonRefused: "The host answered, but nothing listens on that port, or a firewall rejects it: " +
		"check that the service runs and listens on this address.",
	ReasonNotReady: "The last dial ended as wanted, but too few dials in a row did: " +
		"read the log of the service, or wait longer.",
	ReasonHostUnreachable: "A router or a firewall reported that the host cannot be reached, " +
		"or the host does not answer in its own network: " +
		"check that it is up, and that the address is correct.",
	ReasonReset: "The connection was reset during the handshake: look for a firewall or a proxy on the way.",
	ReasonLocalAddress: "This machine does not have that source address, has no address of that IP family, " +
		"or has no free port: " +
		"check source_address, and how many connections are open.",
	ReasonLocalLimit: "A limit of this machine was reached, which says nothing about the peer: " +
		"raise the limit of open files, or check fewer addresses at once.",
	ReasonVantageUnreachable: "The vantage point could not be reached or stopped answering, which says nothing about " +
		"the peer: check its address, that it runs, and the way to it.",
	ReasonVantageLimit: "A limit of the vantage point was reached, which says nothing about the peer: " +
		"raise it there, or check fewer addresses at once.",
	ReasonVantageProhibited: "A rule of the vantage point forbids dials of that address, which says nothing about " +
		"the peer: allow the address and port there, for example with PermitOpen or an access list.",
}

// advice is the advice about a dial from a vantage point. An empty name means this machine.
func (r Reason) advice(via string, names resolved) string {
	if !r.known() || r == ReasonConnected {
		return ""
	}
	if advice, ok := adviceAnywhere[r]; ok {
		return advice
	}
	place := "this machine"
	other := "The operating system reported another error: read its message, and check the routes of this machine."
	if via != "" {
		place = fmt.Sprintf("the vantage point %q", via)
		other = fmt.Sprintf("The vantage point %q does not tell why: read the message, and the log there.", via)
	}
	lookup := names.advice(via, place)
	switch r {
	case ReasonNoResponse:
		return "Nothing answered at all: " +
			"typically a firewall or a security group drops the packets, or the host is down" + lookup.silence + "."
	case ReasonDNSTimeout:
		return "The name server did not answer in time: " + lookup.noAnswer + "."
	case ReasonNoSuchHost:
		return "The name does not exist, or has no address of the requested IP family: " +
			"check its spelling, and " + lookup.server + "."
	case ReasonDNSFailure:
		return "The name server reported a failure, or could not be reached: " + lookup.failed + "."
	case ReasonNetworkUnreachable:
		return "The network cannot be reached: " +
			"check the routes and tunnels of " + place + ", and whether it supports that IP family."
	case ReasonProhibited:
		return "A rule on " + place + " or on the way forbids the connection: " +
			"check firewalls, routes and security policies."
	case ReasonIntercepted:
		return "Something between " + place + " and the address accepts connections for every address, " +
			"for example a mesh sidecar or a transparent proxy: " +
			"run the check where it is not."
	default:
		return other
	}
}

// lookupAdvice says what to check about a name.
type lookupAdvice struct{ server, noAnswer, failed, silence string }

func (r resolved) advice(via, place string) lookupAdvice {
	switch {
	case via != "" && r == resolvedHere:
		const because = "this machine, which looks names up because resolve is \"here\""
		return lookupAdvice{
			server:   "the name server of " + because,
			noAnswer: "check the name server of " + because,
			failed:   "look the name up by hand on " + because,
		}
	case via != "" && r == resolvedByNameServer:
		return lookupAdvice{
			server:   "the name server in resolve of " + place,
			noAnswer: "check that " + place + " reaches the name server in its resolve over TCP",
			failed:   "ask the name server in resolve by hand on " + place + ", for example with nslookup -vc",
		}
	}
	advice := lookupAdvice{
		server:   "the name server of " + place,
		noAnswer: "check which name server " + place + " uses, and whether it can be reached",
		failed:   "look the name up by hand on " + place + ", for example with nslookup",
	}
	if via != "" {
		advice.silence = ", or the name server there does not answer if the vantage point looks names up"
	}
	return advice
}
