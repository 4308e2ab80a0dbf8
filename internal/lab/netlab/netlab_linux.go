// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package netlab gives tests a network of their own: two hosts with a cable between them, so that the kernel makes the
// faults that a network can have. The hosts are network namespaces. No packet leaves them, and they end with the test.
//
// A test must use the error of [Host.Do], for example as the result of a dial. A dial that lost its race may be
// scheduled only after the test has ended, and then gets such an error.
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

// Lab is a client and a peer with a cable between them. Each has an interface "eth0" with the addresses below, and a
// loopback interface.
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
	lab.Client.Run("ip", "link", "add", "eth0", "address", clientMAC, "type", "veth",
		"peer", "name", "eth0", "address", peerMAC, "netns", lab.Peer.path())
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

// NewHost makes a host without a cable. It skips the test if the user or the machine cannot make one.
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
		tb.Skipf("cannot make a network namespace: %v", err)
	}
	tb.Cleanup(func() { _ = h.ns.Close() })
	h.Run("ip", "link", "set", "lo", "up")
	return h
}

// path returns the file of the namespace, for other processes.
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

// AddAddress adds an address to the host's end of the cable.
func (h *Host) AddAddress(address netip.Prefix) {
	h.tb.Helper()
	command := []string{"ip", "address", "add", address.String(), "dev", "eth0"}
	if address.Addr().Is6() {
		command = append(command, "nodad") // it can be used at once
	}
	h.Run(command...)
}

// Set sets a variable of the host's network, /proc/sys/net/<name>.
func (h *Host) Set(name, value string) {
	h.tb.Helper()
	if err := h.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644) }); err != nil {
		h.tb.Error(err)
	}
}

// Do runs a function on the host: sockets that it makes are the host's. It must make them in its own goroutine. If the
// lab has ended, Do does not run the function and returns an error that is [os.ErrClosed].
func (h *Host) Do(f func()) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var err error
		defer func() { done <- err }() // also if the test ends in f
		if err = h.enter(); err == nil {
			f()
		}
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("enter a network namespace: %w", err)
	}
	return nil
}

// do runs a function that can fail on the host.
func (h *Host) do(f func() error) error {
	var failure error
	if err := h.Do(func() { failure = f() }); err != nil {
		return err
	}
	return failure
}

// enter moves this thread to the host. Control keeps the file open, so that the descriptor is not another file's.
func (h *Host) enter() error {
	ns, err := h.ns.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	if err := ns.Control(func(fd uintptr) { failure = unix.Setns(int(fd), unix.CLONE_NEWNET) }); err != nil {
		return os.ErrClosed // Control fails for no other reason
	}
	return failure
}

// Run runs a command on the host. The test fails if the command fails.
func (h *Host) Run(command ...string) {
	h.tb.Helper()
	h.run("", command...)
}

// Rules adds rules of nftables, each as it is written after "add rule inet lab" (nft(8)).
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
	var output []byte
	err := h.do(func() (err error) {
		process := exec.Command(command[0], command[1:]...)
		process.Stdin = strings.NewReader(input)
		output, err = process.CombinedOutput()
		return err
	})
	if err != nil {
		h.tb.Errorf("%s: %v\n%s%s", strings.Join(command, " "), err, input, output)
	}
}

// Listen listens on an address of the host until the test ends. It closes each connection at once.
func (h *Host) Listen(address netip.Addr) netip.AddrPort {
	h.tb.Helper()
	return h.Serve(address, func(conn *net.TCPConn) { _ = conn.Close() })
}

// Serve listens on an address of the host until the test ends, and calls a function with each connection.
func (h *Host) Serve(address netip.Addr, serve func(*net.TCPConn)) netip.AddrPort {
	h.tb.Helper()
	var listener *net.TCPListener
	err := h.do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
		return err
	})
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
	if err := h.Do(func() { endpoint = loopback.Silent(h.tb, address) }); err != nil {
		h.tb.Fatal(err)
	}
	return endpoint
}

// Hold connects to an address from the host, and keeps the connection until the test ends.
func (h *Host) Hold(remote netip.AddrPort) {
	h.tb.Helper()
	var conn net.Conn
	err := h.do(func() (err error) { conn, err = net.Dial("tcp", remote.String()); return err })
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = conn.Close() })
}
