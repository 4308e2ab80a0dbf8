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
	return Retry{AttemptTimeout: DefaultAttemptTimeout, MinDelay: DefaultMinDelay, MaxDelay: DefaultMaxDelay, Until: DefaultUntil(), Consecutive: DefaultConsecutive}
}

// course is a collector whose dials go as its letters say, and then as the last: c connects, r is refused, s stays
// silent.
func course(letters string) *Collector {
	dials := 0
	return &Collector{Dialer: endpointDialer(func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		letter := letters[min(dials, len(letters)-1)]
		dials++
		answer := script{remote.Addr().String(): {}}
		switch letter {
		case 'r':
			answer = script{remote.Addr().String(): {err: &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(refusedErrno)}}}
		case 's':
			answer = script{remote.Addr().String(): {after: 24 * time.Hour}}
		}
		return answer.dial(ctx, local, remote)
	})}
}

func TestWaitEndsAsItsLastDialSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		course   string
		change   func(*Retry)
		timeout  time.Duration
		status   Status
		reason   Reason
		ready    bool
		attempts int64 // 0: at least two
	}{
		"at once":                     {"c", nil, time.Minute, Connected, ReasonConnected, true, 1},
		"opens after the third dial":  {"rrrc", nil, time.Minute, Connected, ReasonConnected, true, 4},
		"three in a row":              {"rrrc", func(r *Retry) { r.Consecutive = 3 }, time.Minute, Connected, ReasonConnected, true, 6},
		"a row begins anew":           {"rcrccrccc", func(r *Retry) { r.Consecutive = 3 }, 10 * time.Minute, Connected, ReasonConnected, true, 9},
		"closes again after one":      {"rrrcr", func(r *Retry) { r.Consecutive = 3 }, time.Minute, ConnectionRefused, ReasonRefused, false, 0},
		"one lucky dial is the last":  {"rrrc", func(r *Retry) { r.Consecutive = 3; r.Attempts = 4 }, time.Minute, ConnectionTimeout, ReasonNotReady, false, 4},
		"time runs out in a row":      {"c", func(r *Retry) { r.Consecutive = 1000 }, time.Minute, ConnectionTimeout, ReasonNotReady, false, 0},
		"never opens":                 {"r", nil, time.Minute, ConnectionRefused, ReasonRefused, false, 0},
		"attempts run out":            {"r", func(r *Retry) { r.Attempts = 3 }, time.Hour, ConnectionRefused, ReasonRefused, false, 3},
		"silent":                      {"s", nil, time.Minute, ConnectionTimeout, ReasonNoResponse, false, 0},
		"closes":                      {"cccr", func(r *Retry) { r.Until = []Status{ConnectionRefused} }, time.Minute, ConnectionRefused, ReasonRefused, true, 4},
		"gives up":                    {"sr", func(r *Retry) { r.GiveUpOn = []Reason{ReasonRefused} }, time.Minute, ConnectionRefused, ReasonRefused, false, 2},
		"ready goes before giving up": {"r", func(r *Retry) { r.Until = []Status{ConnectionRefused}; r.GiveUpOn = []Reason{ReasonRefused} }, time.Minute, ConnectionRefused, ReasonRefused, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				policy := retry()
				if test.change != nil {
					test.change(&policy)
				}
				start := time.Now()
				result, err := course(test.course).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "127.0.0.1:80")}, Timeout: test.timeout, Retry: &policy}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if result.Status != test.status || result.Reason != test.reason || result.Ready != test.ready {
					t.Errorf("got %s, %s, ready %t (%s); want %s, %s, %t", result.Status, result.Reason, result.Ready, result.Message, test.status, test.reason, test.ready)
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
				if attempt.Next != 0 && (attempt.Next < policy.MinDelay || attempt.Next > policy.MaxDelay || attempt.Next >= attempt.Left) {
					t.Errorf("next in %s of %s left, not within %s and %s", attempt.Next, attempt.Left, policy.MinDelay, policy.MaxDelay)
				}
				previous = attempt.Number
				waited += attempt.Next
			}
			result, err := course(string(letters)).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "127.0.0.1:80")}, Timeout: timeout, Retry: &policy}, report)
			if err != nil {
				t.Fatal(err)
			}
			elapsed := time.Since(start)
			exhausted := !result.Ready && (policy.Attempts == 0 || previous < policy.Attempts)
			if exhausted && elapsed < timeout-policy.MinDelay-policy.AttemptTimeout {
				t.Errorf("seed %d: gave up after %s of %s, with a least delay of %s", seed, elapsed, timeout, policy.MinDelay)
			}
			if elapsed > timeout || elapsed < waited || result.Attempts != previous || policy.Attempts > 0 && previous > policy.Attempts {
				t.Errorf("seed %d: %d attempts in %s of %s, waited %s: %+v", seed, previous, elapsed, timeout, waited, policy)
			}
			if result.Ready != (result.Status == Connected) {
				t.Errorf("seed %d: %s, ready %t", seed, result.Status, result.Ready)
			}
		})
	}
}

