// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// nameServer is a resolver for a virtual clock. It answers at most takes lookups at once, and overload answers the
// others.
type nameServer struct {
	takes    int64
	after    time.Duration
	overload func(ctx context.Context, host string) error
	asked    atomic.Int64
	inFlight atomic.Int64
	peak     atomic.Int64 // highest value of inFlight
}

func (s *nameServer) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	s.asked.Add(1)
	defer s.inFlight.Add(-1)
	inFlight := s.inFlight.Add(1)
	for peak := s.peak.Load(); inFlight > peak && !s.peak.CompareAndSwap(peak, inFlight); peak = s.peak.Load() {
	}
	if inFlight > s.takes {
		return nil, s.overload(ctx, host)
	}
	if pause(ctx, s.after) != nil {
		return nil, silentServer(ctx, host)
	}
	if network == "ip6" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{loopback.IPv4}, nil
}

// silentServer answers as a resolver whose name server drops a query.
func silentServer(ctx context.Context, host string) error {
	if pause(ctx, 10*time.Second) != nil { // Go's resolver asks twice, for five seconds each
		return &net.DNSError{UnwrapErr: ctx.Err(), Err: "operation was canceled", Name: host}
	}
	return &net.DNSError{Err: "i/o timeout", Name: host, IsTimeout: true, IsTemporary: true}
}

// failingServer answers as a resolver whose name server answers REFUSED or SERVFAIL.
func failingServer(_ context.Context, host string) error {
	return &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
}

// withServer returns a collector that looks names up with a resolver, and connects to every address.
func withServer(resolver Resolver) *Collector {
	return &Collector{Resolver: resolver, Dialer: endpointDialer(accepting)}
}

// accepting connects to every address.
func accepting(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return script{}.dial(ctx, local, remote)
}

// names returns n checks of distinct names.
func names(t *testing.T, n int, timeout time.Duration) []Check {
	t.Helper()
	checks := make([]Check, n)
	for i := range checks {
		checks[i] = checkOf(t, fmt.Sprintf("host-%d.test:80", i), timeout)
	}
	return checks
}

func TestCrowdOfNamesGetsNoFalseAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server  *nameServer
		names   int
		timeout time.Duration
		within  time.Duration
	}{
		"a server that drops what is too much": {
			server:  &nameServer{takes: 20, after: 5 * time.Millisecond, overload: silentServer},
			names:   1000,
			timeout: 10 * time.Second,
			within:  30 * time.Second,
		},
		"a server that drops, and checks with short timeouts": {
			server:  &nameServer{takes: 20, after: 5 * time.Millisecond, overload: silentServer},
			names:   1000,
			timeout: time.Second,
			within:  30 * time.Second,
		},
		"a server that refuses what is too much": {
			server:  &nameServer{takes: 20, after: 5 * time.Millisecond, overload: failingServer},
			names:   1000,
			timeout: 10 * time.Second,
			within:  10 * time.Second,
		},
		"a server that takes no more than a few": {
			server:  &nameServer{takes: 8, after: 5 * time.Millisecond, overload: silentServer},
			names:   1000,
			timeout: 10 * time.Second,
			within:  time.Minute,
		},
		"a slow server, and waits longer than the timeout": {
			server:  &nameServer{takes: 1000, after: 900 * time.Millisecond},
			names:   500,
			timeout: 2 * time.Second,
			within:  2 * time.Minute,
		},
		"a slow server that drops": {
			server:  &nameServer{takes: 10, after: 3 * time.Second, overload: silentServer},
			names:   100,
			timeout: 20 * time.Second,
			within:  5 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				checks := names(t, test.names, test.timeout)
				for i, result := range sweepAll(t, withServer(test.server), checks, 1000) {
					if result.Status != Connected || result.Duration > test.timeout {
						t.Fatalf("name %d is %s (%s) after %s", i, result.Status, result.Message, result.Duration)
					}
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("took %s, want %s", took, test.within)
				}
				synctest.Wait()
			})
		})
	}
}

func TestCrowdGrowsWhileAnswersCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{takes: 1000, after: 5 * time.Millisecond}
		sweepAll(t, withServer(server), names(t, 10_000, patient), 1000)
		if peak := server.peak.Load(); peak != highestBound {
			t.Errorf("asked for %d names at once, want %d at last", peak, highestBound)
		}
		synctest.Wait()
	})
}

func TestErrorOfAnyKindIsAFailureOfTheLookup(t *testing.T) {
	t.Parallel()
	broken := resolverFunc(func(context.Context, string, string) ([]netip.Addr, error) {
		return nil, errors.New("no name server")
	})
	result := collect(t, &Collector{Resolver: broken}, "db.test:80", patient)
	expect(t, result, Error, ReasonDNSFailure, "no name server")
}

