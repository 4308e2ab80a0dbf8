// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// SweepOptions say how a sweep makes its checks. The zero value makes one dial at a time and waits for all checks.
type SweepOptions struct {
	Limit int // maximum number of dials in flight; less than 1 counts as 1

	// Optional[i] says that nobody waits for the check i: it makes at least one dial, and after all checks that are not
	// optional have ended, it goes on only while its dials end in a status of Until. If all are optional, none is. nil:
	// none is.
	Optional []bool

	Report func(check int, attempt Attempt) // is called after each dial, concurrently; nil: nothing is
}

// Sweep makes checks side by side and returns their results in the order of the checks. From each vantage point it has
// no more dials in flight than the dialer has room for, which all sweeps of a Collector share. A check that waits for
// its turn has not started its timeout, and one that waits between two dials takes nobody's turn. Checks of one name
// share its lookup.
//
// Limits of this machine or of a vantage point, such as no free local port, are not answers of the peer. They are
// waited out, and the target is dialled again within the timeout; if that never gets through, the message says which
// limit was reached.
//
// Each result is that of Collect. The error is a *VantagePointError if the vantage point of a check can't be asked, and
// otherwise non-nil only if ctx ended: the sweep was interrupted. There are no results then.
func (c *Collector) Sweep(ctx context.Context, checks []Check, options SweepOptions) ([]Result, error) {
	groups, err := c.groupByOrigin(checks)
	if err != nil {
		return nil, err
	}
	sweepCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	required := newRequired(options.Optional, len(checks))
	own := make(slots, max(options.Limit, 1))
	results, failures := make([]Result, len(checks)), make([]error, len(checks))
	var sweeps sync.WaitGroup
	for from, members := range groups {
		shared := from.room.enter(from.dialer().Room)
		defer from.room.leave()
		dial, lookups := redialling(from.dialer().Dial), make(round)
		check := func(i int, place *place) {
			by := &conditions{dial: dial, place: place, round: lookups, enough: required.enoughFor(i)}
			if _, isIP := checks[i].Target.Address.ip(); !isIP { // it may have many addresses
				by.dial = within(shared, dial)
			}
			var report func(Attempt)
			if options.Report != nil {
				report = func(attempt Attempt) { options.Report(i, attempt) }
			}
			results[i], failures[i] = from.collect(sweepCtx, &checks[i], by, report)
			if untrusted, ok := errors.AsType[*VantagePointError](failures[i]); ok {
				stop(untrusted) // nothing will be judged
			}
			required.end(i)
		}
		sweeps.Go((&sweep{own: own, shared: shared, check: check, checks: members}).run)
	}
	sweeps.Wait()
	if cause := context.Cause(sweepCtx); cause != nil {
		return nil, fmt.Errorf("sweep: %w", cause)
	}
	if err := errors.Join(failures...); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	return results, nil
}

// groupByOrigin returns the indices of the checks that are made from each place.
func (c *Collector) groupByOrigin(checks []Check) (map[*Collector][]int, error) {
	groups := make(map[*Collector][]int)
	for i, check := range checks {
		from, err := c.from(check.Target)
		if err != nil {
			return nil, err
		}
		groups[from] = append(groups[from], i)
	}
	return groups, nil
}

// required counts the checks of a sweep that are not optional.
type required struct {
	optional []bool // nil: none is
	left     atomic.Int64
	ended    chan struct{} // is closed when all of them have
}

func newRequired(optional []bool, checks int) *required {
	r := &required{ended: make(chan struct{})}
	count := checks
	for _, is := range optional {
		if is {
			count--
		}
	}
	if count > 0 {
		r.optional = optional
	}
	r.left.Store(int64(count))
	return r
}

func (r *required) isOptional(check int) bool { return r.optional != nil && r.optional[check] }

// enoughFor returns what is closed when nobody waits for a check any more. It is nil for one that is not optional.
func (r *required) enoughFor(check int) <-chan struct{} {
	if r.isOptional(check) {
		return r.ended
	}
	return nil
}

// end says that a check has ended.
func (r *required) end(check int) {
	if !r.isOptional(check) && r.left.Add(-1) == 0 {
		close(r.ended)
	}
}

// slots bound how much is in flight: to send takes one, to receive gives it back.
type slots chan struct{}