// slow is a collector whose dials all take a while and then end alike.
func slow(after time.Duration, err error) *Collector {
	return &Collector{Dialer: endpointDialer(script{"127.0.0.1": {after: after, err: err}}.dial)}
}

func TestDialThatTheEndCutsShortSaysNothing(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(refusedErrno)}
	for seed := range 50 {
		synctest.Test(t, func(t *testing.T) {
			policy := retry()
			policy.MinDelay, policy.MaxDelay = 10*time.Millisecond, time.Duration(20+seed)*time.Millisecond
			target := Target{Address: mustParse(t, "127.0.0.1:80")}
			result, err := slow(200*time.Millisecond, refused).Collect(t.Context(), Check{Target: target, Timeout: 10 * time.Second, Retry: &policy}, nil)
			if err != nil || result.Status != ConnectionRefused || result.Reason != ReasonRefused {
				t.Errorf("a port that always refuses is %s, %s, %v", result.Status, result.Reason, err)
			}
			policy.Until = []Status{ConnectionTimeout}
			result, err = slow(200*time.Millisecond, nil).Collect(t.Context(), Check{Target: target, Timeout: 10 * time.Second, Retry: &policy}, nil)
			if err != nil || result.Ready || result.Status != Connected {
				t.Errorf("a port that always accepts is %s, ready for a timeout: %t, %v", result.Status, result.Ready, err)
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
			result, err := course(letters).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "127.0.0.1:80")}, Timeout: time.Minute, Retry: &policy}, nil)
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
				target := Target{Address: mustParse(t, "127.0.0.1:80"), AllAddresses: allAddresses}
				result, err := slow(0, &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(errno)}).Collect(t.Context(), Check{Target: target, Timeout: time.Minute, Retry: &policy}, nil)
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
		_, err := course("rrrrrrrrrrrrcrrc").Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "127.0.0.1:80")}, Timeout: time.Hour, Retry: &policy}, func(attempt Attempt) {
			delays = append(delays, attempt.Next)
		})
		if err != nil {
			t.Fatal(err)
		}
		if first, later, anew := delays[0], delays[11], delays[12]; first > 2*policy.MinDelay || later < policy.MaxDelay/2 || anew > 2*policy.MinDelay {
			t.Errorf("the delays are %s", delays)
		}
		distinct := slices.Compact(slices.Sorted(slices.Values(delays)))
		if len(distinct) < len(delays)-2 { // the last is 0, as is none other
			t.Errorf("the delays have no jitter: %s", delays)
		}
	})
}

