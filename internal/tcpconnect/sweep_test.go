// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

func sweepAll(t *testing.T, collector *Collector, checks []Check, limit int) []Result {
	t.Helper()
	results, err := collector.Sweep(t.Context(), checks, SweepOptions{Limit: limit})
	if err != nil || len(results) != len(checks) {
		t.Fatalf("%d results of %d checks: %v", len(results), len(checks), err)
	}
	return results
}

// checksOf returns n checks of distinct addresses.
func checksOf(t *testing.T, n int, timeout time.Duration) []Check {
	t.Helper()
	checks := make([]Check, n)
	for i := range checks {
		checks[i] = checkOf(t, fmt.Sprintf("127.1.%d.%d:80", i/250, i%250+1), timeout)
	}
	return checks
}

func TestSweepAnswersInTheOrderOfItsChecks(t *testing.T) {
	t.Parallel()
	open, refused, silent := loopback.Open(t), loopback.Refused(t), loopback.Silent(t, loopback.IPv4)
	zone := loopback.Zone{"db.test.": {loopback.IPv4}}
	collector := &Collector{Resolver: loopback.DNS(t, zone, 3)}
	var checks []Check
	want := []Status{ConnectionTimeout, Connected, ConnectionRefused, Connected, Error, Connected}
	for _, address := range []string{
		silent.String(),
		open.String(),
		refused.String(),
		fmt.Sprintf("db.test.:%d", open.Port()),
		"gone.test.:80",
		open.String(),
	} {
		timeout := patient
		if address == silent.String() {
			timeout = 300 * time.Millisecond
		}
		checks = append(checks, checkOf(t, address, timeout))
	}
	for i, result := range sweepAll(t, collector, checks, 1000) {
		if result.Status != want[i] || result.Attempts != 1 {
			t.Errorf("%s is %s (%s) after %d dials, want %s",
				checks[i].Target.Address, result.Status, result.Message, result.Attempts, want[i])
		}
	}
	if results := sweepAll(t, collector, nil, 1000); len(results) != 0 {
		t.Errorf("no checks have the results %v", results)
	}
}

func TestSweepKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, checks, timeout = 10, 35, 2 * time.Second
		var inFlight, peak atomic.Int64
		dial := func(ctx context.Context, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
			peak.Store(max(peak.Load(), inFlight.Add(1)))
			defer inFlight.Add(-1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		collector := &Collector{Dialer: endpointDialer(dial)}
		start := time.Now()
		for _, result := range sweepAll(t, collector, checksOf(t, checks, timeout), limit) {
			if result.Status != ConnectionTimeout || result.Duration != timeout {
				t.Errorf("%s after %s: a check that waits for its turn has not started its timeout",
					result.Status, result.Duration)
			}
		}
		// All workers are there after a few moments.
		if took := time.Since(start); peak.Load() != limit || took < 4*timeout || took > 4*timeout+10*moment {
			t.Errorf("%d dials at once in %s, want %d in %s", peak.Load(), took, limit, 4*timeout)
		}
	})
}

func TestSweepWaitsOutFaultsOfThisMachine(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	source := netip.MustParseAddr("127.0.0.7")
	for name, test := range map[string]struct {
		errno    syscall.Errno
		source   netip.Addr
		lasts    time.Duration // of the fault
		then     error         // of the dial after it; nil: connected
		silent   bool          // the dial after it is not answered
		reason   Reason
		fragment string
		tookAll  bool
	}{
		"no descriptor for a while": {errno: limitErrno, lasts: time.Second, reason: ReasonConnected},
		"no port for a while":       {errno: addressErrno, lasts: time.Second, reason: ReasonConnected},
		"no descriptor, then refused": {
			errno:    limitErrno,
			lasts:    time.Second,
			then:     syscallError(refusedErrno),
			reason:   ReasonRefused,
			fragment: "refused",
		},
		"no descriptor for a moment, then silence": {
			errno:    limitErrno,
			lasts:    100 * time.Millisecond,
			silent:   true,
			reason:   ReasonNoResponse,
			fragment: "deadline",
			tookAll:  true,
		},
		"no descriptor for long, then silence": {
			errno:    limitErrno,
			lasts:    1500 * time.Millisecond,
			silent:   true,
			reason:   ReasonLocalLimit,
			fragment: limitText,
			tookAll:  true,
		},
		"never a descriptor": {
			errno:    limitErrno,
			lasts:    time.Hour,
			reason:   ReasonLocalLimit,
			fragment: limitText,
			tookAll:  true,
		},
		"never a port": {
			errno:    addressErrno,
			lasts:    time.Hour,
			reason:   ReasonLocalAddress,
			fragment: "this machine had no free local port",
			tookAll:  true,
		},
		"no such source address": {
			errno:    addressErrno,
			source:   source,
			lasts:    time.Hour,
			reason:   ReasonLocalAddress,
			fragment: "source address 127.0.0.7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
					if time.Since(start) < test.lasts {
						return nil, dialError(test.errno)
					}
					answer := script{remote.Addr().String(): {err: test.then}}
					if test.silent {
						answer = script{remote.Addr().String(): {after: time.Hour}}
					}
					return answer.dial(ctx, local, remote)
				}
				checks := checksOf(t, 1, timeout)
				checks[0].Target.Source = test.source
				result := sweepAll(t, &Collector{Dialer: endpointDialer(dial)}, checks, 1)[0]
				if result.Reason != test.reason || result.Status != test.reason.Status() ||
					!strings.Contains(result.Message, test.fragment) {
					t.Errorf("%s, %s: %q; want %s and %q",
						result.Status, result.Reason, result.Message, test.reason, test.fragment)
				}
				if (result.Duration == timeout) != test.tookAll {
					t.Errorf("took %s of %s", result.Duration, timeout)
				}
			})
		})
	}
}

