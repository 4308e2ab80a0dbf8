// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// origins are the Collectors that dial from the vantage points of a Collector. The zero value is ready for use.
type origins struct {
	mu         sync.Mutex
	collectors map[string]*Collector // by name of the vantage point
}

// from returns the Collector that dials a target: this one, or the one of the target's vantage point.
func (c *Collector) from(target Target) (*Collector, error) {
	if target.Via == "" {
		return c, nil
	}
	point := c.VantagePoints[target.Via]
	if point == nil {
		unknown := errors.New("The provider's configuration has no vantage_point of that name.")
		return nil, &VantagePointError{target.Via, unknown}
	}
	if point.ResolvesNames() {
		if err := target.ValidateResolvedThere(); err != nil {
			return nil, &VantagePointError{target.Via, err}
		}
	}
	c.origins.mu.Lock()
	defer c.origins.mu.Unlock()
	if c.origins.collectors == nil {
		c.origins.collectors = make(map[string]*Collector)
	}
	there := c.origins.collectors[target.Via]
	if there == nil {
		there = &Collector{
			Dialer: point, Resolver: point.Resolver(), ControlHost: c.ControlHost, origin: origin{target.Via, point},
		}
		if there.Resolver == nil {
			there.Resolver = c.Resolver
		}
		c.origins.collectors[target.Via] = there
	}
	return there, nil
}

// ValidateResolvedThere returns an error if the target asks for more about a name than a vantage point tells that
// resolves it.
func (t Target) ValidateResolvedThere() error {
	if _, isIP := t.Address.ip(); isIP {
		return nil
	}
	const argument = "It resolves the name %s itself and does not tell its addresses, so %s can't be used. Set " +
		"resolve in the vantage_point block to \"here\" or to a name server that it reaches, such as " +
		"\"10.0.0.2:53\", or leave %[2]s out."
	switch {
	case t.AllAddresses:
		return fmt.Errorf(argument, t.Address.host, "all_addresses")
	case t.Family != "":
		return fmt.Errorf(argument, t.Address.host, "ip_family")
	default:
		return nil
	}
}

// origin is the vantage point of a Collector. The zero value is this machine.
type origin struct {
	name  string
	point VantagePoint
}

// resolvesNames reports whether the vantage point looks names up.
func (o origin) resolvesNames() bool { return o.point != nil && o.point.ResolvesNames() }

// resolved says who looks names up.
func (o origin) resolved() resolved {
	switch {
	case o.point == nil || o.point.ResolvesNames():
		return resolvedWhereDialled
	case o.point.Resolver() == nil:
		return resolvedHere
	default:
		return resolvedByNameServer
	}
}

// await prepares the vantage point before the timeout of a check starts. If that fails, prepare fails again.
func (o origin) await(ctx context.Context, port uint16) {
	if o.point != nil {
		_ = o.point.Prepare(ctx, port, false)
	}
}

// prepare prepares the vantage point for a dial of a port.
func (o origin) prepare(ctx context.Context, port uint16, again bool) error {
	if o.point == nil {
		return nil
	}
	return o.point.Prepare(ctx, port, again)
}

// describe returns a message that says where it comes from.
func (o origin) describe(message string) string {
	if o.point == nil || message == "" {
		return message
	}
	return "from " + o.name + ": " + message
}

// question returns a way to dial from a vantage point, nil from this machine. ctx is that of the check.
func (o origin) question(ctx context.Context, dial dialFunc) *questioned {
	if o.point == nil {
		return nil
	}
	return &questioned{origin: o, ctx: ctx, inner: dial}
}

// questioned is a way to dial from a vantage point whose silence is not taken for the peer's. nil is the way from this
// machine, which needs no questions.
type questioned struct {
	origin
	ctx   context.Context // of the check, without its timeout
	inner dialFunc

	mu    sync.Mutex
	fatal *VantagePointError
}

// dial dials. If nothing answered, it asks whether the vantage point still does.
func (q *questioned) dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	conn, err := q.inner(ctx, source, address)
	if err == nil {
		return conn, nil
	}
	isSilent := dialReason(err).Status() == ConnectionTimeout
	isLost := errors.Is(ctx.Err(), context.Canceled) // to another address, or the run was interrupted
	if isSilent && !isLost {
		if gone := q.point.Confirm(q.ctx, err); gone != nil {
			err = gone
		}
	}
	q.note(err)
	return nil, err
}

// confirmLookup asks whether the vantage point still answers if a lookup through it was not answered.
func (q *questioned) confirmLookup(names *resolution, result *Result) {
	if q == nil {
		return
	}
	if result.Reason != ReasonConnected { // otherwise lookups may still be under way
		q.note(names.failure)
	}
	if len(names.asked) == 0 || result.Reason != ReasonDNSTimeout || q.point.Resolver() == nil {
		return
	}
	if gone := q.point.Confirm(q.ctx, nil); gone != nil {
		q.note(gone)
		result.Reason, result.Message = dialReason(gone), gone.Error()+"; "+result.Message
	}
}

// note keeps an error that is no answer.
func (q *questioned) note(err error) {
	if untrusted, ok := errors.AsType[*VantagePointError](err); ok {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.fatal = untrusted
	}
}

// untrusted returns the error if the vantage point can't be asked, nil otherwise.
func (q *questioned) untrusted() error {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fatal == nil {
		return nil // not an interface that holds a nil pointer
	}
	return q.fatal
}
