// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Progress is how far a batch is.
type Progress struct {
	Checks int      // of the batch
	Ready  int      // how many of them are
	Others []string // the collector names of the first few that are not
}

// String returns, for example, "48 of 50 ready, not yet: cache, db".
func (p Progress) String() string {
	text := fmt.Sprintf("%d of %d ready", p.Ready, p.Checks)
	if len(p.Others) == 0 {
		return text
	}
	return text + ", not yet: " + firstOf(p.Others, p.Checks-p.Ready)
}

// mostNamed keeps a line readable if many checks are not ready.
const mostNamed = 5

// firstOf returns, for example, "cache, db and 3 more": the first few of some names, of which there are so many in all.
func firstOf(names []string, count int) string {
	names = names[:min(len(names), mostNamed)]
	text := strings.Join(names, ", ")
	if more := count - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// progressInterval is the time between two calls of Batch.Progress.
const progressInterval = time.Second

// progress knows which checks of a batch are ready.
type progress struct {
	checks []Check

	mu    sync.Mutex
	ready []bool // by check
}

// record takes notice of a dial.
func (p *progress) record(check int, attempt tcpconnect.Attempt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready[check] = attempt.Result.Ready
}

// now returns how far the batch is.
func (p *progress) now() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := Progress{Checks: len(p.checks)}
	for i, isReady := range p.ready {
		switch {
		case isReady:
			now.Ready++
		case len(now.Others) < mostNamed:
			now.Others = append(now.Others, p.checks[i].CollectorName)
		}
	}
	return now
}

// reportEverySecond calls a function until stop is called, which waits for it.
func (p *progress) reportEverySecond(report func(Progress)) (stop func()) {
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-done:
				return
			}
			select {
			case <-done: // while the last report was made
				return
			default:
				report(p.now())
			}
		}
	})
	return func() {
		close(done)
		reporting.Wait()
	}
}