func TestLimitsOfThisMachineAreWaitedOut(t *testing.T) {
	t.Parallel()
	const address = "127.0.0.1:80"
	for _, errno := range limitErrnos {
		if explainDial(syscallError(errno), netip.Addr{}, address).Limit == "" {
			t.Errorf("%s is not a limit of this machine", errno)
		}
	}
	for _, errno := range []syscall.Errno{refusedErrno, timeoutErrno, unreachableErrno} {
		if limit := explainDial(syscallError(errno), netip.Addr{}, address).Limit; limit != "" {
			t.Errorf("%s is a limit of this machine: %s", errno, limit)
		}
	}
	if limit := explainDial(syscallError(addressErrno), loopback.IPv4, address).Limit; limit != "" {
		t.Errorf("a source address that does not exist is a limit that may be lifted: %s", limit)
	}
}

// Each check is refused first, and connects when it is dialled again a second later.
func TestCheckThatWaitsBetweenDialsHoldsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		dialled := make(map[netip.AddrPort]int)
		var inFlight, peak atomic.Int64
		dial := func(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			peak.Store(max(peak.Load(), inFlight.Add(1)))
			defer inFlight.Add(-1)
			mu.Lock()
			defer mu.Unlock()
			if dialled[remote]++; dialled[remote] == 1 {
				return nil, syscallError(refusedErrno)
			}
			return accepting(ctx, source, remote)
		}
		collector := &Collector{Dialer: endpointDialer(dial)}
		checks := checksOf(t, 50, time.Minute)
		policy := retry()
		for i := range checks {
			checks[i].Retry = &policy
		}
		const limit = 3
		start := time.Now()
		for i, result := range sweepAll(t, collector, checks, limit) {
			if !result.Ready || result.Attempts != 2 {
				t.Errorf("%s is %s after %d dials", checks[i].Target.Address, result.Status, result.Attempts)
			}
		}
		if took := time.Since(start); took > 2*policy.MinDelay || peak.Load() > limit {
			t.Errorf("took %s with %d dials in flight, want one delay (%s) and %d",
				took, peak.Load(), policy.MinDelay, limit)
		}
	})
}

// The checks of the first workers last a second, those of the workers that begin then a minute, and the rest a moment.
func TestSweepGoesOnBesideSlowChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		few := int(fewWorkers())
		silent := func(ctx context.Context, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		checks := checksOf(t, 4*few, 10*time.Millisecond)
		for i := range 2 * few {
			checks[i].Timeout = time.Second
			if i >= few {
				checks[i].Timeout = time.Minute
			}
		}
		start := time.Now()
		results := sweepAll(t, &Collector{Dialer: endpointDialer(silent)}, checks, 2*few)
		for i, result := range results[2*few:] {
			if ended := result.CollectedAt.Sub(start); ended > 2*time.Second {
				t.Errorf("quick check %d ended after %s", i, ended)
			}
		}
	})
}

func TestInterruptedSweepHasNoResults(t *testing.T) {
	t.Parallel()
	silent := loopback.Silent(t, loopback.IPv4)
	checks := make([]Check, 100)
	for i := range checks {
		checks[i] = checkOf(t, silent.String(), patient)
	}
	for name, limit := range map[string]int{"all in flight": 1000, "most waiting": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			var inFlight atomic.Int64
			dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
				if inFlight.Add(1) == min(100, int64(limit)) {
					cancel()
				}
				return dialSystem(ctx, local, remote)
			}
			results, err := (&Collector{Dialer: endpointDialer(dial)}).Sweep(ctx, checks, SweepOptions{Limit: limit})
			if !errors.Is(err, context.Canceled) || results != nil {
				t.Errorf("interrupted: %d results, %v", len(results), err)
			}
		})
	}
}

func TestDialWaitsForTheSlotOfItsCheckOrASharedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared := make(slots, 1)
		answers := endpointDialer(script{"127.0.0.1": {after: time.Second}}.dial)
		dial := within(shared, answers.Dial)
		start := time.Now()
		var dials sync.WaitGroup
		for range 4 {
			dials.Go(func() {
				conn, err := dial(t.Context(), netip.Addr{}, "127.0.0.1:80")
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.Close()
			})
		}
		dials.Wait()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("four dials with two slots took %s", took)
		}
		shared <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		dials.Go(func() { _, _ = dial(t.Context(), netip.Addr{}, "127.0.0.1:80") })
		synctest.Wait()
		if _, err := dial(ctx, netip.Addr{}, "127.0.0.1:80"); dialReason(err) != ReasonLocalLimit {
			t.Errorf("nothing is free, and the dial says %v", err)
		}
		dials.Wait()
	})
}