func TestDeadNameServerDoesNotTurnManyNamesIntoHours(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			server := &nameServer{overload: silentServer}
			start := time.Now()
			for _, result := range sweepAll(t, withServer(server), names(t, 10_000, timeout), 1000) {
				if result.Reason != ReasonDNSTimeout || result.Duration > timeout {
					t.Fatalf("%s (%s) after %s", result.Reason, result.Message, result.Duration)
				}
			}
			if took := time.Since(start); took > 30*timeout {
				t.Errorf("took %s", took)
			}
			synctest.Wait()
		})
	}
}

func TestNameThatFailsAloneIsNotTheCrowdsFault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{takes: 30, after: 5 * time.Millisecond, overload: silentServer}
		lame := resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			if host == "host-7.test" {
				return nil, failingServer(ctx, host)
			}
			return server.LookupNetIP(ctx, network, host)
		})
		for i, result := range sweepAll(t, withServer(lame), names(t, 500, 10*time.Second), 1000) {
			want := ReasonConnected
			if i == 7 {
				want = ReasonDNSFailure
			}
			if result.Reason != want {
				t.Fatalf("name %d is %s (%s), want %s", i, result.Reason, result.Message, want)
			}
		}
		synctest.Wait()
	})
}

func TestNameServerThatComesBackIsAskedAgainInQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{takes: 20, after: 5 * time.Millisecond, overload: silentServer}
		start := time.Now()
		dead := resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			if time.Since(start) < time.Minute {
				return nil, silentServer(ctx, host)
			}
			return server.LookupNetIP(ctx, network, host)
		})
		collector := withServer(dead)
		sweepAll(t, collector, names(t, 1000, 5*time.Second), 1000)
		time.Sleep(time.Until(start.Add(time.Hour)))
		for i, result := range sweepAll(t, collector, names(t, 1000, 10*time.Second), 1000) {
			if result.Status != Connected {
				t.Fatalf("name %d is %s (%s)", i, result.Status, result.Message)
			}
		}
		synctest.Wait()
	})
}

type resolverFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

func (f resolverFunc) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return f(ctx, network, host)
}

func TestChecksOfANameShareItsLookup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{takes: 100, after: time.Second}
		collector := withServer(server)
		checks := make([]Check, 3000)
		for i := range checks {
			checks[i] = checkOf(t, fmt.Sprintf("db.test:%d", i+1), 5*time.Second)
		}
		checks[0].Timeout = 100 * time.Millisecond // does not end the lookup of the others
		for i, result := range sweepAll(t, collector, checks, 1000) {
			want := ReasonConnected
			if i == 0 {
				want = ReasonDNSTimeout
			}
			if result.Reason != want {
				t.Fatalf("check %d is %s (%s), want %s", i, result.Reason, result.Message, want)
			}
		}
		if asked := server.asked.Load(); asked != 2 {
			t.Errorf("the resolver was asked %d times for one name, want once for each family", asked)
		}
		collect(t, collector, "db.test:80", 5*time.Second)
		if asked := server.asked.Load(); asked != 4 {
			t.Errorf("a later check did not ask the resolver: %d", asked)
		}
		synctest.Wait()
	})
}

func TestLookupEndsWithItsLastCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{overload: silentServer}
		collector := withServer(server)
		expect(t, collect(t, collector, "db.test:80", time.Second), ConnectionTimeout, ReasonDNSTimeout, "db.test")
		synctest.Wait()
		if inFlight := server.inFlight.Load(); inFlight != 0 {
			t.Errorf("%d lookups are still in flight", inFlight)
		}
	})
}

func TestLaterDialsLookTheNameUpAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		firstsStaySilent := resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			if asked.Add(1) <= 2 {
				return nil, silentServer(ctx, host)
			}
			return (&nameServer{takes: 1}).LookupNetIP(ctx, network, host)
		})
		collector := withServer(firstsStaySilent)
		other := make(chan Result)
		go func() { // its lookups stay in flight, and could be joined
			result, _ := collector.Collect(t.Context(), checkOf(t, "db.test:80", time.Minute), nil)
			other <- result
		}()
		synctest.Wait()
		policy := retry()
		policy.AttemptTimeout = 2 * time.Second
		check := retrying(checkOf(t, "db.test:80", time.Minute), policy)
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Status != Connected || result.Attempts != 2 {
			t.Errorf("%s after %d attempts, %v", result.Status, result.Attempts, err)
		}
		if result := <-other; result.Reason != ReasonDNSTimeout {
			t.Errorf("the other check is %s", result.Reason)
		}
	})
}

func TestWaitingForATurnIsNoPartOfTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &nameServer{takes: 1000, after: 400 * time.Millisecond}
		collector := withServer(server)
		done := make(chan struct{})
		go func() {
			defer close(done)
			sweepAll(t, collector, names(t, 1000, time.Second), 1000)
		}()
		time.Sleep(100 * moment) // until all of them are in flight
		start := time.Now()
		policy := retry()
		policy.AttemptTimeout = time.Second
		check := retrying(checkOf(t, "db.test:80", time.Second), policy)
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Status != Connected || result.Duration > time.Second ||
			time.Since(start) < 5*time.Second {
			t.Errorf("%s after %s, in all %s, %v", result.Status, result.Duration, time.Since(start), err)
		}
		<-done
	})
}

