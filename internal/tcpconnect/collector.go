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

// DialFunc opens a TCP connection to one endpoint, from a local address if that is valid. It returns when the context ends; its
// errors hold a syscall.Errno or are a timeout in the sense of net.Error where that is what happened.
type DialFunc func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)

// Collector dials targets. The zero value uses the system's resolver and dialer. It may be used concurrently: checks that run at the
// same time share lookups and their bound. It must not be copied after first use.
type Collector struct {
	Resolver Resolver // nil: the system's
	Dial     DialFunc // nil: a net.Dialer

	// ControlHost is an IP address at which nothing listens. If a dial of it connects, the answer for that port is ReasonIntercepted.
	// It is dialled once for each port and source address, outside of any timeout but its own second. Zero: there is no control.
	ControlHost netip.Addr

	lookups lookups
	control control
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
// The families of a host name are looked up side by side, once. Its addresses are tried as RFC 8305 describes, and the first completed
// handshake wins; if all fail, status and reason are those of the first address in order, or those of a lookup that failed: an address
// of the name may be missing then. With AllAddresses all are dialled side by side, and status and reason are those of the failed lookup
// or of the worst address. The timeout, greater than zero, limits all of it, from the time at which the first lookup has its turn.
//
// A network failure is an answer, not an error. The error is non-nil only if ctx ended: the check was interrupted, and there is
// no answer.
func (c *Collector) Collect(ctx context.Context, target Target, timeout time.Duration) (Result, error) {
	return c.collect(ctx, c.dialFunc(), target, timeout, nil)
}

// collect is Collect through a dial function, for a check of a round.
func (c *Collector) collect(ctx context.Context, dial DialFunc, target Target, timeout time.Duration, of round) (Result, error) {
	names := resolve(target, func(questions []question) []*lookup {
		return c.lookups.ask(c.resolver(), questions, patience(timeout), of)
	})
	defer c.leave(names)
	if err := names.awaitTurn(ctx); err != nil {
		return Result{}, interrupted(target, err)
	}
	result, _, err := c.connect(ctx, dial, names, timeout)
	return result, err
}

func (c *Collector) leave(names *resolution) {
	for _, asked := range names.asked {
		c.lookups.leave(asked)
	}
}

func interrupted(target Target, err error) error {
	return fmt.Errorf("dial %s: %w", target.Address, err)
}

// patience is how long a lookup in a crowd may stay unanswered.
func patience(timeout time.Duration) time.Duration {
	return min(crowdPatience, timeout/2)
}

// connect dials what a resolution finds, and reports whether it was the timeout that ended the dial, or that of any address.
func (c *Collector) connect(ctx context.Context, dial DialFunc, names *resolution, timeout time.Duration) (result Result, timedOut bool, err error) {
	target := names.target
	start := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dialOne := func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
		return dialFrom(ctx, dial, target.Source, remote)
	}
	if target.AllAddresses {
		result = connectAll(dialCtx, dialOne, names)
	} else {
		result = c.connectAny(dialCtx, dialOne, names)
	}
	timedOut = dialCtx.Err() != nil && result.Reason != ReasonConnected
	result.Duration = time.Since(start)
	result.CollectedAt = start.Add(result.Duration).UTC()
	if ctx.Err() == nil {
		err = c.compareWithControl(ctx, dial, target, &result)
	}
	if ctx.Err() != nil {
		return Result{}, timedOut, interrupted(target, context.Cause(ctx))
	}
	result.Message = Printable(result.Message)
	result.Status = result.Reason.Status()
	result.Attempts = 1
	result.Ready = result.Status == Connected
	return result, timedOut, err
}

// connectAny connects to the first endpoint that accepts.
func (c *Collector) connectAny(ctx context.Context, dial dialEndpoint, names *resolution) Result {
	if len(names.literal) == 1 { // nothing to race
		conn, err := dial(ctx, names.literal[0])
		if err != nil {
			return Result{Reason: dialReason(err), Message: err.Error(), Tried: names.literal}
		}
		return connected(conn, names.literal)
	}
	attempts := race{dial: dial, reaches: c.reaches()}
	if conn := attempts.run(ctx, names.endpoints(ctx)); conn != nil {
		return connected(conn, attempts.tried)
	}
	result := Result{Message: describe(names.failure, attempts.failures, len(attempts.waiting)), Tried: attempts.tried}
	if names.failure != nil {
		result.Reason = lookupReason(names.failure)
	} else {
		result.Reason = reasonOf(attempts.failures)
	}
	return result
}

