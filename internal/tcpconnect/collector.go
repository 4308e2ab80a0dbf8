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

// DefaultCollectorName is the name of a collector without one, as in Troubleshoot.
const DefaultCollectorName = "connect"

// Collector makes checks. The zero value uses the system's resolver and dialer. It may be used concurrently: checks
// that run at the same time share lookups and the limits of dials and lookups. It must not be copied after first use.
type Collector struct {
	Resolver Resolver // nil: the system's
	Dialer   Dialer   // nil: the system's

	// VantagePoints are other places to dial from, by name: see Target.Via.
	VantagePoints map[string]VantagePoint

	// ControlHost is an IP address at which nothing listens. If a dial of it connects, the result for that port is
	// ReasonIntercepted. It is dialled once for each port, source address and vantage point, for at most one second,
	// which is not part of the timeout of the check. Zero: there is no control host.
	ControlHost netip.Addr

	lookups lookups
	control control
	room    room
	origins origins
	origin  origin // of a Collector that is one of origins
}

// Result is the answer of a check.
type Result struct {
	Status Status
	Reason Reason
	// Message is what the operating system, the resolver or the vantage point said about each endpoint. It is empty if
	// connected.
	Message     string
	Via         string           // the vantage point that dialled; empty: this machine
	resolved    resolved         // who looks names up
	Remote      netip.AddrPort   // of the connection, zero if there was none
	Local       netip.AddrPort   // of the connection, zero if there was none
	Tried       []netip.AddrPort // the endpoints that were dialled, in order
	Endpoints   []EndpointResult // one for each endpoint, with AllAddresses only
	CollectedAt time.Time        // when the last dial ended, UTC
	Duration    time.Duration    // including name resolution and delays between dials
	Attempts    int64            // how many dials were made
	Ready       bool             // connected, or what a Retry waits for
}

// EndpointResult is the result of one of several endpoints.
type EndpointResult struct {
	Endpoint netip.AddrPort
	Status   Status
	Reason   Reason
	Message  string
	Duration time.Duration
}

// Collect makes a check. It closes every connection at once, and sends nothing. If report is not nil, it is called
// after each dial.
//
// A dial looks up the families of a host name side by side, once. It tries the addresses as RFC 8305 describes, and the
// first completed handshake wins. If all fail, status and reason are those of the first address in order. If a lookup
// failed too, they are those of the lookup, because an address of the name may be missing. With AllAddresses, all
// addresses are dialled side by side, and status and reason are those of the failed lookup or of the worst address. The
// timeout starts when the first lookup has its turn.
//
// With a Retry, the target is dialled until it is ready.
//
// A network failure is a result, not an error. The error is a *VantagePointError if the vantage point can't be asked.
// Otherwise it is non-nil only if ctx ended: the check was interrupted, and there is no result.
func (c *Collector) Collect(ctx context.Context, check Check, report func(Attempt)) (Result, error) {
	from, err := c.from(check.Target)
	if err != nil {
		return Result{}, err
	}
	return from.collect(ctx, &check, &conditions{dial: from.dialer().Dial}, report)
}

// conditions are what a sweep sets for its checks.
type conditions struct {
	dial  dialFunc
	place *place // limits the dials in flight; nil: no limit
	round round  // shared lookups

	enough <-chan struct{} // is closed when no further dial is wanted; nil: never
}

