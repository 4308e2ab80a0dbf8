// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package bastion gives tests places to dial from: an SSH server, an HTTP proxy and a SOCKS5 proxy on this machine.
// They dial for real, end with the test and count what they were asked for. They say why a dial failed in the words of
// OpenSSH, squid and dante.
package bastion

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// Network is what a server can dial. A name that is not in Targets does not exist, and an IP address that is not is
// dialled as it is.
type Network struct {
	Targets   map[string]netip.AddrPort // by host:port as the server is asked for it, or by Everything
	Forbidden []string                  // each host:port that a rule of the server forbids
}

// Everything is the target of a server that connects whatever it is asked for, as one that inspects TLS does.
const Everything = "*"

// Login is what a proxy asks for. The zero value asks for nothing.
type Login struct{ Username, Password string }

// Server is a place to dial from.
type Server struct {
	network  Network
	listener net.Listener
	life     context.Context // ends with the test
	tasks    sync.WaitGroup

	mu          sync.Mutex
	asked       map[string]int
	connections int
}

// listen starts a server on a free port of this machine. serve has each connection to itself, which is closed after it.
func listen(tb testing.TB, network Network, serve func(s *Server, conn net.Conn)) *Server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("listen: %v", err)
	}
	life, end := context.WithCancel(context.Background())
	s := &Server{network: network, listener: listener, life: life, asked: make(map[string]int)}
	tb.Cleanup(func() {
		end()
		_ = listener.Close()
		s.tasks.Wait()
	})
	s.tasks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.connections++
			s.mu.Unlock()
			s.tasks.Go(func() {
				stop := s.closeAtEnd(conn)
				serve(s, conn)
				stop()
			})
		}
	})
	return s
}

// Address returns the host:port that the server listens on.
func (s *Server) Address() string { return s.listener.Addr().String() }

// AddrPort returns the endpoint that the server listens on.
func (s *Server) AddrPort() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// Connections returns how many connections the server has accepted.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// Asked returns how often the server was asked for a host:port.
func (s *Server) Asked(address string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[address]
}

// closeAtEnd closes a connection when the test ends. What it returns closes it before.
func (s *Server) closeAtEnd(conn io.Closer) (closeNow func()) {
	stop := context.AfterFunc(s.life, func() { _ = conn.Close() })
	return func() {
		stop()
		_ = conn.Close()
	}
}

// failure is why a server has not dialled.
type failure int

const (
	none failure = iota
	refused
	forbidden
	noSuchHost
	other
)

// dial opens a connection to the host:port that the server was asked for.
func (s *Server) dial(host, port string) (net.Conn, failure) {
	address := net.JoinHostPort(host, port)
	s.mu.Lock()
	s.asked[address]++
	s.mu.Unlock()
	if slices.Contains(s.network.Forbidden, address) {
		return nil, forbidden
	}
	target, exists := s.network.Targets[address]
	if !exists {
		target, exists = s.network.Targets[Everything]
	}
	_, notIP := netip.ParseAddr(host)
	switch {
	case exists:
		address = target.String()
	case notIP != nil:
		return nil, noSuchHost
	}
	conn, err := new(net.Dialer).DialContext(s.life, "tcp", address)
	const onWindows = syscall.Errno(10061) // WSAECONNREFUSED
	switch {
	case err == nil:
		return conn, none
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, onWindows):
		return nil, refused
	default:
		return nil, other
	}
}

// join copies what comes from each end to the other, until both have ended.
func (s *Server) join(near, far io.ReadWriteCloser) {
	closeNear, closeFar := s.closeAtEnd(near), s.closeAtEnd(far)
	var copying sync.WaitGroup
	copying.Go(func() {
		defer closeFar()
		_, _ = io.Copy(far, near)
	})
	copying.Go(func() {
		defer closeNear()
		_, _ = io.Copy(near, far)
	})
	copying.Wait()
}
