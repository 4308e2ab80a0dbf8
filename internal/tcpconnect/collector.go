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

// Collector makes checks. The zero value uses the system's resolver and dialer. It may be used concurrently: checks that
// run at the same time share lookups and the bounds of what may be in flight. It must not be copied after first use.
type Collector struct {
	Resolver Resolver // nil: the system's
	Dialer   Dialer   // nil: the system's

	// ControlHost is an IP address at which nothing listens. If a dial of it connects, the result for that port is
	// ReasonIntercepted. It is dialled once for each port and source address, outside of any timeout but its own second.
	// Zero: there is no control.
	ControlHost netip.Addr

	lookups lookups
	control control
	room    room
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

// Collect makes a check and closes every connection at once, having sent nothing. If report is not nil, it is called
// after each dial.
//
// A dial looks the families of a host name up side by side, once. It tries the addresses as RFC 8305 describes, and the
// first completed handshake wins; if all fail, status and reason are those of the first address in order, or those of a
// lookup that failed: an address of the name may be missing then. With AllAddresses all are dialled side by side, and
// status and reason are those of the failed lookup or of the worst address. The timeout limits all of it, from the time
// at which the first lookup has its turn.
//
// With a Retry the target is dialled until it is ready; see there.
//
// A network failure is an answer, not an error. The error is non-nil only if ctx ended: the check was interrupted, and
// there is no result.
func (c *Collector) Collect(ctx context.Context, check Check, report func(Attempt)) (Result, error) {
	return c.collect(ctx, check, conditions{dial: c.dialer().Dial}, report)
}

// conditions are under which a check is made.
type conditions struct {
	dial  dialFunc
	place *place // in a sweep, which bounds the dials in flight; nil: none
	round round  // lookups that checks share
}

func (c *Collector) collect(ctx context.Context, check Check, by conditions, report func(Attempt)) (Result, error) {
	if report == nil {
		report = func(Attempt) {}
	}
	if err := by.place.take(ctx); err != nil {
		return Result{}, interrupted(check.Target, err)
	}
	defer by.place.give()
	names := c.resolve(check.Target, func(questions []question) []*lookup {
		return c.lookups.ask(c.resolver(), questions, patience(check), by.round)
	})
	if err := names.awaitTurn(ctx); err != nil {
		c.leave(names)
		return Result{}, interrupted(check.Target, err)
	}
	if check.Retry != nil {
		return c.wait(ctx, check, by, names, report)
	}
	defer c.leave(names)
	result, _, err := c.connect(ctx, by.dial, names, check.Timeout)
	if err == nil {
		report(Attempt{Number: 1, Result: result})
	}
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

// patience is how long a lookup of the check may stay unanswered in a crowd.
func patience(check Check) time.Duration {
	limit := check.Timeout
	if check.Retry != nil {
		limit = check.Retry.AttemptTimeout
	}
	return min(crowdPatience, limit/2)
}

// connect dials what a resolution finds, and reports whether it was the timeout that ended the dial, or that of any address.
func (c *Collector) connect(ctx context.Context, dial dialFunc, names *resolution, timeout time.Duration) (result Result, timedOut bool, err error) {
	target := names.target
	start := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dialOne := func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
		return dialEndpoint(ctx, dial, target.Source, remote)
	}
	switch {
	case names.isFar:
		result = connectFar(dialCtx, dial, target)
	case target.AllAddresses:
		result = connectAll(dialCtx, dialOne, names)
	default:
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

// connectFar connects to a name that is resolved at the vantage point, so that its addresses are not known here.
func connectFar(ctx context.Context, dial dialFunc, target Target) Result {
	conn, err := dial(ctx, target.Source, target.Address.String())
	if err != nil {
		return Result{Reason: dialReason(err), Message: err.Error()}
	}
	_ = conn.Close() // nothing was written, so nothing can be lost
	return Result{Reason: ReasonConnected}
}

// connectAny connects to the first endpoint that accepts.
func (c *Collector) connectAny(ctx context.Context, dial endpointDial, names *resolution) Result {
	if len(names.literal) == 1 { // nothing to race
		conn, err := dial(ctx, names.literal[0])
		if err != nil {
			return Result{Reason: dialReason(err), Message: err.Error(), Tried: names.literal}
		}
		return connected(conn, names.literal)
	}
	attempts := race{dial: dial, hasSource: c.sources()}
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
func connectAll(ctx context.Context, dial endpointDial, names *resolution) Result {
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
func (c *Collector) compareWithControl(ctx context.Context, dial dialFunc, target Target, result *Result) error {
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

// dialEndpoint opens a connection to one endpoint, which is not this very connection.
func dialEndpoint(ctx context.Context, dial dialFunc, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	if remote.Addr().WithZone("").IsUnspecified() {
		// Some resolvers answer so for names that they block. The kernel would connect to this machine.
		return nil, &ReasonError{Reason: ReasonOther, Err: fmt.Errorf("dial tcp %s: %w", remote, errUnspecified)}
	}
	conn, err := dial(ctx, source, remote.String())
	if err != nil {
		return nil, err
	}
	if met := addrPort(conn.RemoteAddr()); met.IsValid() && met == addrPort(conn.LocalAddr()) {
		// TCP can connect a socket to itself (RFC 9293, section 3.5, simultaneous open) if the kernel picks the dialled
		// port of this machine as the local one. That shows that nobody listens there.
		_ = conn.Close()
		return nil, &ReasonError{Reason: ReasonRefused, Err: fmt.Errorf("dial tcp %s: %w", remote, errSelfConnected)}
	}
	return conn, nil
}

var (
	errUnspecified   = errors.New("the resolver gave the unspecified address, which would mean this machine")
	errSelfConnected = errors.New("connection refused: the connection met itself, nothing listens there")
)

func (c *Collector) resolver() Resolver {
	if c.Resolver != nil {
		return c.Resolver
	}
	return systemResolver{}
}

func (c *Collector) dialer() Dialer {
	if c.Dialer != nil {
		return c.Dialer
	}
	return systemDialer{}
}

// sources returns the function that reports whether there is an address to dial an endpoint from, nil if only the
// vantage point knows.
func (c *Collector) sources() func(netip.AddrPort) bool {
	if c.Dialer != nil {
		return nil
	}
	return func(endpoint netip.AddrPort) bool { return hasSource(endpoint.String()) }
}

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
