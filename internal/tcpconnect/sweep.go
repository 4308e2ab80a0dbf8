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
				need := min(checks[i].Target.descriptors(), budget)
				collector := persistent
				if need > 1 { // a name, which may have many addresses
					collector = allowance{semaphore.NewWeighted(need), need, descriptors}.limit(persistent)
				}
				results[i], _ = collector.Collect(ctx, checks[i].Target, checks[i].Timeout) // the error is that ctx ended
				descriptors.Release(need)
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

// allowance is what a check may open: the descriptors that were set aside before it began, and beyond them what is free.
type allowance struct {
	own    *semaphore.Weighted
	lookup int64 // what a lookup takes: all of its own
	shared *semaphore.Weighted
}

// take waits for n descriptors and returns a function that gives them back.
func (a allowance) take(ctx context.Context, n int64) (giveBack func(), err error) {
	for {
		for _, source := range []*semaphore.Weighted{a.own, a.shared} {
			if source.TryAcquire(n) {
				return func() { source.Release(n) }, nil
			}
		}
		// Rare: a name has more silent addresses than were reckoned with, and the process has no more descriptors.
		if sleep(ctx, 10*time.Millisecond) != nil {
			return nil, errNoDescriptor
		}
	}
}

// limit keeps a collector to the allowance.
func (a allowance) limit(c Collector) Collector {
	dial, resolver := c.dialFunc(), c.resolver()
	return Collector{
		Resolver: resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			giveBack, err := a.take(ctx, a.lookup)
			if err != nil {
				return nil, err
			}
			defer giveBack()
			return resolver.LookupNetIP(ctx, network, host)
		}),
		Dial: func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			giveBack, err := a.take(ctx, 1)
			if err != nil {
				return nil, fmt.Errorf("dial tcp %s: %w", remote, err)
			}
			defer giveBack() // a connection is closed at once
			return dial(ctx, local, remote)
		},
	}
}

type resolverFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return f(ctx, network, host)
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
