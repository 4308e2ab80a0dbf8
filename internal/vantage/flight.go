// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"sync"
	"time"
)

// flight lets callers share one call of a function. The zero value is ready for use.
type flight struct {
	mu   sync.Mutex
	call *call // that callers may join; nil: none
}

type call struct {
	began   time.Time
	done    chan struct{}
	err     error // valid when done is closed
	callers int
	cancel  context.CancelFunc
}

// do calls a function, or joins a call that began no earlier than since. The function's context ends when all callers
// have left, not when one has. The error is the function's, or the cause of ctx if that ended first.
func (f *flight) do(ctx context.Context, since time.Time, function func(context.Context) error) error {
	f.mu.Lock()
	joined := f.call
	if joined == nil || joined.began.Before(since) {
		joined = f.begin(ctx, function)
	}
	joined.callers++
	f.mu.Unlock()
	select {
	case <-joined.done:
		return joined.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if joined.callers--; joined.callers == 0 {
		f.end(joined)
		joined.cancel()
	}
	return context.Cause(ctx)
}

// begin starts a call. The caller holds the lock.
func (f *flight) begin(ctx context.Context, function func(context.Context) error) *call {
	begun := &call{began: time.Now(), done: make(chan struct{})}
	ctx, begun.cancel = context.WithCancel(context.WithoutCancel(ctx))
	f.call = begun
	go func() {
		defer begun.cancel()
		begun.err = function(ctx)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.end(begun)
		close(begun.done)
	}()
	return begun
}

// end keeps others from joining a call. The caller holds the lock.
func (f *flight) end(ended *call) {
	if f.call == ended {
		f.call = nil
	}
}
