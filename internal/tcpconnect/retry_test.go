// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// retry returns the documented defaults.
func retry() Retry {
	return Retry{
		AttemptTimeout: DefaultAttemptTimeout,
		MinDelay:       DefaultMinDelay,
		MaxDelay:       DefaultMaxDelay,
		Until:          DefaultUntil(),
		Consecutive:    DefaultConsecutive,
	}
}

// course returns a collector whose dials end as the letters say, and then as the last letter says: c connects, r is
// refused, s stays silent.
func course(letters string) *Collector {
	dials := 0
	dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		letter := letters[min(dials, len(letters)-1)]
		dials++
		answer := script{remote.Addr().String(): {}}
		switch letter {
		case 'r':
			answer = script{remote.Addr().String(): {err: dialError(refusedErrno)}}
		case 's':
			answer = script{remote.Addr().String(): {after: 24 * time.Hour}}
		}
		return answer.dial(ctx, local, remote)
	}
	return &Collector{Dialer: endpointDialer(dial)}
}

func TestWaitEndsAsItsLastDialSays(t *testing.T) {
	t.Parallel()
	three := func(r *Retry) { r.Consecutive = 3 }
	for name, test := range map[string]struct {
		course   string
		change   func(*Retry)
		timeout  time.Duration
		reason   Reason
		ready    bool
		attempts int64 // 0: at least two
	}{
		"at once":                    {"c", nil, time.Minute, ReasonConnected, true, 1},
		"opens after the third dial": {"rrrc", nil, time.Minute, ReasonConnected, true, 4},
		"three in a row":             {"rrrc", three, time.Minute, ReasonConnected, true, 6},
		"a new row":                  {"rcrccrccc", three, 10 * time.Minute, ReasonConnected, true, 9},
		"closes again after one":     {"rrrcr", three, time.Minute, ReasonRefused, false, 0},
		"one lucky dial is the last": {
			"rrrc", func(r *Retry) { r.Consecutive, r.Attempts = 3, 4 }, time.Minute, ReasonNotReady, false, 4,
		},
		"time runs out in a row": {
			"c", func(r *Retry) { r.Consecutive = 1000 }, time.Minute, ReasonNotReady, false, 0,
		},
		"never opens": {"r", nil, time.Minute, ReasonRefused, false, 0},
		"attempts run out": {
			"r", func(r *Retry) { r.Attempts = 3 }, time.Hour, ReasonRefused, false, 3,
		},
		"silent": {"s", nil, time.Minute, ReasonNoResponse, false, 0},
		"closes": {
			"cccr", func(r *Retry) { r.Until = []Status{ConnectionRefused} }, time.Minute, ReasonRefused, true, 4,
		},
		"gives up": {
			"sr", func(r *Retry) { r.GiveUpOn = []Reason{ReasonRefused} }, time.Minute, ReasonRefused, false, 2,
		},
		"ready goes before giving up": {
			"r",
			func(r *Retry) { r.Until, r.GiveUpOn = []Status{ConnectionRefused}, []Reason{ReasonRefused} },
			time.Minute, ReasonRefused, true, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				policy := retry()
				if test.change != nil {
					test.change(&policy)
				}
				start := time.Now()
				check := retrying(checkOf(t, "127.0.0.1:80", test.timeout), policy)
				result, err := course(test.course).Collect(t.Context(), check, nil)
				if err != nil {
					t.Fatal(err)
				}
				if result.Status != test.reason.Status() || result.Reason != test.reason || result.Ready != test.ready {
					t.Errorf("got %s, %s, ready %t (%s); want %s, ready %t", result.Status, result.Reason, result.Ready,
						result.Message, test.reason, test.ready)
				}
				if result.Attempts != test.attempts && (test.attempts != 0 || result.Attempts < 2) {
					t.Errorf("%d attempts, want %d", result.Attempts, test.attempts)
				}
				if elapsed := time.Since(start); elapsed > test.timeout || result.Duration != elapsed {
					t.Errorf("took %s and says %s, the timeout is %s", elapsed, result.Duration, test.timeout)
				}
				if result.Remote.IsValid() != (result.Status == Connected) {
					t.Errorf("%s with the remote address %s", result.Status, result.Remote)
				}
			})
		})
	}
}

func TestWaitKeepsItsLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			policy := Retry{
				Attempts:       random.Int64N(20),
				AttemptTimeout: time.Duration(1 + random.Int64N(int64(10*time.Second))),
				MinDelay:       time.Duration(1+random.IntN(5000)) * time.Millisecond,
				Until:          DefaultUntil(),
				Consecutive:    1 + random.Int64N(4),
			}
			policy.MaxDelay = policy.MinDelay + time.Duration(random.IntN(20000))*time.Millisecond
			timeout := policy.AttemptTimeout + time.Duration(random.Int64N(int64(2*time.Minute)))
			letters := make([]byte, 30)
			for i := range letters {
				letters[i] = "crs"[random.IntN(3)]
			}
			start, previous, waited := time.Now(), int64(0), time.Duration(0)
			report := func(attempt Attempt) {
				if attempt.Number != previous+1 || attempt.Result.Duration > policy.AttemptTimeout {
					t.Errorf("attempt %d after %d took %s", attempt.Number, previous, attempt.Result.Duration)
				}
				next := attempt.Next
				if next != 0 && (next < policy.MinDelay || next > policy.MaxDelay || next >= attempt.Left) {
					t.Errorf("next in %s of %s left, want between %s and %s",
						next, attempt.Left, policy.MinDelay, policy.MaxDelay)
				}
				previous = attempt.Number
				waited += next
			}
			check := retrying(checkOf(t, "127.0.0.1:80", timeout), policy)
			result, err := course(string(letters)).Collect(t.Context(), check, report)
			if err != nil {
				t.Fatal(err)
			}
			elapsed := time.Since(start)
			exhausted := !result.Ready && (policy.Attempts == 0 || previous < policy.Attempts)
			if exhausted && elapsed < timeout-policy.MinDelay-policy.AttemptTimeout {
				t.Errorf("seed %d: gave up after %s of %s, with a delay of at least %s",
					seed, elapsed, timeout, policy.MinDelay)
			}
			if elapsed > timeout || elapsed < waited || result.Attempts != previous ||
				policy.Attempts > 0 && previous > policy.Attempts {
				t.Errorf("seed %d: %d attempts in %s of %s, waited %s: %+v",
					seed, previous, elapsed, timeout, waited, policy)
			}
			if result.Ready != (result.Status == Connected) {
				t.Errorf("seed %d: %s, ready %t", seed, result.Status, result.Ready)
			}
		})
	}
}

// slow returns a collector whose dials all end after a time, with an error or connected.
func slow(after time.Duration, err error) *Collector {
	return &Collector{Dialer: endpointDialer(script{"127.0.0.1": {after: after, err: err}}.dial)}
}

func TestDialThatTheEndCutsShortSaysNothing(t *testing.T) {
	t.Parallel()
	for seed := range 50 {
		synctest.Test(t, func(t *testing.T) {
			policy := retry()
			policy.MinDelay, policy.MaxDelay = 10*time.Millisecond, time.Duration(20+seed)*time.Millisecond
			check := retrying(checkOf(t, "127.0.0.1:80", 10*time.Second), policy)
			result, err := slow(200*time.Millisecond, dialError(refusedErrno)).Collect(t.Context(), check, nil)
			if err != nil || result.Status != ConnectionRefused || result.Reason != ReasonRefused {
				t.Errorf("a port that always refuses is %s, %s, %v", result.Status, result.Reason, err)
			}
			check.Retry.Until = []Status{ConnectionTimeout}
			result, err = slow(200*time.Millisecond, nil).Collect(t.Context(), check, nil)
			if err != nil || result.Ready || result.Status != Connected {
				t.Errorf("a port that always accepts is %s, ready %t, %v", result.Status, result.Ready, err)
			}
		})
	}
}

func TestNotReadyIsNoStatusThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, until := range [][]Status{{Connected}, {ConnectionTimeout}, {ConnectionTimeout, Error}} {
		synctest.Test(t, func(t *testing.T) {
			policy := retry()
			policy.Until, policy.Consecutive, policy.Attempts = until, 3, 3
			letters := "rrc"
			if until[0] == ConnectionTimeout {
				letters = "rrs"
			}
			check := retrying(checkOf(t, "127.0.0.1:80", time.Minute), policy)
			result, err := course(letters).Collect(t.Context(), check, nil)
			if err != nil || result.Ready || result.Reason != ReasonNotReady || slices.Contains(until, result.Status) {
				t.Errorf("until %s: %s, %s, ready %t, %v", until, result.Status, result.Reason, result.Ready, err)
			}
		})
	}
}

func TestFaultOfThisMachineIsNeverWaitedFor(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{addressErrno, limitErrno} {
		for _, allAddresses := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				policy := retry()
				policy.Until = []Status{Error}
				check := retrying(checkOf(t, "127.0.0.1:80", time.Minute), policy)
				check.Target.AllAddresses = allAddresses
				result, err := slow(0, dialError(errno)).Collect(t.Context(), check, nil)
				if err != nil || result.Ready || result.Attempts < 2 {
					t.Errorf("%s: ready %t after %d attempts, %v", errno, result.Ready, result.Attempts, err)
				}
			})
		}
	}
}

func TestDelaysGrowAndBeginAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		policy := retry()
		policy.Consecutive = 2
		var delays []time.Duration
		check := retrying(checkOf(t, "127.0.0.1:80", time.Hour), policy)
		_, err := course("rrrrrrrrrrrrcrrc").Collect(t.Context(), check, func(attempt Attempt) {
			delays = append(delays, attempt.Next)
		})
		if err != nil {
			t.Fatal(err)
		}
		first, last, afterReset := delays[0], delays[11], delays[12]
		if first > 2*policy.MinDelay || last < policy.MaxDelay/2 || afterReset > 2*policy.MinDelay {
			t.Errorf("the delays are %s", delays)
		}
		distinct := slices.Compact(slices.Sorted(slices.Values(delays)))
		if len(distinct) < len(delays)-2 { // only the last is 0
			t.Errorf("the delays have no jitter: %s", delays)
		}
	})
}

func TestSilentAddressIsDialledSeveralTimesWithinTheTimeout(t *testing.T) {
	t.Parallel()
	peer := loopback.Silent(t, loopback.IPv4)
	policy := Retry{
		AttemptTimeout: 50 * time.Millisecond,
		MinDelay:       10 * time.Millisecond,
		MaxDelay:       20 * time.Millisecond,
		Until:          DefaultUntil(),
		Consecutive:    1,
	}
	check := retrying(checkOf(t, peer.String(), 500*time.Millisecond), policy)
	result, err := new(Collector).Collect(t.Context(), check, nil)
	if err != nil || result.Status != ConnectionTimeout || result.Attempts < 2 {
		t.Errorf("%d attempts ended in %s, %v", result.Attempts, result.Status, err)
	}
}

func TestWaitSeesARealPortOpenAndClose(t *testing.T) {
	t.Parallel()
	policy := Retry{
		AttemptTimeout: patient,
		MinDelay:       time.Millisecond,
		MaxDelay:       time.Millisecond,
		Until:          DefaultUntil(),
		Consecutive:    1,
	}
	peer := loopback.Refused(t)
	check := retrying(checkOf(t, peer.String(), patient), policy)
	var listener net.Listener
	result, err := new(Collector).Collect(t.Context(), check, func(attempt Attempt) {
		if attempt.Number != 3 {
			return
		}
		var err error
		if listener, err = net.Listen("tcp", peer.String()); err != nil {
			t.Error(err)
		}
	})
	if err != nil || result.Status != Connected || !result.Ready || result.Attempts != 4 {
		t.Errorf("%+v, %v", result, err)
	}

	check.Retry.Until = []Status{ConnectionRefused}
	result, err = new(Collector).Collect(t.Context(), check, func(attempt Attempt) {
		if attempt.Number == 2 {
			_ = listener.Close()
		}
	})
	if err != nil || result.Status != ConnectionRefused || !result.Ready || result.Attempts != 3 {
		t.Errorf("%+v, %v", result, err)
	}
}

