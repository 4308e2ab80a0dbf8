// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Check is one of the dials of a sweep.
type Check struct {
	Target  Target
	Timeout time.Duration // of this dial, from its own start; greater than zero
}

// spareDescriptors are left to the rest of the process while a sweep runs.
const spareDescriptors = 32

// Sweep makes checks side by side and returns their results in the order of the checks. At most limit are under way at once,
// and no more than the process may open descriptors for: what waits for its turn has not started its timeout. Checks of one name share
// its lookup.
//
// Faults of this machine, such as no free local port, are not answers of the peer. They are waited out, and the target is dialled
// again within the timeout; if that never gets through, the status is Error, and the message says which limit was hit.
//
// Each result is that of Collect. The error is non-nil only if ctx ended: the sweep was interrupted, and there are no results.
func (c *Collector) Sweep(ctx context.Context, checks []Check, limit int) ([]Result, error) {
	shared := make(descriptors, dialShare(freeDescriptors(), slices.ContainsFunc(checks, Check.isName)))
	persistent := redialling(c.dialFunc())
	lookups := make(round)
	results := make([]Result, len(checks))
	turns := make(chan int)
	var workers sync.WaitGroup
	for range min(max(limit, 1), len(checks)) {
		workers.Go(func() {
			for i := range turns {
				own := make(descriptors, 1) // the one that was taken for it
				dial := persistent
				if checks[i].isName() { // and may have many addresses
					dial = within(own, shared, dial)
				}
				results[i], _ = c.collect(ctx, dial, checks[i].Target, checks[i].Timeout, lookups) // the error is that ctx ended
				<-shared
			}
		})
	}
dispatch:
	for i := range checks {
		select {
		case shared <- struct{}{}:
			turns <- i
		case <-ctx.Done():
			break dispatch
		}
	}
	close(turns)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sweep: %w", context.Cause(ctx))
	}
	return results, nil
}

// isName reports whether the host of the check is a name, not an address.
func (c Check) isName() bool {
	_, err := netip.ParseAddr(c.Target.Address.host)
	return err != nil
}

// descriptors is a number of file descriptors that dials may take: to send takes one, to receive gives it back.
type descriptors chan struct{}

// dialShare returns how many descriptors the dials of a sweep may take where so many are free, and lookups of names take their share.
func dialShare(free int, names bool) int {
	share := free - spareDescriptors
	if names {
		share -= min(lookupShare(free), highestBound) * lookupDescriptors
	}
	return max(share, 1)
}

// within makes a dial wait for a descriptor of its check's own, or for a shared one.
func within(own, shared descriptors, dial DialFunc) DialFunc {
	return func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		var from descriptors
		select {
		case own <- struct{}{}:
			from = own
		case shared <- struct{}{}:
			from = shared
		case <-ctx.Done():
			return nil, fmt.Errorf("dial tcp %s: %w", remote, errNoDescriptor)
		}
		defer func() { <-from }() // a connection is closed at once
		return dial(ctx, local, remote)
	}
}

// redialling dials again while a limit of this machine stands in the way, until the context ends.
func redialling(dial DialFunc) DialFunc {
	return func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		start := time.Now()
		var delays *backoff.ExponentialBackOff // nil: no limit was hit
		var fault error
		for {
			attempt := time.Now()
			conn, err := dial(ctx, local, remote)
			if delays != nil && err != nil && isTimeout(err) && time.Since(attempt) < attempt.Sub(start) {
				return nil, fault // most of the time went by before the peer was asked
			}
			limit, hit := limitOf(err, local)
			if !hit {
				return conn, err
			}
			if delays == nil {
				delays = &backoff.ExponentialBackOff{InitialInterval: 10 * time.Millisecond, MaxInterval: 250 * time.Millisecond,
					Multiplier: backoff.DefaultMultiplier, RandomizationFactor: backoff.DefaultRandomizationFactor}
				delays.Reset()
			}
			fault = fmt.Errorf("this machine had no %s left until the timeout: %w", limit, err)
			if sleep(ctx, delays.NextBackOff()) != nil {
				return nil, fault
			}
		}
	}
}
