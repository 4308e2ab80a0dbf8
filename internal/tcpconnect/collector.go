// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Resolver looks up the addresses of a host name, best first. It returns when the context ends. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// DialFunc opens a TCP connection to one endpoint. It returns when the context ends; its errors hold a syscall.Errno or are a
// timeout in the sense of net.Error where that is what happened.
type DialFunc func(ctx context.Context, remote netip.AddrPort) (net.Conn, error)

// Collector dials addresses. The zero value uses the system's resolver and dialer. It may be used concurrently.
type Collector struct {
	Resolver Resolver // nil: net.DefaultResolver
	Dial     DialFunc // nil: a net.Dialer
}

// Result is the answer to one dial.
type Result struct {
	Status Status
	Reason Reason
	// Message is what the operating system or the resolver said, empty when connected. Where several endpoints were tried
	// it tells of all.
	Message     string
	Remote      netip.AddrPort   // of the connection, zero if there was none
	Local       netip.AddrPort   // of the connection, zero if there was none
	Tried       []netip.AddrPort // the endpoints that were dialled, in order
	CollectedAt time.Time        // when the dial ended, UTC
	Duration    time.Duration    // name resolution included
}

// Collect dials an address once and closes the connection at once, having sent nothing.
//
// A host name is looked up once; its addresses are tried as RFC 8305 describes, and the first completed handshake wins. Where
// all fail, status and reason are those of the first address in the resolver's order. The timeout, greater than zero, limits
// all of it.
//
// A network failure is an answer, not an error. The error is non-nil only if ctx ended: the check was interrupted, and there is
// no answer.
func (c *Collector) Collect(ctx context.Context, address Address, timeout time.Duration) (Result, error) {
	start := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := c.connect(dialCtx, address)
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("dial %s: %w", address, context.Cause(ctx))
	}
	result.Status = result.Reason.Status()
	result.Duration = time.Since(start)
	result.CollectedAt = start.Add(result.Duration).UTC()
	return result, nil
}

func (c *Collector) connect(ctx context.Context, address Address) Result {
	remotes, err := c.resolve(ctx, address)
	if err != nil {
		return Result{Reason: lookupReason(err), Message: err.Error()}
	}
	conn, failures := dialFirst(ctx, c.dial, remotes)
	if conn == nil {
		return Result{Reason: dialReason(failures[0]), Message: describe(failures, len(remotes)), Tried: remotes[:len(failures)]}
	}
	defer conn.Close() //nolint:errcheck // Nothing was written, so nothing can be lost.
	return Result{
		Reason: ReasonConnected,
		Remote: addrPort(conn.RemoteAddr()),
		Local:  addrPort(conn.LocalAddr()),
		Tried:  remotes[:len(failures)],
	}
}

// resolve returns the endpoints of an address in the order in which they are to be dialled, at least one.
func (c *Collector) resolve(ctx context.Context, address Address) ([]netip.AddrPort, error) {
	if ip, err := netip.ParseAddr(address.host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip, address.port)}, nil
	}
	var resolver Resolver = net.DefaultResolver
	if c.Resolver != nil {
		resolver = c.Resolver
	}
	ips, err := resolver.LookupNetIP(ctx, "ip", address.host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no address", Name: address.host, IsNotFound: true}
	}
	return interleave(ips, address.port), nil
}

// interleave alternates between the address families and keeps the resolver's order within each: RFC 8305, section 4, with a
// First Address Family Count of 1.
func interleave(ips []netip.Addr, port uint16) []netip.AddrPort {
	var first, second []netip.AddrPort
	for _, ip := range ips {
		remote := netip.AddrPortFrom(ip.Unmap(), port) // a resolver may give IPv4 addresses in their IPv6 form
		if ip.Unmap().Is4() == ips[0].Unmap().Is4() {
			first = append(first, remote)
		} else {
			second = append(second, remote)
		}
	}
	remotes := make([]netip.AddrPort, 0, len(ips))
	for len(first) > 0 {
		remotes = append(remotes, first[0])
		first, second = second, first[1:]
		if len(first) == 0 {
			first, second = second, first
		}
	}
	return remotes
}

func (c *Collector) dial(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if remote.Addr().WithZone("").IsUnspecified() {
		// Some resolvers answer so for names that they block. The kernel would connect to this machine.
		return nil, fmt.Errorf("dial tcp %s: %w", remote, errUnspecified)
	}
	dial := systemDial
	if c.Dial != nil {
		dial = c.Dial
	}
	conn, err := dial(ctx, remote)
	if err != nil {
		return nil, err
	}
	if addrPort(conn.LocalAddr()) == addrPort(conn.RemoteAddr()) {
		// TCP can connect a socket to itself (RFC 9293, section 3.5, simultaneous open) if the kernel picks the dialled
		// port of this machine as the local one. That shows that nobody listens there.
		_ = conn.Close()
		return nil, fmt.Errorf("dial tcp %s: %w", remote, errSelfConnected)
	}
	return conn, nil
}

var (
	errUnspecified   = errors.New("the resolver gave the unspecified address, which would mean this machine")
	errSelfConnected = errors.New("connection refused: the connection met itself, nothing listens there")
)

// systemDialer sets no keep-alive, whose options would cost more system calls than the handshake: the connection is closed at once.
var systemDialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1}

func systemDial(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return systemDialer.DialContext(untimed{ctx}, "tcp", remote.String())
}

// untimed hides a context's deadline but ends with it all the same. A dialer that sees a deadline sets it on the socket too, which
// takes a third of the time of a dial on loopback (make bench).
type untimed struct{ context.Context }

func (untimed) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

func addrPort(address net.Addr) netip.AddrPort {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// describe tells of every failed endpoint, and how many were left when the time ran out.
func describe(failures []error, endpoints int) string {
	var text strings.Builder
	for i, err := range failures {
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(err.Error())
	}
	if untried := endpoints - len(failures); untried > 0 {
		fmt.Fprintf(&text, "; the time ran out before %d more addresses were tried", untried)
	}
	return text.String()
}