// turns is a resolver that returns its elements one after the other. nil is a name that does not exist.
type turns struct {
	ips     []*netip.Addr
	lookups int
}

func (r *turns) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if network == "ip6" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	ip := r.ips[min(r.lookups, len(r.ips)-1)]
	r.lookups++
	if ip == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return []netip.Addr{*ip}, nil
}

func TestWaitResolvesTheNameForEveryDial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver := &turns{ips: []*netip.Addr{nil, nil, &loopback.IPv4}}
		collector := course("c")
		collector.Resolver = resolver
		check := retrying(checkOf(t, "db.test:80", time.Minute), retry())
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Status != Connected || result.Attempts != 3 || resolver.lookups != 3 {
			t.Errorf("%d attempts and %d lookups ended in %s, %v",
				result.Attempts, resolver.lookups, result.Status, err)
		}

		*resolver = turns{ips: []*netip.Addr{nil}}
		check.Retry.GiveUpOn = []Reason{ReasonNoSuchHost}
		start := time.Now()
		result, err = collector.Collect(t.Context(), check, nil)
		if err != nil || result.Reason != ReasonNoSuchHost || result.Attempts != 1 || result.Ready ||
			time.Since(start) != 0 {
			t.Errorf("%d attempts in %s ended in %s, %v", result.Attempts, time.Since(start), result.Reason, err)
		}
	})
}

func TestInterruptEndsTheWaitBetweenDials(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		time.AfterFunc(500*time.Millisecond, cancel) // within the first delay
		check := retrying(checkOf(t, "127.0.0.1:80", time.Hour), retry())
		_, err := course("r").Collect(ctx, check, nil)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 500*time.Millisecond {
			t.Errorf("ended after %s: %v", time.Since(start), err)
		}
	})
}

func TestAllAddressesGiveTheWorstStatus(t *testing.T) {
	t.Parallel()
	second := netip.MustParseAddr("127.0.0.2")
	requireAddress(t, second)
	open := loopback.Listen(t, loopback.IPv4).AddrPort()
	closed := loopback.Listen(t, second)
	_ = closed.Close()
	collector := route(open, closed.AddrPort())

	plain := collect(t, collector, "db.test:80", patient)
	expect(t, plain, Connected, ReasonConnected, "")

	check := checkOf(t, "db.test:80", patient)
	check.Target.AllAddresses = true
	all, err := collector.Collect(t.Context(), check, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, all, ConnectionRefused, ReasonRefused, closed.AddrPort().String())
	var rows []string
	for _, endpoint := range all.Endpoints {
		rows = append(rows, fmt.Sprintf("%s %s %t", endpoint.Endpoint, endpoint.Status, endpoint.Message == ""))
	}
	want := []string{"127.0.0.1:80 connected true", "127.0.0.2:80 connection-refused false"}
	if !slices.Equal(rows, want) {
		t.Errorf("the addresses are %q, want %q", rows, want)
	}

	both, err := route(open, loopback.Listen(t, second).AddrPort()).Collect(t.Context(), check, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, both, Connected, ReasonConnected, "")
	if len(both.Endpoints) != 2 || both.Remote != open {
		t.Errorf("%+v", both)
	}

	gone, err := (&Collector{Resolver: &turns{ips: []*netip.Addr{nil}}}).Collect(t.Context(), check, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, gone, Error, ReasonNoSuchHost, "no such host")
}

func TestAllAddressesAreDialledSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var resolver addresses
		answers := script{}
		for i := range 200 {
			ip := netip.AddrFrom4([4]byte{127, 0, 1, byte(i)})
			resolver = append(resolver, ip)
			answers[ip.String()] = scriptedAnswer{after: time.Hour}
		}
		collector := &Collector{Resolver: resolver, Dialer: endpointDialer(answers.dial)}
		check := checkOf(t, "db.test:80", time.Second)
		check.Target.AllAddresses = true
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Status != ConnectionTimeout || result.Duration != time.Second ||
			len(result.Endpoints) != 200 {
			t.Errorf("%s after %s with %d addresses, %v",
				result.Status, result.Duration, len(result.Endpoints), err)
		}
	})
}

func TestWorstOfAllAddressesDecides(t *testing.T) {
	t.Parallel()
	refused := scriptedAnswer{err: dialError(refusedErrno)}
	silent := scriptedAnswer{after: time.Hour}
	late := scriptedAnswer{after: 100 * time.Millisecond}
	withoutSource := scriptedAnswer{err: dialError(addressErrno)}
	open := scriptedAnswer{}
	for name, test := range map[string]struct {
		answers [4]scriptedAnswer
		reason  Reason
	}{
		"error":   {[4]scriptedAnswer{refused, silent, withoutSource, open}, ReasonLocalAddress},
		"timeout": {[4]scriptedAnswer{open, refused, silent, refused}, ReasonNoResponse},
		"refused": {[4]scriptedAnswer{open, open, refused, late}, ReasonRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var resolver addresses
				answers := script{}
				for i, answer := range test.answers {
					ip := netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
					resolver = append(resolver, ip)
					answers[ip.String()] = answer
				}
				collector := &Collector{Resolver: resolver, Dialer: endpointDialer(answers.dial)}
				check := checkOf(t, "db.test:80", time.Second)
				check.Target.AllAddresses = true
				result, err := collector.Collect(t.Context(), check, nil)
				if err != nil || result.Reason != test.reason || result.Status != test.reason.Status() {
					t.Errorf("%s, %s, %v; want %s", result.Status, result.Reason, err, test.reason)
				}
				for _, endpoint := range result.Endpoints {
					answer := answers[endpoint.Endpoint.Addr().String()]
					if endpoint.Duration != min(answer.after, time.Second) {
						t.Errorf("%s took %s", endpoint.Endpoint, endpoint.Duration)
					}
					if answer.err != nil && endpoint.Message != answer.err.Error() ||
						!strings.Contains(result.Message, endpoint.Message) {
						t.Errorf("%s says %q, all say %q", endpoint.Endpoint, endpoint.Message, result.Message)
					}
				}
			})
		})
	}
}

func TestWaitForAllAddressesWantsEachOfThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := script{"127.0.0.1": {}, "127.0.0.2": {err: dialError(refusedErrno)}}
		collector := &Collector{
			Resolver: addresses{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")},
			Dialer:   endpointDialer(answers.dial),
		}
		policy := retry()
		policy.Until = []Status{ConnectionRefused}
		check := retrying(checkOf(t, "db.test:80", time.Minute), policy)
		check.Target.AllAddresses = true
		result, err := collector.Collect(t.Context(), check, nil)
		if err != nil || result.Ready || result.Reason != ReasonNotReady {
			t.Errorf("one of two closed: %s, ready %t, %v", result.Reason, result.Ready, err)
		}
	})
}

