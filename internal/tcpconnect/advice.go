// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

// Advice says in one sentence what the reason means and what to check first. It is empty for a connection.
func (r Reason) Advice() string {
	switch r {
	case ReasonConnected:
		return ""
	case ReasonRefused:
		return "The host answered, but nothing listens on that port, or a firewall rejects it: check that the service runs and listens on this address."
	case ReasonNoResponse:
		return "Nothing answered at all: typically a firewall or a security group drops the packets, or the host is down."
	case ReasonDNSTimeout:
		return "The name server did not answer in time: check which one this machine asks, and the way to it."
	case ReasonNotReady:
		return "The last dial ended as wanted, but not enough in a row did: look at the service's log, or wait longer."
	case ReasonNoSuchHost:
		return "The name does not exist, or has no address of the family asked for: check its spelling, and the name server that said so."
	case ReasonDNSFailure:
		return "The name server answered with a failure, or could not be asked: ask it for the name by hand, for example with nslookup."
	case ReasonHostUnreachable:
		return "A router or firewall says that the host cannot be reached, or the host does not answer in its own network: check that it is up, and the address."
	case ReasonNetworkUnreachable:
		return "No route leads to that network: check the routes and tunnels of this machine, and whether it has that IP family."
	case ReasonProhibited:
		return "A rule forbids it, on this machine or on the way: check firewalls, routes and security policies."
	case ReasonReset:
		return "The connection was reset during the handshake: check for a firewall or proxy on the way."
	case ReasonLocalAddress:
		return "This machine has no such source address, none of that IP family, or no free port: check source_address and how many connections are open."
	case ReasonLocalLimit:
		return "A limit of this machine was reached, which says nothing about the peer: raise the limit of open files, or check fewer addresses at once."
	case ReasonIntercepted:
		return "Something between this machine and the address accepts connections for every address, for example a mesh sidecar or a transparent proxy: dial from a place without it."
	default:
		return "The operating system gave a reason of its own: look at what it said, and at the routes of this machine."
	}
}
