// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Defaults of a Retry.
const (
	DefaultAttemptTimeout = 5 * time.Second
	DefaultMinDelay       = time.Second
	DefaultMaxDelay       = 30 * time.Second
	DefaultConsecutive    = 1
)

// DefaultUntil returns the statuses that a Retry waits for by default.
func DefaultUntil() []Status {
	return []Status{Connected}
}

// Retry describes how a check waits until a target is ready. Its zero value is not valid.
//
// A target is ready when the last Consecutive dials all ended in a status of Until. With AllAddresses, every address of
// each dial must have done so. The check gives up when its timeout or Attempts run out, or when a dial ends in a reason
// of GiveUpOn. The time between dials grows exponentially, with jitter. Names are looked up again for every dial.
//
// The result is that of the last dial, with the number and the duration of all. If the check's timeout cut the last
// dial short, the result is that of the dial before. If the last dial ended in a status of Until but the target is not
// ready, the reason is ReasonNotReady. The status is then one that is not in Until, ConnectionTimeout if possible, so
// that a single lucky dial does not pass.
type Retry struct {
	Attempts       int64         // maximum number of dials; 0: only the timeout limits them
	AttemptTimeout time.Duration // of one dial
	MinDelay       time.Duration // minimum between two dials
	MaxDelay       time.Duration // maximum between two dials
	Until          []Status      // what a dial must end in; see For
	Consecutive    int64         // how many dials in a row must end so
	GiveUpOn       []Reason      // what ends the wait at once
}

// For returns the retry for a check whose outcomes pass some statuses: they are what it waits for if Until is empty. If
// they are none, it waits for DefaultUntil.
func (r Retry) For(passes []Status) *Retry {
	if len(r.Until) == 0 {
		r.Until = passes
	}
	if len(r.Until) == 0 {
		r.Until = DefaultUntil()
	}
	return &r
}

// Attempt is one dial of a check that waits.
type Attempt struct {
	Number int64
	Result Result
	Next   time.Duration // time until the next dial; 0: this was the last
	Left   time.Duration // time left of the timeout
}

// wait dials a target until it is ready or the retry gives up. It leaves the lookups in the end.
func (c *Collector) wait(
	ctx context.Context, check Check, by *conditions, names *resolution, report func(Attempt),
) (Result, error) {
	retry, start := *check.Retry, time.Now()
	defer func() { c.leave(names) }()
	left := func() time.Duration { return max(check.Timeout-time.Since(start), 0) }
	delays := retry.backOff()
	var last Result
	for number, inARow := int64(1), int64(0); ; number++ {
		remaining := left()
		limit := max(min(retry.AttemptTimeout, remaining), time.Nanosecond)
		result, timedOut, err := c.connect(ctx, by.dial, names, limit, number > 1)
		if err != nil {
			return Result{}, err
		}
		switch cutShort := timedOut && remaining <= retry.AttemptTimeout; {
		case cutShort && number > 1:
			result = last
		case retry.satisfiedBy(result):
			inARow++
			delays.Reset() // the target may be ready soon
		default:
			inARow = 0
		}
		result.Ready = inARow > 0 && inARow >= retry.Consecutive
		last = result
		attempt := Attempt{Number: number, Result: result, Left: left()}
		isLast := result.Ready || number == retry.Attempts || slices.Contains(retry.GiveUpOn, result.Reason)
		enough := by.enough
		if inARow > 0 {
			enough = nil // a row that ends early would be told as not ready
		}
		if !isLast && !isClosed(enough) {
			attempt.Next = retry.delay(delays, attempt.Left)
		}
		report(attempt)
		if attempt.Next == 0 {
			return retry.conclude(result, number, inARow, time.Since(start)), nil
		}
		if err := by.place.pause(ctx, attempt.Next, enough); err != nil {
			return Result{}, fmt.Errorf("wait for %s: %w", check.Target.Address, err)
		}
		if isClosed(enough) {
			return retry.conclude(result, number, inARow, time.Since(start)), nil
		}
		c.leave(names)
		names = c.resolve(check.Target, func(questions []question) []*lookup {
			return c.lookups.askFresh(c.resolver(), questions, patience(check))
		})
	}
}

