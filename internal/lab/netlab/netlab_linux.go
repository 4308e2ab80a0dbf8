// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package netlab gives tests a network of their own: two hosts with a cable between them, so that a kernel makes the faults that a
// network can have. The hosts are network namespaces. Nothing leaves them, and nothing is left of them when the test ends.
package netlab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// Lab is a client and a peer with a cable between them. Each has an interface "eth0" with the addresses below, and its loopback.
type Lab struct {
	Client, Peer *Host
}

// The addresses of the hosts.
var (
	ClientIPv4 = netip.MustParseAddr("10.1.0.1")
	ClientIPv6 = netip.MustParseAddr("fd00:1::1")
	PeerIPv4   = netip.MustParseAddr("10.1.0.2")
	PeerIPv6   = netip.MustParseAddr("fd00:1::2")
)

// New makes a lab.
func New(tb testing.TB) *Lab {
	tb.Helper()
	lab := &Lab{Client: NewHost(tb), Peer: NewHost(tb)}
	const clientMAC, peerMAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
	lab.Client.Run("ip", "link", "add", "eth0", "address", clientMAC, "type", "veth", "peer", "name", "eth0", "address", peerMAC, "netns", lab.Peer.path())
	lab.Client.addAddresses(ClientIPv4, ClientIPv6)
	lab.Peer.addAddresses(PeerIPv4, PeerIPv6)
	// The first neighbour solicitation on a new interface is lost, and the next comes a second later.
	lab.Client.Run("ip", "neighbour", "add", PeerIPv6.String(), "lladdr", peerMAC, "dev", "eth0")
	lab.Peer.Run("ip", "neighbour", "add", ClientIPv6.String(), "lladdr", clientMAC, "dev", "eth0")
	return lab
}

// Host is a network namespace.
type Host struct {
	tb testing.TB
	ns *os.File
}

// NewHost makes a host without a cable. The test is skipped where this user may not, or the machine has not the programs.
func NewHost(tb testing.TB) *Host {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			tb.Skipf("needs the program %s (Debian: iproute2, nftables)", program)
		}
	}
	h := &Host{tb: tb}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			h.ns, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		tb.Skipf("this machine makes no network namespace: %v", err)
	}
	tb.Cleanup(func() { _ = h.ns.Close() })
	h.Run("ip", "link", "set", "lo", "up")
	return h
}

// path is where other processes find the namespace.
func (h *Host) path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.ns.Fd())
}

func (h *Host) addAddresses(addresses ...netip.Addr) {
	h.tb.Helper()
	for _, address := range addresses {
		bits := 24
		if address.Is6() {
			bits = 64
		}
		h.AddAddress(netip.PrefixFrom(address, bits))
	}
	h.Run("ip", "link", "set", "eth0", "up")
}

// AddAddress adds an address to the cable's end.
func (h *Host) AddAddress(address netip.Prefix) {
	h.tb.Helper()
	command := []string{"ip", "address", "add", address.String(), "dev", "eth0"}
	if address.Addr().Is6() {
		command = append(command, "nodad") // it is of use at once
	}
	h.Run(command...)
}

// Set sets a variable of the host's network: what /proc/sys/net/<name> is.
func (h *Host) Set(name, value string) {
	h.tb.Helper()
	var err error
	h.Do(func() { err = os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644) })
	if err != nil {
		h.tb.Error(err)
	}
}

// Do runs a function on the host: sockets that it makes are the host's. It must make them in its own goroutine.
func (h *Host) Do(f func()) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var err error
		defer func() { done <- err }() // also if the test ends in f
		if err = unix.Setns(int(h.ns.Fd()), unix.CLONE_NEWNET); err == nil {
			f()
		}
	}()
	if err := <-done; err != nil {
		panic(fmt.Sprintf("enter a network namespace: %v", err))
	}
}

// Run runs a command on the host. Its failure is that of the test.
func (h *Host) Run(command ...string) {
	h.tb.Helper()
	h.run("", command...)
}

// Rules adds rules of nftables (nft(8)), each to be written in one line after "add".
func (h *Host) Rules(rules ...string) {
	h.tb.Helper()
	script := "add table inet lab\n" +
		"add chain inet lab input { type filter hook input priority 0; }\n" +
		"add chain inet lab output { type filter hook output priority 0; }\n"
	for _, rule := range rules {
		script += "add rule inet lab " + rule + "\n"
	}
	h.run(script, "nft", "-f", "-")
}

func (h *Host) run(input string, command ...string) {
	h.tb.Helper()
	h.Do(func() {
		process := exec.Command(command[0], command[1:]...)
		process.Stdin = strings.NewReader(input)
		if output, err := process.CombinedOutput(); err != nil {
			h.tb.Errorf("%s: %v\n%s%s", strings.Join(command, " "), err, input, output)
		}
	})
}

// Listen listens on an address of the host until the test ends. What connects is closed at once.
func (h *Host) Listen(address netip.Addr) netip.AddrPort {
	h.tb.Helper()
	return h.Serve(address, func(conn *net.TCPConn) { _ = conn.Close() })
}

// Serve listens on an address of the host until the test ends, and hands what connects to a function.
func (h *Host) Serve(address netip.Addr, serve func(*net.TCPConn)) netip.AddrPort {
	h.tb.Helper()
	var listener *net.TCPListener
	var err error
	h.Do(func() { listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0))) })
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
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// ListenFull listens on an address of the host until the test ends, and never accepts: its queue is full.
func (h *Host) ListenFull(address netip.Addr) netip.AddrPort {
	h.tb.Helper()
	var endpoint netip.AddrPort
	h.Do(func() { endpoint = loopback.Silent(h.tb, address) })
	return endpoint
}

// Hold connects to an address from the host, and keeps the connection until the test ends.
func (h *Host) Hold(remote netip.AddrPort) {
	h.tb.Helper()
	var conn net.Conn
	var err error
	h.Do(func() { conn, err = net.Dial("tcp", remote.String()) })
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = conn.Close() })
}