func (s slots) take(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// room is what the sweeps of a Collector share. The zero value is ready for use.
type room struct {
	mu     sync.Mutex
	sweeps int
	slots  slots
}

// enter returns the slots of a sweep that begins. They are counted when no other sweep is under way.
func (r *room) enter(count func() int) slots {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sweeps == 0 {
		r.slots = make(slots, max(count(), 1))
	}
	r.sweeps++
	return r.slots
}

func (r *room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweeps--
}

// within bounds the dials of one check by slots. The check holds one already, which its first dial uses.
func within(shared slots, dial dialFunc) dialFunc {
	own := make(slots, 1)
	return func(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
		var from slots
		select {
		case own <- struct{}{}:
			from = own
		case shared <- struct{}{}:
			from = shared
		case <-ctx.Done():
			err := fmt.Errorf("dial tcp %s: too many other dials were in flight until the timeout", address)
			return nil, &ReasonError{Reason: ReasonLocalLimit, Err: err}
		}
		defer func() { <-from }() // a connection is closed at once
		return dial(ctx, source, address)
	}
}

// sweep is checks that are made side by side from one place. Few workers are fastest while answers come at once, and
// many are while they do not. So a sweep begins with few, and two more begin whenever a check takes longer than a
// moment: the number of workers doubles while nothing answers. A worker ends if enough others make checks that take no
// longer.
type sweep struct {
	own     slots // what this sweep may have in flight
	shared  slots // what all sweeps may have in flight
	check   func(i int, place *place)
	checks  []int
	next    atomic.Int64
	quick   atomic.Int64 // workers whose check has not taken longer than a moment
	workers sync.WaitGroup
}

// fewWorkers is how many workers are fastest while answers come at once.
func fewWorkers() int64 { return int64(4 * runtime.GOMAXPROCS(0)) }

// moment is how long a check may take before more workers begin.
const moment = time.Millisecond

// run makes all checks.
func (s *sweep) run() {
	s.quick.Add(1)
	s.workers.Go(s.work) // also while another vantage point's checks have all the room
	for range fewWorkers() - 1 {
		s.start()
	}
	s.workers.Wait()
}

// start starts a worker if there is something left to begin and room for it.
func (s *sweep) start() {
	if s.next.Load() < int64(len(s.checks)) && len(s.own) < cap(s.own) {
		s.quick.Add(1)
		s.workers.Go(s.work)
	}
}

// work makes checks until none is left, or enough others do.
func (s *sweep) work() {
	for i := s.next.Add(1) - 1; i < int64(len(s.checks)); i = s.next.Add(1) - 1 {
		mine := &place{sweep: s}
		s.check(s.checks[i], mine)
		if !mine.isSlow {
			s.quick.Add(-1)
		}
		if s.quick.Add(1) > fewWorkers() {
			break
		}
	}
	s.quick.Add(-1)
}

// place is the place of one check among those in flight. A nil place bounds nothing.
type place struct {
	sweep *sweep
	timer *time.Timer // until the check is slow

	mu     sync.Mutex
	isHeld bool
	isSlow bool // it has taken longer than a moment, and more workers have begun
}

// take waits until the check may be in flight.
func (p *place) take(ctx context.Context) error {
	if p == nil {
		return nil
	}
	if err := p.sweep.own.take(ctx); err != nil {
		return err
	}
	if err := p.sweep.shared.take(ctx); err != nil {
		<-p.sweep.own
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isHeld = true
	p.timer = time.AfterFunc(moment, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.isHeld {
			p.setSlow()
		}
	})
	return nil
}

// give lets another check be in flight.
func (p *place) give() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isHeld {
		p.isHeld = false
		p.timer.Stop()
		<-p.sweep.shared
		<-p.sweep.own
	}
}

// pause sleeps between two dials, and holds nothing meanwhile. It returns earlier if there is enough.
func (p *place) pause(ctx context.Context, duration time.Duration, enough <-chan struct{}) error {
	if p == nil {
		return sleep(ctx, duration, enough)
	}
	p.give()
	p.mu.Lock()
	p.setSlow()
	p.mu.Unlock()
	if err := sleep(ctx, duration, enough); err != nil {
		return err
	}
	return p.take(ctx)
}

// setSlow lets more workers begin, once.
func (p *place) setSlow() {
	if !p.isSlow {
		p.isSlow = true
		p.sweep.quick.Add(-1)
		p.sweep.start()
		p.sweep.start()
	}
}
