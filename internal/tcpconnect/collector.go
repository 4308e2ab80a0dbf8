// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// DefaultCollectorName is the name of a collector that has none, as in Troubleshoot.
const DefaultCollectorName = "connect"

// Resolver looks up the addresses of a host name, best first. It returns when the context ends. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// DialFunc opens a TCP connection to one endpoint, from a local address if that is valid. It returns when the context ends; its
// errors hold a syscall.Errno or are a timeout in the sense of net.Error where that is what happened.
type DialFunc func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)

// Collector dials targets. The zero value uses the system's resolver and dialer. It may be used concurrently.
type Collector struct {
	Resolver Resolver // nil: net.DefaultResolver
	Dial     DialFunc // nil: a net.Dialer
}

// Target is what a collector dials, and how. Equal targets (==) make the same dials.
type Target struct {
	Address      Address
	Family       Family     // zero: both
	Source       netip.Addr // zero: the system's choice
	AllAddresses bool       // dial every address of the name, and give the worst status
}

// Result is the answer to a check.
type Result struct {
	Status Status
	Reason Reason
	// Message is what the operating system or the resolver said, empty when connected. Where several endpoints were tried
	// it tells of all.
	Message     string
	Remote      netip.AddrPort   // of the connection, zero if there was none
	Local       netip.AddrPort   // of the connection, zero if there was none
	Tried       []netip.AddrPort // the endpoints that were dialled, in order
	Endpoints   []EndpointResult // with AllAddresses: the answer of each
	CollectedAt time.Time        // when the last dial ended, UTC
	Duration    time.Duration    // name resolution included
	Attempts    int64            // how many dials were made
	Ready       bool             // connected, or what a Retry waits for
}

// EndpointResult is the answer of one of several endpoints.
type EndpointResult struct {
	Endpoint netip.AddrPort
	Status   Status
	Reason   Reason
	Message  string
	Duration time.Duration
}

// Collect dials a target once and closes every connection at once, having sent nothing.
//
// A host name is looked up once. Its addresses are tried as RFC 8305 describes, and the first completed handshake wins; where
// all fail, status and reason are those of the first address in the resolver's order. With AllAddresses they are dialled side by
// side, and status and reason are those of the worst. The timeout, greater than zero, limits all of it.
//
// A network failure is an answer, not an error. The error is non-nil only if ctx ended: the check was interrupted, and there is
// no answer.
func (c *Collector) Collect(ctx context.Context, target Target, timeout time.Duration) (Result, error) {
	start := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result := c.connect(dialCtx, target)
	if ctx.Err() != nil {
		return Result{}, fmt.Errorf("dial %s: %w", target.Address, context.Cause(ctx))
	}
	result.Status = result.Reason.Status()
	result.Duration = time.Since(start)
	result.CollectedAt = start.Add(result.Duration).UTC()
	result.Attempts = 1
	result.Ready = result.Status == Connected
	return result, nil
}

func (c *Collector) connect(ctx context.Context, target Target) Result {
	remotes, err := c.resolve(ctx, target)
	if err != nil {
		return Result{Reason: lookupReason(err), Message: err.Error()}
	}
	dial := func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
		return c.dial(ctx, target.Source, remote)
	}
	if target.AllAddresses {
		return dialAll(ctx, dial, remotes)
	}
	conn, failures := dialFirst(ctx, dial, remotes)
	if conn == nil {
		return Result{Reason: dialReason(failures[0]), Message: describe(failures, len(remotes)-len(failures)), Tried: remotes[:len(failures)]}
	}
	defer conn.Close() //nolint:errcheck // Nothing was written, so nothing can be lost.
	return Result{
		Reason: ReasonConnected,
		Remote: addrPort(conn.RemoteAddr()),
		Local:  addrPort(conn.LocalAddr()),
		Tried:  remotes[:len(failures)],
	}
}