func TestSilentAddressIsDialledSeveralTimesWithinTheTimeout(t *testing.T) {
	t.Parallel()
	peer := loopback.Silent(t, loopback.IPv4)
	policy := Retry{AttemptTimeout: 50 * time.Millisecond, MinDelay: 10 * time.Millisecond, MaxDelay: 20 * time.Millisecond, Until: DefaultUntil(), Consecutive: 1}
	result, err := new(Collector).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, peer.String())}, Timeout: 500 * time.Millisecond, Retry: &policy}, nil)
	if err != nil || result.Status != ConnectionTimeout || result.Attempts < 2 {
		t.Errorf("%d attempts ended in %s, %v", result.Attempts, result.Status, err)
	}
}

func TestWaitSeesARealPortOpenAndClose(t *testing.T) {
	t.Parallel()
	policy := Retry{AttemptTimeout: patient, MinDelay: time.Millisecond, MaxDelay: time.Millisecond, Until: DefaultUntil(), Consecutive: 1}
	peer := loopback.Refused(t)
	var listener net.Listener
	result, err := new(Collector).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, peer.String())}, Timeout: patient, Retry: &policy}, func(attempt Attempt) {
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

	policy.Until = []Status{ConnectionRefused}
	result, err = new(Collector).Collect(t.Context(), Check{Target: Target{Address: mustParse(t, peer.String())}, Timeout: patient, Retry: &policy}, func(attempt Attempt) {
		if attempt.Number == 2 {
			_ = listener.Close()
		}
	})
	if err != nil || result.Status != ConnectionRefused || !result.Ready || result.Attempts != 3 {
		t.Errorf("%+v, %v", result, err)
	}
}

// turns is a resolver that gives its elements in turn, nil for a name that does not exist.
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
		target := Target{Address: mustParse(t, "db.test:80")}
		result, err := collector.Collect(t.Context(), Check{Target: target, Timeout: time.Minute, Retry: new(retry())}, nil)
		if err != nil || result.Status != Connected || result.Attempts != 3 || resolver.lookups != 3 {
			t.Errorf("%d attempts and %d lookups ended in %s, %v", result.Attempts, resolver.lookups, result.Status, err)
		}

		*resolver = turns{ips: []*netip.Addr{nil}}
		policy := retry()
		policy.GiveUpOn = []Reason{ReasonNoSuchHost}
		start := time.Now()
		result, err = collector.Collect(t.Context(), Check{Target: target, Timeout: time.Minute, Retry: &policy}, nil)
		if err != nil || result.Reason != ReasonNoSuchHost || result.Attempts != 1 || result.Ready || time.Since(start) != 0 {
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
		_, err := course("r").Collect(ctx, Check{Target: Target{Address: mustParse(t, "127.0.0.1:80")}, Timeout: time.Hour, Retry: new(retry())}, nil)
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

	target := Target{Address: mustParse(t, "db.test:80"), AllAddresses: true}
	all, err := collector.Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, all, ConnectionRefused, ReasonRefused, closed.AddrPort().String())
	var rows []string
	for _, endpoint := range all.Endpoints {
		rows = append(rows, fmt.Sprintf("%s %s %t", endpoint.Endpoint, endpoint.Status, endpoint.Message == ""))
	}
	if want := []string{"127.0.0.1:80 connected true", "127.0.0.2:80 connection-refused false"}; !slices.Equal(rows, want) {
		t.Errorf("the addresses are %q, want %q", rows, want)
	}

	both, err := route(open, loopback.Listen(t, second).AddrPort()).Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, both, Connected, ReasonConnected, "")
	if len(both.Endpoints) != 2 || both.Remote != open {
		t.Errorf("%+v", both)
	}

	gone, err := (&Collector{Resolver: &turns{ips: []*netip.Addr{nil}}}).Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
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
			answers[ip.String()] = struct {
				after time.Duration
				err   error
			}{after: time.Hour}
		}
		collector := &Collector{Resolver: resolver, Dialer: endpointDialer(answers.dial)}
		result, err := collector.Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "db.test:80"), AllAddresses: true}, Timeout: time.Second}, nil)
		if err != nil || result.Status != ConnectionTimeout || result.Duration != time.Second || len(result.Endpoints) != 200 {
			t.Errorf("%s after %s with %d addresses, %v", result.Status, result.Duration, len(result.Endpoints), err)
		}
	})
}