// reasonOf returns the reason of the first of several attempts that all failed. If there was no time for any, the lookup took it all.
func reasonOf(failures []error) Reason {
	if len(failures) == 0 {
		return ReasonDNSTimeout
	}
	return dialReason(failures[0])
}

// connected closes a connection, and is the result of it.
func connected(conn net.Conn, tried []netip.AddrPort) Result {
	defer conn.Close() //nolint:errcheck // Nothing was written, so nothing can be lost.
	return Result{Reason: ReasonConnected, Remote: addrPort(conn.RemoteAddr()), Local: addrPort(conn.LocalAddr()), Tried: tried}
}

// connectAll connects to every endpoint.
func connectAll(ctx context.Context, dial dialEndpoint, names *resolution) Result {
	results, remote, local := dialAll(ctx, dial, names.endpoints(ctx))
	result := Result{Endpoints: results}
	var failures []string
	for _, endpoint := range results {
		result.Tried = append(result.Tried, endpoint.Endpoint)
		if endpoint.Message != "" {
			failures = append(failures, endpoint.Message)
		}
	}
	switch {
	case names.failure != nil:
		result.Reason = lookupReason(names.failure)
		failures = append([]string{names.failure.Error()}, failures...)
	default:
		result.Reason = worst(results).Reason
	}
	if result.Message = strings.Join(failures, "; "); result.Reason == ReasonConnected {
		result.Remote, result.Local = remote, local
	}
	return result
}

// compareWithControl makes the result of a dial Intercepted if what it shows holds for the control host too. An endpoint of another IP
// family has no control.
func (c *Collector) compareWithControl(ctx context.Context, dial DialFunc, target Target, result *Result) error {
	comparable := func(endpoint netip.AddrPort) bool { return endpoint.Addr().Is4() == c.ControlHost.Is4() }
	tried := result.Tried
	if result.Remote.IsValid() && !target.AllAddresses {
		tried = []netip.AddrPort{result.Remote}
	}
	if !c.ControlHost.IsValid() || !slices.ContainsFunc(tried, comparable) {
		return nil
	}
	port := target.Address.port
	intercepted, err := c.control.intercepts(ctx, dial, c.ControlHost, controlled{port, target.Source})
	if err != nil || !intercepted {
		return err
	}
	text := interceptedBy(netip.AddrPortFrom(c.ControlHost, port))
	for i, endpoint := range result.Endpoints {
		if comparable(endpoint.Endpoint) {
			result.Endpoints[i].Reason, result.Endpoints[i].Status, result.Endpoints[i].Message = ReasonIntercepted, Error, text
		}
	}
	result.Reason, result.Remote, result.Local = ReasonIntercepted, netip.AddrPort{}, netip.AddrPort{}
	result.Message = strings.TrimSuffix(text+"; "+result.Message, "; ")
	return nil
}

// dialFrom opens a connection to one endpoint that is one to somebody else.
func dialFrom(ctx context.Context, dial DialFunc, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	if remote.Addr().WithZone("").IsUnspecified() {
		// Some resolvers answer so for names that they block. The kernel would connect to this machine.
		return nil, fmt.Errorf("dial tcp %s: %w", remote, errUnspecified)
	}
	conn, err := dial(ctx, local, remote)
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
	return systemResolver{}
}

func (c *Collector) dialFunc() DialFunc {
	if c.Dial != nil {
		return c.Dial
	}
	return systemDial
}

// reaches returns the function that reports whether this machine has an address to dial from, nil if it is not this machine that dials.
func (c *Collector) reaches() func(netip.AddrPort) bool {
	if c.Dial == nil {
		return hasSource
	}
	return nil
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

// hasSource reports whether this machine has an address to dial from. UDP needs one too, and shares no ports with TCP. Nothing is sent.
// It has one too if that can't be found out.
func hasSource(remote netip.AddrPort) bool {
	conn, err := net.Dial("udp", remote.String())
	if err == nil {
		_ = conn.Close()
		return true
	}
	switch dialReason(err) {
	case ReasonLocalAddress, ReasonNetworkUnreachable, ReasonHostUnreachable:
		return false
	default:
		return true
	}
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

// describe says why a name did not connect: why its addresses are not known, how each attempt failed, and how many addresses were
// left when the time ran out.
func describe(lookup error, attempts []error, untried int) string {
	var texts []string
	if lookup != nil {
		texts = append(texts, lookup.Error())
	}
	for _, err := range attempts {
		texts = append(texts, err.Error())
	}
	if untried > 0 {
		texts = append(texts, fmt.Sprintf("the time ran out before %d more addresses were tried", untried))
	}
	return strings.Join(texts, "; ")
}
