// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// attemptDelay is how long an attempt may stay unanswered before the next address is tried beside it: the Connection
// Attempt Delay that RFC 8305, section 5, recommends.
const attemptDelay = 250 * time.Millisecond

// endpointDial opens a connection to one endpoint.
type endpointDial func(ctx context.Context, remote netip.AddrPort) (net.Conn, error)

// race connects to any of several endpoints.
type race struct {
	dial      endpointDial
	hasSource func(netip.AddrPort) bool // reports whether there is an address to dial an endpoint from; nil: not known
	waiting   []netip.AddrPort          // to be tried, in this order
	tried     []netip.AddrPort
	failures  []error // of tried; nil: in flight
	ended     chan attempt
}

type attempt struct {
	index int // in tried
	conn  net.Conn
	err   error
}

// run dials endpoints as RFC 8305 describes, and returns the first connection. It dials the next endpoint as soon as
// the one before has failed or was silent for attemptDelay. The first attempt waits for the endpoints of the other
// family, at most for resolutionDelay (section 3). run returns nil if all attempts failed and no more endpoints will be
// found, or if the context ended.
func (r *race) run(ctx context.Context, found <-chan []netip.AddrPort) net.Conn {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.ended = make(chan attempt)
	returned := make(chan struct{})
	defer close(returned)

	inFlight, mayStart := 0, false
	delay := time.NewTimer(time.Hour) // is reset before its first use
	defer delay.Stop()
	for {
		if mayStart && len(r.waiting) > 0 && ctx.Err() == nil {
			r.start(ctx, returned)
			inFlight, mayStart = inFlight+1, false
			delay.Reset(attemptDelay)
		}
		if inFlight == 0 && found == nil && (len(r.waiting) == 0 || ctx.Err() != nil) {
			return nil
		}
		select {
		case endpoints, open := <-found:
			isFirst := len(r.tried) == 0 && len(r.waiting) == 0
			if r.add(endpoints); !open {
				found, mayStart = nil, mayStart || len(r.tried) == 0
			} else if isFirst {
				delay.Reset(resolutionDelay)
			}
		case end := <-r.ended:
			if end.err == nil {
				return end.conn
			}
			r.failures[end.index] = end.err
			inFlight, mayStart = inFlight-1, true
		case <-delay.C:
			mayStart = true
		}
	}
}

// start dials the next endpoint.
func (r *race) start(ctx context.Context, returned <-chan struct{}) {
	mine := attempt{index: len(r.tried)}
	remote := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.tried = append(r.tried, remote)
	r.failures = append(r.failures, nil)
	go func() {
		mine.conn, mine.err = r.dial(ctx, remote)
		select {
		case r.ended <- mine:
		case <-returned:
			if mine.conn != nil {
				_ = mine.conn.Close() // connected after another attempt had won
			}
		}
	}()
}

// add adds endpoints of one family to those that wait, so that the families alternate: RFC 8305, section 4, with a
// First Address Family Count of 1. IPv6 is first, or the new family if the other has been tried. Endpoints that this
// machine has no address to dial from are last: RFC 6724, section 6, rule 1.
func (r *race) add(endpoints []netip.AddrPort) {
	if len(endpoints) == 0 {
		return
	}
	first, second := endpoints, r.waiting
	if len(r.tried) == 0 && len(second) > 0 && second[0].Addr().Is6() {
		first, second = second, first
	}
	r.waiting = alternate(first, second)
	if len(r.waiting) > 1 && r.hasSource != nil {
		sourceless := make(map[netip.AddrPort]int)
		for _, endpoint := range r.waiting {
			if !r.hasSource(endpoint) {
				sourceless[endpoint] = 1
			}
		}
		slices.SortStableFunc(r.waiting, func(a, b netip.AddrPort) int {
			return cmp.Compare(sourceless[a], sourceless[b])
		})
	}
}

// alternate takes from both in turn, and keeps the order of each.
func alternate(first, second []netip.AddrPort) []netip.AddrPort {
	both := make([]netip.AddrPort, 0, len(first)+len(second))
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			both = append(both, first[i])
		}
		if i < len(second) {
			both = append(both, second[i])
		}
	}
	return both
}