func TestFamilyAndSourceNarrowADial(t *testing.T) {
	t.Parallel()
	four, six := loopback.Listen(t, loopback.IPv4).AddrPort(), loopback.Listen(t, loopback.IPv6).AddrPort()
	foreign := netip.MustParseAddr("203.0.113.99") // TEST-NET-3, RFC 5737: no machine has it
	for name, test := range map[string]struct {
		target Target
		remote netip.AddrPort
		reason Reason
		says   string
	}{
		"IPv4":           {Target{Family: IPv4}, four, ReasonConnected, ""},
		"IPv6":           {Target{Family: IPv6}, six, ReasonConnected, ""},
		"any":            {Target{Family: AnyFamily}, six, ReasonConnected, ""},
		"source of IPv4": {Target{Source: loopback.IPv4}, four, ReasonConnected, ""},
		"source of IPv6": {Target{Source: loopback.IPv6}, six, ReasonConnected, ""},
		"foreign source": {
			target: Target{Source: foreign},
			reason: ReasonLocalAddress,
			says:   "this machine can't dial from the source address 203.0.113.99",
		},
		"no such address": {
			target: Target{Family: IPv6, Address: Address{host: "four.test", port: 80}},
			reason: ReasonNoSuchHost,
			says:   "no IPv6 address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := route(six, four)
			if test.target.Family == AnyFamily {
				collector = route(six) // of two, the slower one would lose
			}
			if test.target.Address.host != "" {
				collector = route(four)
			} else {
				test.target.Address = mustParse(t, "db.test:80")
			}
			result, err := collector.Collect(t.Context(), Check{Target: test.target, Timeout: patient}, nil)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, result, test.reason.Status(), test.reason, test.says)
			if result.Remote != test.remote {
				t.Errorf("connected to %s, want %s", result.Remote, test.remote)
			}
			source := test.target.Source
			if source.IsValid() && test.reason == ReasonConnected && result.Local.Addr() != source {
				t.Errorf("connected from %s, want %s", result.Local, source)
			}
		})
	}
}

func TestContradictingTargetsAreInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		target Target
		says   string
	}{
		{Target{Address: mustParse(t, "[::1]:80"), Family: IPv4}, `not of the IP family "ipv4"`},
		{Target{Address: mustParse(t, "127.0.0.1:80"), Source: loopback.IPv6}, "different IP families"},
		{
			Target{Address: mustParse(t, "db:80"), Source: loopback.IPv4, Family: IPv6},
			"source address 127.0.0.1 is not",
		},
		{Target{Address: mustParse(t, "db:80"), Source: loopback.IPv4, Family: IPv4}, ""},
		{Target{Address: mustParse(t, "127.0.0.1:80"), Source: loopback.IPv4}, ""},
		{Target{Address: mustParse(t, "127.0.0.1:80")}, ""},
	} {
		err := test.target.Validate()
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %q", test.target, err, test.says)
		}
	}
	for _, text := range []string{"", "db", "10.0.0.5:80", "0.0.0.0", "::", "10.0.0.256"} {
		if source, err := ParseSource(text); err == nil {
			t.Errorf("ParseSource(%q) = %s", text, source)
		}
	}
}

func TestRetryWaitsForWhatOutcomesPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ until, passes, want []Status }{
		"neither":             {nil, nil, DefaultUntil()},
		"nothing passes":      {nil, []Status{}, DefaultUntil()},
		"outcomes":            {nil, []Status{ConnectionRefused, Error}, []Status{ConnectionRefused, Error}},
		"until":               {[]Status{Error}, nil, []Status{Error}},
		"until goes first":    {[]Status{Error}, []Status{Connected}, []Status{Error}},
		"an empty until":      {[]Status{}, []Status{Error}, []Status{Error}},
		"both empty":          {[]Status{}, []Status{}, DefaultUntil()},
		"everything may pass": {nil, Statuses(), Statuses()},
	} {
		policy := retry()
		policy.Until, policy.Attempts = test.until, 7
		got := policy.For(test.passes)
		if !slices.Equal(got.Until, test.want) {
			t.Errorf("%s: waits for %q, want %q", name, got.Until, test.want)
		}
		if !slices.Equal(policy.Until, test.until) {
			t.Errorf("%s: the retry itself was changed", name)
		}
		if got.Until = nil; !got.equal(&Retry{
			Attempts: 7, AttemptTimeout: policy.AttemptTimeout, MinDelay: policy.MinDelay, MaxDelay: policy.MaxDelay,
			Consecutive: policy.Consecutive,
		}) {
			t.Errorf("%s: another argument was changed: %s", name, got)
		}
	}
}
