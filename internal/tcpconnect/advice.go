// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

// Advice describes in one sentence what the reason means and what to check first. It is empty for ReasonConnected, and
// for a reason that is not known.
func (r Reason) Advice() string {
	if !r.known() {
		return ""
	}
	switch r {
	case ReasonConnected:
		return ""
	case ReasonRefused:
		return "The host answered, but nothing listens on that port, or a firewall rejects it: " +
			"check that the service runs and listens on this address."
	case ReasonNoResponse:
		return "Nothing answered at all: " +
			"typically a firewall or a security group drops the packets, or the host is down."
	case ReasonDNSTimeout:
		return "The name server did not answer in time: " +
			"check which name server this machine uses, and whether it can be reached."
	case ReasonNotReady:
		return "The last dial ended as wanted, but too few dials in a row did: " +
			"read the log of the service, or wait longer."
	case ReasonNoSuchHost:
		return "The name does not exist, or has no address of the requested IP family: " +
			"check its spelling, and the name server of this machine."
	case ReasonDNSFailure:
		return "The name server reported a failure, or could not be reached: " +
			"look the name up by hand, for example with nslookup."
	case ReasonHostUnreachable:
		return "A router or a firewall reported that the host cannot be reached, " +
			"or the host does not answer in its own network: " +
			"check that it is up, and that the address is correct."
	case ReasonNetworkUnreachable:
		return "The network cannot be reached from here: " +
			"check the routes and tunnels of this machine, and whether it supports that IP family."
	case ReasonProhibited:
		return "A rule on this machine or on the way forbids the connection: " +
			"check firewalls, routes and security policies."
	case ReasonReset:
		return "The connection was reset during the handshake: look for a firewall or a proxy on the way."
	case ReasonLocalAddress:
		return "This machine does not have that source address, has no address of that IP family, " +
			"or has no free port: " +
			"check source_address, and how many connections are open."
	case ReasonLocalLimit:
		return "A limit of this machine was reached, which says nothing about the peer: " +
			"raise the limit of open files, or check fewer addresses at once."
	case ReasonIntercepted:
		return "Something between this machine and the address accepts connections for every address, " +
			"for example a mesh sidecar or a transparent proxy: " +
			"run the check on a machine without it."
	default:
		return "The operating system reported another error: read its message, and check the routes of this machine."
	}
}
