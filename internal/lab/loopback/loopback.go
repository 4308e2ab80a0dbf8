// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package loopback gives tests real peers on this machine: one that accepts, one that refuses, one that stays silent,
// and a resolver with the answers that a test chooses. No packet leaves the loopback interface.
package loopback

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Loopback addresses of the two families.
var (
	IPv4 = netip.MustParseAddr("127.0.0.1")
	IPv6 = netip.MustParseAddr("::1")
)

// Listener accepts connections, counts them and closes them.
type Listener struct {
	net.Listener
	accepted atomic.Int64
}

// Listen starts a listener on a free port of the address. It ends with the test.
func Listen(tb testing.TB, ip netip.Addr) *Listener {
	tb.Helper()
	return ListenAt(tb, netip.AddrPortFrom(ip, 0))
}

// ListenAt starts a listener at an endpoint, for example one that Refused has returned. It ends with the test.
func ListenAt(tb testing.TB, endpoint netip.AddrPort) *Listener {
	tb.Helper()
	inner, err := net.Listen("tcp", endpoint.String())
	if err != nil {
		tb.Fatalf("listen on %s: %v", endpoint, err)
	}
	listener := &Listener{Listener: inner}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			listener.accepted.Add(1)
			_ = conn.Close()
		}
	}()
	return listener
}

// Close ends the listener. A process that is being forked holds a copy of its descriptor until it calls exec. Close
// waits for that, so that the endpoint refuses connections afterwards and can be listened on again.
func (l *Listener) Close() error {
	err := l.Listener.Close()
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	return err
}

// Accepted returns the number of accepted connections.
func (l *Listener) Accepted() int { return int(l.accepted.Load()) }

// AwaitAccepted waits until the listener has accepted so many connections. It returns false if the context ends before.
func (l *Listener) AwaitAccepted(ctx context.Context, connections int) bool {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for l.Accepted() < connections {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// AddrPort returns the endpoint that the listener listens on.
func (l *Listener) AddrPort() netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// Open returns an endpoint that accepts connections until the test ends.
func Open(tb testing.TB) netip.AddrPort {
	tb.Helper()
	return Listen(tb, IPv4).AddrPort()
}

// Refused returns an endpoint that refuses connections: it was listened on and closed.
func Refused(tb testing.TB) netip.AddrPort {
	tb.Helper()
	ip := IPv4
	if runtime.GOOS == "linux" {
		// Another address of 127.0.0.0/8, so that no other test gets the port while this one needs it closed.
		ip = netip.AddrFrom4([4]byte{127, byte(rand.IntN(254) + 1), byte(rand.IntN(256)), byte(rand.IntN(254) + 1)})
	}
	listener := Listen(tb, ip)
	if err := listener.Close(); err != nil {
		tb.Fatalf("close listener: %v", err)
	}
	return listener.AddrPort()
}

// Silent returns an endpoint that does not answer: its accept queue is full, so the kernel drops connection attempts.
func Silent(tb testing.TB, ip netip.Addr) netip.AddrPort {
	tb.Helper()
	endpoint, err := silent(tb, ip)
	if err != nil {
		tb.Fatal(fmt.Errorf("make a silent endpoint on %s: %w", ip, err))
	}
	return endpoint
}

// Spread returns n endpoints with one port and different addresses, out of the 127.0.0.0/8 of Linux. A listener on the
// port of 0.0.0.0 listens on each of them.
func Spread(port uint16, n int) []netip.AddrPort {
	endpoints := make([]netip.AddrPort, n)
	for i := range endpoints {
		endpoints[i] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)}), port)
	}
	return endpoints
}
