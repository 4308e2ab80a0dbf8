// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// patientChecks returns checks that wait with the documented defaults for an hour.
func patientChecks(t *testing.T, n int, change func(*Retry)) []Check {
	t.Helper()
	checks := checksOf(t, n, time.Hour)
	for i := range checks {
		policy := retry()
		if change != nil {
			change(&policy)
		}
		checks[i].Retry = &policy
	}
	return checks
}

// Each letter is the peer of one check: c connects, r is refused, s stays silent, and 3 connects at its third dial.
func TestSweepWaitsOnlyForChecksThatAreNotOptional(t *testing.T) {
	t.Parallel()
	const limit, third = DefaultAttemptTimeout, 5 * DefaultMinDelay // the longest two delays are 2s and 3s
	for name, test := range map[string]struct {
		peers    string
		optional []bool
		limit    int
		atMost   time.Duration
		reasons  []Reason
		attempts []int64 // 0: at least two
	}{
		"a silent optional one": {
			peers: "cs", optional: []bool{false, true}, limit: 10, atMost: limit,
			reasons: []Reason{ReasonConnected, ReasonNoResponse}, attempts: []int64{1, 1},
		},
		"a refused optional one beside one that is ready later": {
			peers: "3r", optional: []bool{false, true}, limit: 10, atMost: third,
			reasons: []Reason{ReasonConnected, ReasonRefused}, attempts: []int64{3, 0},
		},
		"a dial in flight when the others are ready": {
			peers: "3s", optional: []bool{false, true}, limit: 10, atMost: max(third, limit),
			reasons: []Reason{ReasonConnected, ReasonNoResponse}, attempts: []int64{3, 1},
		},
		"optional ones that have not begun": {
			peers: "crrr", optional: []bool{false, true, true, true}, limit: 1, atMost: 0,
			reasons:  []Reason{ReasonConnected, ReasonRefused, ReasonRefused, ReasonRefused},
			attempts: []int64{1, 1, 1, 1},
		},
		"optional ones before all others": {
			peers: "rrr3", optional: []bool{true, true, true, false}, limit: 1, atMost: third,
			reasons:  []Reason{ReasonRefused, ReasonRefused, ReasonRefused, ReasonConnected},
			attempts: []int64{0, 0, 0, 3},
		},
		"optional ones that are ready before": {
			peers: "cr3", optional: []bool{true, true, false}, limit: 10, atMost: third,
			reasons:  []Reason{ReasonConnected, ReasonRefused, ReasonConnected},
			attempts: []int64{1, 0, 3},
		},
		"an optional one that is ready later waits for nobody": {
			peers: "c3", optional: []bool{false, true}, limit: 10, atMost: 0,
			reasons: []Reason{ReasonConnected, ReasonRefused}, attempts: []int64{1, 1},
		},
		"all optional": {
			peers: "3c", optional: []bool{true, true}, limit: 10, atMost: third,
			reasons: []Reason{ReasonConnected, ReasonConnected}, attempts: []int64{3, 1},
		},
		"none optional": {
			peers: "3c", optional: nil, limit: 10, atMost: third,
			reasons: []Reason{ReasonConnected, ReasonConnected}, attempts: []int64{3, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				checks := patientChecks(t, len(test.peers), nil)
				peers := peersOf(test.peers, checks)
				start := time.Now()
				results, err := (&Collector{Dialer: endpointDialer(peers.dial)}).Sweep(t.Context(), checks,
					SweepOptions{Limit: test.limit, Optional: test.optional})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > test.atMost {
					t.Errorf("took %s, want at most %s", took, test.atMost)
				}
				var required time.Time // when the last check that is not optional ended
				for i, result := range results {
					want := test.attempts[i]
					if want == 0 {
						want = max(result.Attempts, 2)
					}
					if result.Reason != test.reasons[i] || result.Attempts != want {
						t.Errorf("check %d is %s after %d dials, want %s after %d",
							i, result.Reason, result.Attempts, test.reasons[i], want)
					}
					if test.optional != nil && !test.optional[i] && result.CollectedAt.After(required) {
						required = result.CollectedAt
					}
				}
				for i, isOptional := range test.optional {
					last := peers.began[i][len(peers.began[i])-1]
					if isOptional && len(peers.began[i]) > 1 && !required.IsZero() && !last.Before(required) {
						t.Errorf("check %d was dialled again %s after the others had ended", i, last.Sub(required))
					}
				}
			})
		})
	}
}