// isClosed reports whether a channel, to which nobody sends, is closed.
func isClosed(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}

// equal reports whether two retries wait in the same way.
func (r *Retry) equal(other *Retry) bool {
	if r == nil || other == nil {
		return r == other
	}
	return r.Attempts == other.Attempts && r.AttemptTimeout == other.AttemptTimeout &&
		r.MinDelay == other.MinDelay && r.MaxDelay == other.MaxDelay && r.Consecutive == other.Consecutive &&
		slices.Equal(r.Until, other.Until) && slices.Equal(r.GiveUpOn, other.GiveUpOn)
}

// String describes the retry with the names of the block's arguments.
func (r Retry) String() string {
	text := fmt.Sprintf("attempt_timeout %s, min_delay %s, max_delay %s, until %s, consecutive %d",
		r.AttemptTimeout, r.MinDelay, r.MaxDelay, suggest.List(r.Until), r.Consecutive)
	if r.Attempts > 0 {
		text = fmt.Sprintf("attempts %d, %s", r.Attempts, text)
	}
	if len(r.GiveUpOn) > 0 {
		text += ", give_up_on " + suggest.List(r.GiveUpOn)
	}
	return text
}

// longestDelay keeps computations with delays from overflowing.
const longestDelay = math.MaxInt64 / 4

// backOff returns growing delays. The first is between MinDelay and twice MinDelay, the last ones are between half of
// MaxDelay and MaxDelay.
func (r Retry) backOff() *backoff.ExponentialBackOff {
	delays := &backoff.ExponentialBackOff{
		InitialInterval:     min(r.MinDelay, longestDelay) * 3 / 2,
		MaxInterval:         min(r.MaxDelay, longestDelay) * 3 / 4,
		Multiplier:          backoff.DefaultMultiplier,
		RandomizationFactor: 1. / 3,
	}
	delays.Reset()
	return delays
}

// delay returns how long to wait before the next dial, or 0 if there is no time for one. Delays become shorter near the
// timeout, so that the last dial is close to it.
func (r Retry) delay(delays *backoff.ExponentialBackOff, left time.Duration) time.Duration {
	delay := min(max(delays.NextBackOff(), r.MinDelay), r.MaxDelay)
	if delay >= left {
		delay = max(left/2, r.MinDelay)
	}
	if delay >= left {
		return 0
	}
	return delay
}

// satisfiedBy reports whether a dial ended in a status of Until. A reason that says nothing about the peer does not
// count.
func (r Retry) satisfiedBy(result Result) bool {
	wanted := func(status Status, reason Reason) bool {
		return slices.Contains(r.Until, status) && !reason.SaysNothing()
	}
	for _, endpoint := range result.Endpoints {
		if !wanted(endpoint.Status, endpoint.Reason) {
			return false
		}
	}
	return wanted(result.Status, result.Reason)
}

// conclude returns the result of the wait, given that of its last dial.
func (r Retry) conclude(last Result, attempts, inARow int64, duration time.Duration) Result {
	last.Attempts, last.Duration = attempts, duration
	if last.Ready || !slices.Contains(r.Until, last.Status) {
		return last
	}
	last.Message = fmt.Sprintf("not ready after %d dials: "+
		"only the last %d of the %d needed in a row ended as wanted (%s)",
		attempts, inARow, r.Consecutive, last.describe())
	last.Reason, last.Status = ReasonNotReady, ReasonNotReady.Status()
	for _, status := range []Status{Error, ConnectionRefused} {
		if slices.Contains(r.Until, last.Status) {
			last.Status = status
		}
	}
	last.Remote, last.Local = netip.AddrPort{}, netip.AddrPort{}
	return last
}

// describe returns the status and the message in one line.
func (r Result) describe() string {
	if r.Message == "" {
		return string(r.Status)
	}
	return fmt.Sprintf("%s (%s)", r.Status, r.Message)
}

// sleep waits for a duration, or until there is enough. The error is the cause of ctx if that ended.
func sleep(ctx context.Context, duration time.Duration, enough <-chan struct{}) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-enough:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
