// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestProgressIsOneLine(t *testing.T) {
	t.Parallel()
	for want, progress := range map[string]Progress{
		"0 of 0 ready":                             {},
		"2 of 2 ready":                             {Checks: 2, Ready: 2},
		"48 of 50 ready, not yet: cache, db":       {Checks: 50, Ready: 48, Others: []string{"cache", "db"}},
		"0 of 3 ready, not yet: cache, and 2 more": {Checks: 3, Others: []string{"cache,"}},
	} {
		if got := progress.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestProgressIsThatOfTheLastDials(t *testing.T) {
	t.Parallel()
	checks := make([]Check, 8)
	for i := range checks {
		checks[i].CollectorName = fmt.Sprint("c", i)
	}
	p := progress{checks: checks, ready: make([]bool, len(checks))}
	record := func(check int, isReady bool) {
		p.record(check, tcpconnect.Attempt{Result: tcpconnect.Result{Ready: isReady}})
	}
	for _, step := range []struct {
		check   int
		isReady bool
		want    string
	}{
		{0, false, "0 of 8 ready, not yet: c0, c1, c2, c3, c4 and 3 more"},
		{1, true, "1 of 8 ready, not yet: c0, c2, c3, c4, c5 and 2 more"},
		{0, true, "2 of 8 ready, not yet: c2, c3, c4, c5, c6 and 1 more"},
		{7, true, "3 of 8 ready, not yet: c2, c3, c4, c5, c6"},
		{0, false, "2 of 8 ready, not yet: c0, c2, c3, c4, c5 and 1 more"},
	} {
		record(step.check, step.isReady)
		if got := p.now().String(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
}

func TestBatchTellsEverySecondHowFarItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hosts []string
		ended time.Duration // by an interruption; 0: none
		want  []string
	}{
		"a silent check": {
			[]string{"10.0.0.1", "10.0.0.2"}, 0, slices.Repeat([]string{"1 of 2 ready, not yet: a-1"}, 3),
		},
		"interrupted": {
			[]string{"10.0.0.2"}, 2500 * time.Millisecond, slices.Repeat([]string{"0 of 1 ready, not yet: a-0"}, 2),
		},
		"at once": {[]string{"10.0.0.1"}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if test.ended > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.ended)
					defer cancel()
				}
				var mu sync.Mutex
				var told []string
				batch := batchOf(t, "a", test.hosts...)
				for i := range batch.Checks {
					batch.Checks[i].Timeout = 3500 * time.Millisecond
				}
				batch.Progress = func(progress Progress) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, progress.String())
				}
				if _, err := newRun(t.TempDir(), "10.0.0.1").Batch(ctx, batch); (err != nil) != (test.ended > 0) {
					t.Error(err)
				}
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(told, test.want) {
					t.Errorf("told %q, want %q", told, test.want)
				}
			})
		})
	}
}

func TestBatchEndsAfterItsLastReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		batch := batchOf(t, "a", "10.0.0.2")
		batch.Progress = func(Progress) { time.Sleep(time.Minute) }
		start := time.Now()
		if _, err := newRun(t.TempDir()).Batch(t.Context(), batch); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != progressInterval+time.Minute {
			t.Errorf("ended after %s", took)
		}
	})
}