// letterPeers are the peers of checks. What a peer does is said by its letter.
type letterPeers struct {
	letters string
	checks  []Check
	mu      sync.Mutex
	began   [][]time.Time // the dials of each
}

func peersOf(letters string, checks []Check) *letterPeers {
	return &letterPeers{letters: letters, checks: checks, began: make([][]time.Time, len(letters))}
}

func (p *letterPeers) dial(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	i := slices.IndexFunc(p.checks, func(check Check) bool { return check.Target.Address.String() == remote.String() })
	p.mu.Lock()
	p.began[i] = append(p.began[i], time.Now())
	dials := len(p.began[i])
	p.mu.Unlock()
	switch letter := p.letters[i]; {
	case letter == 's':
		<-ctx.Done()
		return nil, ctx.Err()
	case letter == 'r', letter == '3' && dials < 3:
		return nil, dialError(refusedErrno)
	default:
		return accepting(ctx, source, remote)
	}
}

// A healthy optional check that needs several dials in a row would else end in the middle of them as not ready.
func TestOptionalCheckEndsItsRow(t *testing.T) {
	t.Parallel()
	for range 20 { // delays are random
		synctest.Test(t, func(t *testing.T) {
			checks := patientChecks(t, 4, func(r *Retry) { r.Consecutive = 5 })
			collector := &Collector{Dialer: endpointDialer(peersOf("cccr", checks).dial)}
			start := time.Now()
			results, err := collector.Sweep(t.Context(), checks,
				SweepOptions{Limit: 10, Optional: []bool{false, true, true, true}})
			if err != nil {
				t.Fatal(err)
			}
			for i, result := range results[:3] {
				if !result.Ready || result.Attempts != 5 {
					t.Errorf("check %d, which always connects, is %s, %s after %d dials: %s",
						i, result.Status, result.Reason, result.Attempts, result.Message)
				}
			}
			if refused := results[3]; refused.Ready || refused.Reason != ReasonRefused {
				t.Errorf("the refused check is %s", refused.Reason)
			}
			if took := time.Since(start); took > 8*DefaultMinDelay {
				t.Errorf("four delays took %s", took)
			}
		})
	}
}

func TestInterruptedSweepOfOptionalChecksHasNoResults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		peers    string
		optional []bool
	}{
		"between dials":                 {"rr", []bool{true, true}},
		"in dials":                      {"ss", []bool{true, true}},
		"in the dial of an optional":    {"cs", []bool{false, true}},
		"between dials of the required": {"rc", []bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const after = time.Second / 2
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				checks := patientChecks(t, 2, nil)
				collector := &Collector{Dialer: endpointDialer(peersOf(test.peers, checks).dial)}
				start := time.Now()
				results, err := collector.Sweep(ctx, checks, SweepOptions{Limit: 1, Optional: test.optional})
				if !errors.Is(err, context.DeadlineExceeded) || results != nil {
					t.Errorf("%d results, %v", len(results), err)
				}
				if took := time.Since(start); took != after {
					t.Errorf("ended after %s", took)
				}
			})
		})
	}
}

func TestSweepReportsEveryDial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		checks := patientChecks(t, 2, func(r *Retry) { r.Attempts = 4 })
		checks = append(checks, checkOf(t, "127.2.0.1:80", time.Second)) // without retry
		var mu sync.Mutex
		reported := make([][]Attempt, len(checks))
		options := SweepOptions{Limit: 10, Report: func(check int, attempt Attempt) {
			mu.Lock()
			defer mu.Unlock()
			reported[check] = append(reported[check], attempt)
		}}
		collector := &Collector{Dialer: endpointDialer(peersOf("3rs", checks).dial)}
		results, err := collector.Sweep(t.Context(), checks, options)
		if err != nil {
			t.Fatal(err)
		}
		for i, attempts := range reported {
			if len(attempts) != int(results[i].Attempts) || len(attempts) != []int{3, 4, 1}[i] {
				t.Errorf("check %d: %d reports of %d dials", i, len(attempts), results[i].Attempts)
			}
			for k, attempt := range attempts {
				isLast := k == len(attempts)-1
				if attempt.Number != int64(k+1) || attempt.Result.Ready != (i == 0 && isLast) ||
					(attempt.Next == 0) != isLast {
					t.Errorf("check %d: report %d is %+v", i, k, attempt)
				}
			}
		}
	})
}
