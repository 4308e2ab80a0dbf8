// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package vantagelab gives tests real servers to dial through: SSH servers and proxies on a bastion between the client
// and the targets. The client is the process of the test, which [InOwnSystem] starts. It has no route to the targets.
//
//	client eth0 ---- eth0 bastion eth1 ---- eth0 target
package vantagelab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The addresses of the hosts. The client and the targets know only those of the bastion on their own side.
var (
	Bastion = netip.MustParseAddr("10.1.0.2")
	Target  = netip.MustParseAddr("10.2.0.2")
	Target6 = netip.MustParseAddr("fd00:2::2")
	Silent  = netip.MustParseAddr("10.2.0.82") // of the target host, which drops every packet to it
	DNS     = netip.MustParseAddr("10.2.0.53") // of the target host; a name server, over UDP and TCP
)

// The ports of the target host.
const (
	PortOpen        = 80
	PortRefused     = 81
	PortSilent      = 82
	PortUnreachable = 83 // answers "host unreachable"
	PortForbidden   = 84 // is open; a rule of every server that has rules forbids it
	PortReset       = 85 // is open, and resets each connection
)

// Addresses that the bastion cannot reach.
const (
	NoRoute          = "10.3.0.1" // it has no route
	UnreachableRoute = "10.4.0.1" // its route is of the type "unreachable"
	ProhibitedRoute  = "10.5.0.1" // its route is of the type "prohibit"
)

// Names that the bastion's name server answers for.
const (
	NameOpen       = "open.test"
	NameHalfSilent = "half-silent.test" // its first address is silent, its second is that of NameOpen
	NameMissing    = "missing.test"
	NameUnanswered = "name.unanswered.test" // the server does not answer
	unansweredZone = "unanswered.test"
	unansweredBy   = "10.2.0.99"
	silentIPv6     = "fd00:2::82"
)

// Lab is the client, a bastion and a host with targets.
type Lab struct {
	tb              testing.TB
	Bastion, Target *Host
	dir             string
}

// New makes a lab. The process must be one that InOwnSystem started.
func New(tb testing.TB) *Lab {
	tb.Helper()
	lab := &Lab{tb: tb, Bastion: newHost(tb), Target: newHost(tb), dir: directory(tb)}
	lab.connect()
	lab.serveTargets()
	lab.serveNames()
	lab.ResolvePatiently(1)
	return lab
}

// ResolvePatiently says how many seconds the bastion waits for its name server. It counts for lookups that follow.
func (l *Lab) ResolvePatiently(seconds int) {
	l.Bastion.setFiles(directory(l.tb), map[string]string{
		"resolv.conf":   fmt.Sprintf("nameserver %s\noptions timeout:%d attempts:1\n", DNS, seconds),
		"hosts":         "127.0.0.1 localhost\n",
		"nsswitch.conf": "hosts: files dns\n",
	})
}

// LimitDescriptors limits how many descriptors each process of a server has that is started afterwards.
func (l *Lab) LimitDescriptors(most int) { l.Bastion.descriptors = most }

// connect puts cables between the hosts. The first neighbour solicitation on a new interface is lost, and the next
// comes a second later, so the hosts know each other.
func (l *Lab) connect() {
	l.tb.Helper()
	const left, right = "02:00:00:00:00:01", "02:00:00:00:00:02"
	local := func(command ...string) {
		if output, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			l.tb.Errorf("%s: %v\n%s", strings.Join(command, " "), err, output)
		}
	}
	cable := func(from func(...string), fromName string, to *Host, network string) {
		from("ip", "link", "add", fromName, "address", left, "type", "veth",
			"peer", "name", "eth0", "address", right, "netns", to.namespaceOf())
		for _, end := range []struct {
			run            func(...string)
			name, id, peer string
			mac            string
		}{{from, fromName, "1", "2", right}, {func(command ...string) { to.Run(command...) }, "eth0", "2", "1", left}} {
			end.run("ip", "address", "add", "10."+network+".0."+end.id+"/24", "dev", end.name)
			end.run("ip", "address", "add", "fd00:"+network+"::"+end.id+"/64", "dev", end.name, "nodad")
			end.run("ip", "link", "set", end.name, "up")
			end.run("ip", "neighbour", "add", "fd00:"+network+"::"+end.peer, "lladdr", end.mac, "dev", end.name)
		}
	}
	cable(local, "eth0", l.Bastion, "1")
	cable(func(command ...string) { l.Bastion.Run(command...) }, "eth1", l.Target, "2")
	for _, address := range []string{Silent.String() + "/24", DNS.String() + "/24", unansweredBy + "/24"} {
		l.Target.AddAddress(netip.MustParsePrefix(address))
	}
	l.Target.AddAddress(netip.MustParsePrefix(silentIPv6 + "/64"))
	l.Bastion.Run("ip", "neighbour", "add", silentIPv6, "lladdr", right, "dev", "eth1")
	l.Bastion.Run("ip", "route", "add", "unreachable", UnreachableRoute)
	l.Bastion.Run("ip", "route", "add", "prohibit", ProhibitedRoute)
}

func (l *Lab) serveTargets() {
	l.tb.Helper()
	l.Target.Set("ipv4/icmp_ratelimit", "0") // every dial is told
	l.Target.Rules(
		"input ip daddr { "+Silent.String()+", "+unansweredBy+" } drop",
		"input ip6 daddr "+silentIPv6+" drop",
		fmt.Sprintf("input tcp dport %d drop", PortSilent),
		fmt.Sprintf("input meta nfproto ipv4 tcp dport %d reject with icmp host-unreachable", PortUnreachable),
	)
	drop := func(conn *net.TCPConn) { _ = conn.Close() }
	l.Target.serve(PortOpen, drop)
	l.Target.serve(PortForbidden, drop)
	l.Target.serve(PortReset, func(conn *net.TCPConn) {
		_ = conn.SetLinger(0)
		_ = conn.Close()
	})
}

// serve listens on a port of all addresses, and calls a function with each connection.
func (h *Host) serve(port int, serve func(*net.TCPConn)) {
	h.tb.Helper()
	var listener *net.TCPListener
	var err error
	h.on(func() { listener, err = net.ListenTCP("tcp", &net.TCPAddr{Port: port}) })
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
}

func (l *Lab) serveNames() {
	l.tb.Helper()
	names := l.Target.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
		"--pid-file=", "--user=root", "--bind-interfaces", "--listen-address="+DNS.String(),
		"--local=/test/", "--local=/invalid/", "--server=/"+unansweredZone+"/"+unansweredBy,
		"--host-record="+NameOpen+","+Target.String(),
		"--host-record="+NameHalfSilent+","+Target.String()+","+silentIPv6, // RFC 6724 prefers IPv6
	)
	names.awaitListening(netip.AddrPortFrom(DNS, 53).String())
}

// CutWhenDialled cuts the cable between the client and the bastion, without a word to either, when the bastion dials a
// port of a target that does not answer. It gives up when the context ends.
func (l *Lab) CutWhenDialled(ctx context.Context, port uint16) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	// See proc_net_tcp in the kernel's documentation: the remote address, its port and the state SYN-SENT.
	dialling := fmt.Sprintf(":%04X 02 ", port)
	for {
		var sockets []byte
		var err error
		l.Bastion.on(func() { sockets, err = os.ReadFile("/proc/thread-self/net/tcp") })
		if err == nil && strings.Contains(string(sockets), dialling) {
			break
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
	l.Bastion.Rules(`input iifname "eth0" drop`, `output oifname "eth0" drop`)
}
