// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Dialer opens TCP connections. It may be used concurrently.
type Dialer interface {
	// Dial opens a connection to ip:port, from a source address of this machine if source is valid. It returns when the
	// context ends. Its error wraps a *ReasonError; an error that does not is ReasonOther.
	Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error)

	// Room returns how many more dials can be in flight at once. Less than 1 counts as 1.
	Room() int
}

// VantagePoint is a place to dial from that is not this machine. It may be used concurrently.
//
// Nothing but its word about the peer is ReasonConnected, ReasonRefused, ReasonNoResponse or ReasonNoSuchHost. What
// happens on the way to it is ReasonVantageUnreachable, ReasonVantageLimit or ReasonVantageProhibited. An error that
// wraps a *VantagePointError is no answer at all.
type VantagePoint interface {
	Dialer

	// ResolvesNames reports whether Dial takes host:port as the user wrote it, and the far end looks names up.
	ResolvesNames() bool

	// Resolver looks names up, unless ResolvesNames. nil: this machine's.
	Resolver() Resolver

	// Prepare reaches the vantage point, and makes sure that what it says about a port can be believed. It is called
	// before each dial, and is not part of the timeout of a check. A failure is shared for a while, unless again is
	// true: the check has dialled before.
	Prepare(ctx context.Context, port uint16, again bool) error

	// Confirm returns an error if the vantage point does not answer any more. unanswered is the error of a dial that
	// was not answered, nil if it was a lookup.
	Confirm(ctx context.Context, unanswered error) error
}

// VantagePointError says why a vantage point can't be asked: it is not who it should be, it does not let this machine
// in, or it says of every address that it connected. It is an error of the configuration, not an answer.
type VantagePointError struct {
	Name string // of the vantage point
	Err  error  // whole sentences that say what to do
}

// Error names the vantage point.
func (e *VantagePointError) Error() string {
	return fmt.Sprintf("Vantage point %q: %s", e.Name, e.Err)
}

// Unwrap returns the wrapped error.
func (e *VantagePointError) Unwrap() error { return e.Err }

// ReasonError is an error with its reason.
type ReasonError struct {
	Reason Reason
	Err    error

	// Limit says which limit was reached for now, such as "this machine had no free file descriptor". Empty: waiting
	// changes nothing.
	Limit string
}

// Error returns the text of the wrapped error.
func (e *ReasonError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *ReasonError) Unwrap() error { return e.Err }

// dialReason returns the reason of the error of a dial.
func dialReason(err error) Reason {
	if known, ok := errors.AsType[*ReasonError](err); ok {
		return known.Reason
	}
	return ReasonOther
}

// dialFunc is the method Dial of a Dialer.
type dialFunc func(ctx context.Context, source netip.Addr, address string) (net.Conn, error)

// redialling returns a function that dials again while a limit of the vantage point is reached, until the context ends.
func redialling(dial dialFunc) dialFunc {
	return func(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
		start := time.Now()
		var delays *backoff.ExponentialBackOff // nil: no limit was reached
		var fault error
		for {
			attempt := time.Now()
			conn, err := dial(ctx, source, address)
			if delays != nil && dialReason(err) == ReasonNoResponse && time.Since(attempt) < attempt.Sub(start) {
				return nil, fault // more time was spent on the limit than on the peer, so its silence shows nothing
			}
			reached, ok := errors.AsType[*ReasonError](err)
			if !ok || reached.Limit == "" {
				return conn, err
			}
			if delays == nil {
				delays = &backoff.ExponentialBackOff{
					InitialInterval:     10 * time.Millisecond,
					MaxInterval:         250 * time.Millisecond,
					Multiplier:          backoff.DefaultMultiplier,
					RandomizationFactor: backoff.DefaultRandomizationFactor,
				}
				delays.Reset()
			}
			fault = fmt.Errorf("%s left until the timeout: %w", reached.Limit, err)
			if sleep(ctx, delays.NextBackOff(), nil) != nil {
				return nil, fault
			}
		}
	}
}