func TestWorstOfAllAddressesDecides(t *testing.T) {
	t.Parallel()
	failure := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(errno)}
	}
	for name, test := range map[string]struct {
		answers script
		reason  Reason
	}{
		"error":   {script{"127.0.0.1": {err: failure(refusedErrno)}, "127.0.0.2": {after: time.Hour}, "127.0.0.3": {err: failure(addressErrno)}, "127.0.0.4": {}}, ReasonLocalAddress},
		"timeout": {script{"127.0.0.1": {}, "127.0.0.2": {err: failure(refusedErrno)}, "127.0.0.3": {after: time.Hour}, "127.0.0.4": {err: failure(refusedErrno)}}, ReasonNoResponse},
		"refused": {script{"127.0.0.1": {}, "127.0.0.2": {}, "127.0.0.3": {err: failure(refusedErrno)}, "127.0.0.4": {after: 100 * time.Millisecond}}, ReasonRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var resolver addresses
				for i := range byte(4) {
					resolver = append(resolver, netip.AddrFrom4([4]byte{127, 0, 0, i + 1}))
				}
				collector := &Collector{Resolver: resolver, Dialer: endpointDialer(test.answers.dial)}
				result, err := collector.Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "db.test:80"), AllAddresses: true}, Timeout: time.Second}, nil)
				if err != nil || result.Reason != test.reason || result.Status != test.reason.Status() {
					t.Errorf("%s, %s, %v; want %s", result.Status, result.Reason, err, test.reason)
				}
				for _, endpoint := range result.Endpoints {
					answer := test.answers[endpoint.Endpoint.Addr().String()]
					if endpoint.Duration != min(answer.after, time.Second) {
						t.Errorf("%s took %s", endpoint.Endpoint, endpoint.Duration)
					}
					if answer.err != nil && endpoint.Message != answer.err.Error() || !strings.Contains(result.Message, endpoint.Message) {
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
		refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(refusedErrno)}
		collector := &Collector{
			Resolver: addresses{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")},
			Dialer:   endpointDialer(script{"127.0.0.1": {}, "127.0.0.2": {err: refused}}.dial),
		}
		policy := retry()
		policy.Until = []Status{ConnectionRefused}
		result, err := collector.Collect(t.Context(), Check{Target: Target{Address: mustParse(t, "db.test:80"), AllAddresses: true}, Timeout: time.Minute, Retry: &policy}, nil)
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
		"IPv4":            {Target{Family: IPv4}, four, ReasonConnected, ""},
		"IPv6":            {Target{Family: IPv6}, six, ReasonConnected, ""},
		"any":             {Target{Family: AnyFamily}, six, ReasonConnected, ""},
		"source of IPv4":  {Target{Source: loopback.IPv4}, four, ReasonConnected, ""},
		"source of IPv6":  {Target{Source: loopback.IPv6}, six, ReasonConnected, ""},
		"foreign source":  {Target{Source: foreign}, netip.AddrPort{}, ReasonLocalAddress, "this machine can't dial from the source address 203.0.113.99"},
		"no such address": {Target{Family: IPv6, Address: Address{host: "four.test", port: 80}}, netip.AddrPort{}, ReasonNoSuchHost, "no IPv6 address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := route(six, four)
			if test.target.Family == AnyFamily {
				collector = route(six) // the slower of two would lose
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
			if test.target.Source.IsValid() && test.reason == ReasonConnected && result.Local.Addr() != test.target.Source {
				t.Errorf("connected from %s, want %s", result.Local, test.target.Source)
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
		{Target{Address: mustParse(t, "db:80"), Source: loopback.IPv4, Family: IPv6}, "source address 127.0.0.1 is not"},
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
