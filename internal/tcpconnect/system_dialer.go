// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// systemDialer dials from this machine. It does not look names up.
type systemDialer struct{}

// netDialer does not set keep-alive: its options cost more system calls than the handshake, and the connection is
// closed at once.
var netDialer = net.Dialer{KeepAlive: -1}

// Dial opens a connection to ip:port.
func (systemDialer) Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	dialer := netDialer
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(untimed{ctx}, "tcp", address)
	switch {
	case err == nil:
		return conn, nil
	case resetAfterHandshake(err):
		return resetConn{remote: address}, nil
	default:
		return nil, explainDial(err, source, address)
	}
}

// spareDescriptors is how many descriptors are left to the rest of the process.
const spareDescriptors = 32

// Room returns how many descriptors dials may use: the free ones without the shares of lookups and of the rest of the
// process.
func (systemDialer) Room() int {
	free := freeDescriptors()
	return max(free-spareDescriptors-min(lookupShare(free), highestBound)*lookupDescriptors, 1)
}

// explainDial returns the error of a dial with its reason.
func explainDial(err error, source netip.Addr, address string) *ReasonError {
	explained := &ReasonError{Reason: systemReason(err), Err: err}
	switch isLocal := explained.Reason == ReasonLocalAddress; {
	case isLocal && source.IsValid():
		explained.Err = fmt.Errorf("this machine can't dial from the source address %s: %w", source, err)
	case isLocal && !hasSource(address):
		explained.Err = fmt.Errorf("this machine has no address to dial it from: %w", err)
	default:
		explained.Limit = systemLimit(err)
	}
	return explained
}

// systemReason classifies an error of this machine's network.
func systemReason(err error) Reason {
	// Before net.Error: Errno.Timeout is true for EAGAIN too.
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if reason, ok := errnoReasons[errno]; ok {
			return reason
		}
		return ReasonOther
	}
	if isTimeout(err) {
		return ReasonNoResponse
	}
	return ReasonOther
}

// systemLimit returns the limit of this machine that an error reports, or an empty text.
func systemLimit(err error) string {
	errno, _ := errors.AsType[syscall.Errno](err)
	if limit := errnoLimits[errno]; limit != "" {
		return "this machine had no " + limit
	}
	return ""
}

// LimitOfThisMachine returns the error of a connection from this machine with its reason if a limit of this machine has
// caused it, nil otherwise.
func LimitOfThisMachine(err error) *ReasonError {
	limit := systemLimit(err)
	if limit == "" {
		return nil
	}
	return &ReasonError{Reason: systemReason(err), Err: err, Limit: limit}
}

// hasSource reports whether this machine has an address to dial ip:port from. It connects a UDP socket, which needs
// such an address too, takes no TCP port, and sends nothing. If it fails for another reason, the machine counts as
// having one.
func hasSource(address string) bool {
	conn, err := net.Dial("udp", address)
	if err == nil {
		_ = conn.Close()
		return true
	}
	switch systemReason(err) {
	case ReasonLocalAddress, ReasonNetworkUnreachable, ReasonHostUnreachable:
		return false
	default:
		return true
	}
}

// resetConn is a connection that the peer reset at once. Its local address is not known.
type resetConn struct {
	net.Conn
	remote string
}

func (c resetConn) RemoteAddr() net.Addr {
	remote, _ := netip.ParseAddrPort(c.remote)
	return net.TCPAddrFromAddrPort(remote)
}
func (resetConn) LocalAddr() net.Addr { return nil }
func (resetConn) Close() error        { return nil }

// untimed is a context that ends at its deadline but does not show it. net.Dialer sets a deadline that it sees on the
// socket too, which takes a third of the time of a dial on loopback (make bench).
type untimed struct{ context.Context }

func (untimed) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
