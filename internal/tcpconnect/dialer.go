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

// Dialer opens TCP connections from one vantage point. It may be used concurrently.
type Dialer interface {
	// Dial opens a connection to an address, from a source address of this machine if that is valid. It returns when the
	// context ends. Its error holds a *ReasonError; an error without one is ReasonOther.
	Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error)

	// ResolvesNames reports which addresses Dial takes. If true, it takes host:port as the user wrote it, and looks names
	// up at the vantage point. If false, it takes ip:port: names are looked up on this machine.
	ResolvesNames() bool

	// Room returns how many dials can be in flight at once, beside what is open now.
	Room() int
}

// ReasonError is an error that carries its reason.
type ReasonError struct {
	Reason Reason
	Err    error

	// Limit names a limit of the vantage point that was reached and may be lifted while one waits, such as "free file
	// descriptor". Empty: waiting changes nothing.
	Limit string
}

// Error returns the text of the error inside.
func (e *ReasonError) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *ReasonError) Unwrap() error { return e.Err }

// dialReason returns the reason that the error of a dial carries.
func dialReason(err error) Reason {
	if known, ok := errors.AsType[*ReasonError](err); ok {
		return known.Reason
	}
	return ReasonOther
}

// dialFunc is the method Dial of a Dialer.
type dialFunc func(ctx context.Context, source netip.Addr, address string) (net.Conn, error)

// redialling dials again while a limit of the vantage point stands in the way, until the context ends.
func redialling(dial dialFunc) dialFunc {
	return func(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
		start := time.Now()
		var delays *backoff.ExponentialBackOff // nil: no limit was reached
		var fault error
		for {
			attempt := time.Now()
			conn, err := dial(ctx, source, address)
			if delays != nil && dialReason(err) == ReasonNoResponse && time.Since(attempt) < attempt.Sub(start) {
				return nil, fault // most of the time went by before the peer was asked
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
			fault = fmt.Errorf("this machine had no %s left until the timeout: %w", reached.Limit, err)
			if sleep(ctx, delays.NextBackOff()) != nil {
				return nil, fault
			}
		}
	}
}