func (c *Collector) collect(
	ctx context.Context, check *Check, by *conditions, report func(Attempt),
) (result Result, err error) {
	if report == nil {
		report = func(Attempt) {}
	}
	if err = by.place.take(ctx); err != nil {
		return result, interrupted(check.Target, err)
	}
	defer by.place.give()
	c.origin.await(ctx, check.Target.Address.port)
	names := c.resolve(check.Target, func(questions []question) []*lookup {
		return c.lookups.ask(c.resolver(), questions, patience(*check), by.round)
	})
	if err = names.awaitTurn(ctx); err != nil {
		c.leave(names)
		return result, interrupted(check.Target, err)
	}
	if check.Retry != nil {
		return c.wait(ctx, *check, by, names, report)
	}
	defer c.leave(names)
	if result, _, err = c.connect(ctx, by.dial, names, check.Timeout, false); err == nil {
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

// patience returns how long a lookup of the check may stay unanswered in a crowd.
func patience(check Check) time.Duration {
	limit := check.Timeout
	if check.Retry != nil {
		limit = check.Retry.AttemptTimeout
	}
	return min(crowdPatience, limit/2)
}

// connect dials the endpoints of a resolution, and reports whether the timeout ended the dial of any of them. again
// says that the check has dialled before.
func (c *Collector) connect(
	ctx context.Context, dial dialFunc, names *resolution, timeout time.Duration, again bool,
) (result Result, timedOut bool, err error) {
	target := names.target
	start := time.Now()
	dialCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	questioned := c.origin.question(ctx, dial)
	if questioned != nil {
		dial = questioned.dial
	}
	dialOne := func(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
		return dialEndpoint(ctx, dial, target.Source, remote)
	}
	switch unready := c.origin.prepare(dialCtx, target.Address.port, again); {
	case unready != nil:
		questioned.note(unready)
		result = Result{Reason: dialReason(unready), Message: unready.Error()}
	case names.byDialer:
		result = connectByName(dialCtx, dial, target)
	case target.AllAddresses:
		result = connectAll(dialCtx, dialOne, names)
	default:
		result = c.connectAny(dialCtx, dialOne, names)
	}
	timedOut = dialCtx.Err() != nil && result.Reason != ReasonConnected
	result.Duration = time.Since(start)
	result.CollectedAt = start.Add(result.Duration).UTC()
	questioned.confirmLookup(names, &result)
	if ctx.Err() == nil {
		err = c.compareWithControl(ctx, dial, names, &result)
	}
	if ctx.Err() != nil {
		return Result{}, timedOut, interrupted(target, context.Cause(ctx))
	}
	if untrusted := questioned.untrusted(); untrusted != nil {
		return Result{}, timedOut, untrusted
	}
	result.Via, result.resolved = target.Via, c.origin.resolved()
	result.Message = Printable(c.origin.describe(result.Message))
	result.Status = result.Reason.Status()
	result.Attempts = 1
	result.Ready = result.Status == Connected
	return result, timedOut, err
}

// connectByName connects to a name that is resolved at the vantage point. Its addresses are not known here.
func connectByName(ctx context.Context, dial dialFunc, target Target) Result {
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
	result := Result{
		Message: describe(names.failure, attempts.failures, len(attempts.waiting)),
		Tried:   attempts.tried,
	}
	if names.failure != nil {
		result.Reason = lookupReason(names.failure)
	} else {
		result.Reason = reasonOf(attempts.failures)
	}
	return result
}

// reasonOf returns the reason of the first failed attempt. A vantage point that did not dial one of the endpoints comes
// first, because that may be the one that answers. If there was no time for any attempt, the lookup took it all.
func reasonOf(failures []error) Reason {
	if len(failures) == 0 {
		return ReasonDNSTimeout
	}
	for _, failure := range failures {
		if reason := dialReason(failure); reason.vantage() {
			return reason
		}
	}
	return dialReason(failures[0])
}

// connected closes a connection and returns its result.
func connected(conn net.Conn, tried []netip.AddrPort) Result {
	defer conn.Close() //nolint:errcheck // Nothing was written, so nothing can be lost.
	return Result{
		Reason: ReasonConnected,
		Remote: addrPort(conn.RemoteAddr()),
		Local:  addrPort(conn.LocalAddr()),
		Tried:  tried,
	}
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

// compareWithControl sets the reason to ReasonIntercepted if the control host accepts a connection too. It does so for
// endpoints of the control host's IP family only, and if they are not known.
func (c *Collector) compareWithControl(
	ctx context.Context, dial dialFunc, names *resolution, result *Result,
) error {
	target := names.target
	comparable := func(endpoint netip.AddrPort) bool { return endpoint.Addr().Is4() == c.ControlHost.Is4() }
	tried := result.Tried
	if result.Remote.IsValid() && !target.AllAddresses {
		tried = []netip.AddrPort{result.Remote}
	}
	isComparable := names.byDialer || slices.ContainsFunc(tried, comparable)
	if !c.ControlHost.IsValid() || !isComparable || result.Reason.vantage() {
		return nil
	}
	port := target.Address.port
	intercepted, fault, err := c.control.intercepts(ctx, dial, c.ControlHost, controlKey{port, target.Source})
	if err != nil || !intercepted && fault == nil {
		return err
	}
	reason, text := ReasonIntercepted, interceptedBy(netip.AddrPortFrom(c.ControlHost, port))
	if fault != nil {
		reason, text = dialReason(fault), "the control host could not be dialled: "+fault.Error()
	}
	for i, endpoint := range result.Endpoints {
		if comparable(endpoint.Endpoint) {
			result.Endpoints[i].Reason, result.Endpoints[i].Status = reason, reason.Status()
			result.Endpoints[i].Message = text
		}
	}
	result.Reason, result.Remote, result.Local = reason, netip.AddrPort{}, netip.AddrPort{}
	result.Message = strings.TrimSuffix(text+"; "+result.Message, "; ")
	return nil
}

// dialEndpoint opens a connection to one endpoint. It refuses unspecified addresses and connections to themselves.
func dialEndpoint(ctx context.Context, dial dialFunc, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	if remote.Addr().WithZone("").IsUnspecified() {
		// Some resolvers return such addresses for names that they block. The kernel would connect to this machine.
		return nil, &ReasonError{Reason: ReasonOther, Err: fmt.Errorf("dial tcp %s: %w", remote, errUnspecified)}
	}
	conn, err := dial(ctx, source, remote.String())
	if err != nil {
		return nil, err
	}
	if met := addrPort(conn.RemoteAddr()); met.IsValid() && met == addrPort(conn.LocalAddr()) {
		// TCP can connect a socket to itself (RFC 9293, section 3.5, simultaneous open), if the kernel picks the
		// dialled port of this machine as the local one. So nothing listens there.
		_ = conn.Close()
		return nil, &ReasonError{Reason: ReasonRefused, Err: fmt.Errorf("dial tcp %s: %w", remote, errSelfConnected)}
	}
	return conn, nil
}

var (
	errUnspecified   = errors.New("the resolver returned the unspecified address, which would mean this machine")
	errSelfConnected = errors.New("connection refused: the socket connected to itself, so nothing listens there")
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

// sources returns a function that reports whether this machine has an address to dial an endpoint from. It is nil if
// another vantage point dials.
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

// describe returns the message for a name that did not connect: the error of its lookup, the error of each attempt, and
// how many addresses were not tried.
func describe(lookup error, attempts []error, untried int) string {
	var texts []string
	if lookup != nil {
		texts = append(texts, lookup.Error())
	}
	for _, err := range attempts {
		texts = append(texts, err.Error())
	}
	if untried > 0 {
		texts = append(texts, fmt.Sprintf("addresses not tried before the timeout: %d", untried))
	}
	return strings.Join(texts, "; ")
}
