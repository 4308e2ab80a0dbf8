// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/semaphore"
)

// Check is one of the dials of a sweep.
type Check struct {
	Target  Target
	Timeout time.Duration // of this dial, from its own start; greater than zero
}

// spareDescriptors are left to the rest of the process while a sweep runs.
const spareDescriptors = 32

// lookupDescriptors is how many descriptors a name lookup needs at once: a socket for each family, and the resolver's files.
const lookupDescriptors = 4

// Sweep makes checks side by side and returns their results in the order of the checks. At most limit are under way at once,
// and no more than the process may open descriptors for: what waits for its turn has not started its timeout.
//
// Faults of this machine, such as no free local port, are no answers of the peer. They are waited out, and the target is dialled
// again within the timeout; if that never gets through, the status is Error, and the message says which limit was hit.
//
// Each result is that of Collect. The error is non-nil only if ctx ended: the sweep was interrupted, and there are no results.
func (c *Collector) Sweep(ctx context.Context, checks []Check, limit int) ([]Result, error) {
	budget := int64(max(freeDescriptors()-spareDescriptors, 1))
	descriptors := semaphore.NewWeighted(budget)
	persistent := Collector{Resolver: c.Resolver, Dial: redialling(c.dialFunc())}
	results := make([]Result, len(checks))
	turns := make(chan int)
	var workers sync.WaitGroup
	for range min(max(limit, 1), len(checks)) {
		workers.Go(func() {
			for i := range turns {
				results[i], _ = persistent.Collect(ctx, checks[i].Target, checks[i].Timeout) // the error is that ctx ended
				descriptors.Release(min(checks[i].Target.descriptors(), budget))
			}
		})
	}
	for i, check := range checks {
		if descriptors.Acquire(ctx, min(check.Target.descriptors(), budget)) != nil {
			break // ctx ended
		}
		turns <- i
	}
	close(turns)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("sweep: %w", context.Cause(ctx))
	}
	return results, nil
}

// descriptors is how many descriptors a check of the target needs at once.
func (t Target) descriptors() int64 {
	if _, err := netip.ParseAddr(t.Address.host); err == nil {
		return 1
	}
	return lookupDescriptors
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