func TestFailureInACrowdCountsIfNothingElseIsSaidInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		resolver := resolverFunc(func(ctx context.Context, _, host string) ([]netip.Addr, error) {
			if asked.Add(1) <= 20 {
				_ = pause(ctx, 5*time.Millisecond) // so that all 20 are in flight together
				return nil, failingServer(ctx, host)
			}
			return nil, silentServer(ctx, host)
		})
		for i, result := range sweepAll(t, withServer(resolver), names(t, 10, 4*time.Second), 1000) {
			if result.Reason != ReasonDNSFailure {
				t.Errorf("name %d is %s (%s), and the server said that it failed", i, result.Reason, result.Message)
			}
		}
		synctest.Wait()
	})
}

func TestAbandonedLookupIsNoAnswerForLaterChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		results := sweepAll(t, withServer(&nameServer{takes: 100, after: time.Second}), []Check{
			checkOf(t, "db.test:1", 100*time.Millisecond), // ends before the answer
			checkOf(t, "other.test:1", 10*time.Second),
			checkOf(t, "db.test:2", 10*time.Second),
		}, 1)
		if results[2].Status != Connected {
			t.Errorf("the later check is %s (%s)", results[2].Reason, results[2].Message)
		}
		synctest.Wait()
	})
}

func TestLookupThatNeverHadItsTurnIsNotTheResolversSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver := resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			if host != "db.test" {
				return nil, silentServer(ctx, host)
			}
			return (&nameServer{takes: 1}).LookupNetIP(ctx, network, host)
		})
		collector := withServer(resolver)
		var others sync.WaitGroup
		for i := range 100 {
			others.Go(func() {
				time.Sleep(500 * time.Millisecond)
				collect(t, collector, fmt.Sprintf("host-%d.test:80", i), 30*time.Second)
			})
		}
		policy := retry()
		policy.AttemptTimeout, policy.Until, policy.Attempts = 500*time.Millisecond, []Status{ConnectionTimeout}, 3
		check := retrying(checkOf(t, "db.test:80", time.Minute), policy)
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Ready || result.Reason == ReasonDNSTimeout {
			t.Errorf("%s (%s), ready %t, %v", result.Reason, result.Message, result.Ready, err)
		}
		others.Wait()
	})
}

func TestOldLookupIsNotJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		collector := withServer(resolverFunc(func(ctx context.Context, network, host string) ([]netip.Addr, error) {
			if time.Since(start) < 5*time.Second {
				return nil, silentServer(ctx, host)
			}
			return (&nameServer{takes: 1}).LookupNetIP(ctx, network, host)
		}))
		var first sync.WaitGroup
		first.Go(func() { collect(t, collector, "db.test:1", 30*time.Second) })
		time.Sleep(9900 * time.Millisecond)
		expect(t, collect(t, collector, "db.test:2", 30*time.Second), Connected, ReasonConnected, "")
		first.Wait()
	})
}

func TestTimeoutThatEndsBeforeADialIsAnAnswer(t *testing.T) {
	t.Parallel()
	collector := withServer(addresses{loopback.IPv4, loopback.IPv6})
	for timeout := time.Duration(1); timeout < time.Millisecond; timeout *= 2 {
		for range 20 {
			for _, all := range []bool{false, true} {
				check := checkOf(t, "db.test:1", timeout)
				check.Target.AllAddresses = all
				result, err := collector.Collect(t.Context(), check, nil)
				if err != nil || !result.Status.Known() || (result.Status == Connected) != (result.Message == "") {
					t.Errorf("all addresses %t: %s, %s (%q) within %s, %v",
						all, result.Status, result.Reason, result.Message, timeout, err)
				}
			}
		}
	}
}

func TestLookupThatBeginsAnewAfterTheOtherFamilyIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		four := &lookup{question: question{"db", IPv4}, done: make(chan struct{})}
		four.answer = answer{ips: []netip.Addr{loopback.IPv4}, searchIndex: 1}
		six := &lookup{question: question{"db", IPv6}, done: make(chan struct{})}
		close(four.done)
		six.searchIndex.Store(1) // it found no address of the first name
		names := &resolution{target: Target{Address: mustParse(t, "db:80")}, asked: []*lookup{six, four}}
		found := names.endpoints(t.Context())
		if first := <-found; len(first) != 1 || first[0].Addr() != loopback.IPv4 {
			t.Errorf("found %s", first)
		}
		six.answer = answer{err: failingServer(t.Context(), "db")} // asked again, and failed at the first name
		close(six.done)
		if more, open := <-found; open || names.failure == nil {
			t.Errorf("found %s, failure %v", more, names.failure)
		}
	})
}