// resolve returns the endpoints of a target in the order in which they are to be dialled, at least one.
func (c *Collector) resolve(ctx context.Context, target Target) ([]netip.AddrPort, error) {
	host, family := target.Address.host, target.family()
	if ip, err := netip.ParseAddr(host); err == nil {
		if !family.holds(ip) {
			return nil, noAddress(host, family)
		}
		return []netip.AddrPort{netip.AddrPortFrom(ip, target.Address.port)}, nil
	}
	ips, err := c.resolver().LookupNetIP(ctx, family.network(), host)
	if _, wrongFamily := errors.AsType[*net.AddrError](err); wrongFamily {
		return nil, noAddress(host, family)
	}
	if err != nil {
		return nil, err
	}
	ips = slices.DeleteFunc(ips, func(ip netip.Addr) bool { return !family.holds(ip) })
	if len(ips) == 0 {
		return nil, noAddress(host, family)
	}
	return interleave(ips, target.Address.port), nil
}

// noAddress says, as a resolver would, that a name exists but has no address to dial.
func noAddress(host string, family Family) error {
	return &net.DNSError{Err: "no " + family.describe() + " address", Name: host, IsNotFound: true}
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

func (c *Collector) dial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	if remote.Addr().WithZone("").IsUnspecified() {
		// Some resolvers answer so for names that they block. The kernel would connect to this machine.
		return nil, fmt.Errorf("dial tcp %s: %w", remote, errUnspecified)
	}
	conn, err := c.dialFunc()(ctx, local, remote)
	if err != nil && local.IsValid() && dialReason(err) == ReasonLocalAddress {
		return nil, fmt.Errorf("this machine can't dial from the source address %s: %w", local, err)
	}
	if err != nil {
		return nil, err
	}
	if met := addrPort(conn.RemoteAddr()); met.IsValid() && met == addrPort(conn.LocalAddr()) {
		// TCP can connect a socket to itself (RFC 9293, section 3.5, simultaneous open) if the kernel picks the dialled
		// port of this machine as the local one. That shows that nobody listens there.
		_ = conn.Close()
		return nil, fmt.Errorf("dial tcp %s: %w", remote, errSelfConnected)
	}
	return conn, nil
}

func (c *Collector) resolver() Resolver {
	if c.Resolver != nil {
		return c.Resolver
	}
	return net.DefaultResolver
}

func (c *Collector) dialFunc() DialFunc {
	if c.Dial != nil {
		return c.Dial
	}
	return systemDial
}

var (
	errUnspecified   = errors.New("the resolver gave the unspecified address, which would mean this machine")
	errNoDescriptor  = errors.New("this machine had no free file descriptor for it until the timeout")
	errNoSource      = errors.New("this machine has no address to dial it from")
	errSelfConnected = errors.New("connection refused: the connection met itself, nothing listens there")
)

// systemDialer sets no keep-alive, whose options would cost more system calls than the handshake: the connection is closed at once.
var systemDialer = net.Dialer{KeepAlive: -1}

func systemDial(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	dialer := systemDialer
	if local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	conn, err := dialer.DialContext(untimed{ctx}, "tcp", remote.String())
	switch {
	case err == nil:
		return conn, nil
	case resetAfterHandshake(err):
		return resetConn{remote: remote}, nil
	case !local.IsValid() && dialReason(err) == ReasonLocalAddress && !hasSource(remote):
		return nil, fmt.Errorf("%w: %w", errNoSource, err)
	default:
		return nil, err
	}
}

// hasSource tells whether this machine has an address to dial from. UDP needs one too, and shares no ports with TCP. Nothing is sent.
func hasSource(remote netip.AddrPort) bool {
	conn, err := net.Dial("udp", remote.String())
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// resetConn is a connection that the peer reset before it could be looked at, so its local end is not known.
type resetConn struct {
	net.Conn
	remote netip.AddrPort
}

func (c resetConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
func (resetConn) LocalAddr() net.Addr    { return nil }
func (resetConn) Close() error           { return nil }

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
func describe(failures []error, untried int) string {
	var text strings.Builder
	for i, err := range failures {
		if i > 0 {
			text.WriteString("; ")
		}
		text.WriteString(err.Error())
	}
	if untried > 0 {
		fmt.Fprintf(&text, "; the time ran out before %d more addresses were tried", untried)
	}
	return text.String()
}
