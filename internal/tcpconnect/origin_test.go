// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// bastion is a vantage point with hosts of its own. Its errors have no errno.
type bastion struct {
	hosts    map[string]netip.AddrPort // endpoints by host:port; the zero one is silent
	room     int
	resolver Resolver     // nil: it resolves names itself
	unready  func() error // the error of Prepare; nil: none
	isDead   atomic.Bool  // it does not answer any more

	mu        sync.Mutex
	prepared  []bool // the values of again
	confirmed int
}

func (b *bastion) ResolvesNames() bool { return b.resolver == nil }
func (b *bastion) Resolver() Resolver  { return b.resolver }
func (b *bastion) Room() int           { return b.room }

func (b *bastion) Prepare(_ context.Context, _ uint16, again bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prepared = append(b.prepared, again)
	if b.unready == nil {
		return nil
	}
	return b.unready()
}

func (b *bastion) Confirm(context.Context, error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.confirmed++
	if b.isDead.Load() {
		return &ReasonError{Reason: ReasonVantageUnreachable, Err: errors.New("no keepalive")}
	}
	return nil
}

func (b *bastion) Dial(ctx context.Context, _ netip.Addr, address string) (net.Conn, error) {
	endpoint, known := b.hosts[address]
	if !known {
		return nil, &ReasonError{Reason: ReasonNoSuchHost, Err: fmt.Errorf("the far end knows no %s", address)}
	}
	var conn net.Conn
	var err error
	if endpoint.IsValid() {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", endpoint.String())
	} else {
		<-ctx.Done()
		err = ctx.Err()
	}
	switch {
	case err == nil:
		return conn, nil
	case isTimeout(err) || ctx.Err() != nil:
		return nil, &ReasonError{Reason: ReasonNoResponse, Err: errors.New("no channel was opened in time")}
	default: // in its own words
		return nil, &ReasonError{Reason: ReasonRefused, Err: errors.New("channel 3: open failed")}
	}
}

// by returns a Collector whose resolver must not be asked, with one vantage point.
func by(t *testing.T, point VantagePoint) *Collector {
	t.Helper()
	return &Collector{
		VantagePoints: map[string]VantagePoint{"bastion": point},
		Resolver: resolverFunc(func(_ context.Context, _, host string) ([]netip.Addr, error) {
			t.Errorf("%s was looked up on this machine", host)
			return nil, errors.New("this machine's resolver")
		}),
	}
}

func via(check Check) Check {
	check.Target.Via = "bastion"
	return check
}

func TestVantagePointResolvesNames(t *testing.T) {
	t.Parallel()
	point := &bastion{room: 10, hosts: map[string]netip.AddrPort{
		"open.internal:5432":   loopback.Open(t),
		"closed.internal:5432": loopback.Refused(t),
		"silent.internal:5432": loopback.Silent(t, loopback.IPv4),
	}}
	collector := by(t, point)
	for _, test := range []struct {
		address string
		timeout time.Duration
		reason  Reason
		message string
	}{
		{"open.internal:5432", patient, ReasonConnected, ""},
		{"closed.internal:5432", patient, ReasonRefused, "from bastion: channel 3: open failed"},
		{"silent.internal:5432", 200 * time.Millisecond, ReasonNoResponse,
			"from bastion: no channel was opened in time"},
		{"gone.internal:5432", patient, ReasonNoSuchHost, "from bastion: the far end knows no gone.internal:5432"},
	} {
		check := via(checkOf(t, test.address, test.timeout))
		results := sweepAll(t, collector, []Check{check}, 1)
		single, err := collector.Collect(t.Context(), check, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range append(results, single) {
			if result.Reason != test.reason || result.Status != test.reason.Status() || result.Message != test.message {
				t.Errorf("%s is %s, %s: %q", test.address, result.Status, result.Reason, result.Message)
			}
			if result.Remote.IsValid() || result.Local.IsValid() || result.Tried != nil || result.Via != "bastion" {
				t.Errorf("%s: this machine does not know the ends of the connection: %+v", test.address, result)
			}
		}
	}
}

func TestVantagePointDialsAddressesOfItsHosts(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	point := &bastion{hosts: map[string]netip.AddrPort{open.String(): open}}
	result, err := by(t, point).Collect(t.Context(), via(checkOf(t, open.String(), patient)), nil)
	if err != nil || result.Status != Connected || !slices.Equal(result.Tried, []netip.AddrPort{open}) {
		t.Errorf("%s is %s (%s), having tried %s: %v", open, result.Status, result.Message, result.Tried, err)
	}
}

// Rule 2: a silence counts only if the vantage point still answers afterwards.
func TestSilenceOfADeadVantagePointIsNotThePeers(t *testing.T) {
	t.Parallel()
	const port = 5432
	silent := netip.AddrPortFrom(loopback.IPv4, port)
	known := resolverFunc(func(_ context.Context, network, host string) ([]netip.Addr, error) {
		if network != "ip4" {
			return nil, noAddress(host, IPv6)
		}
		return []netip.Addr{silent.Addr()}, nil
	})
	for name, test := range map[string]struct {
		target   Target
		resolver Resolver
		reason   Reason
	}{
		"an address": {Target{Address: mustParse(t, silent.String())}, nil, ReasonNoResponse},
		"a name that it resolves": {
			Target{Address: Address{"silent.internal", port}}, nil, ReasonNoResponse,
		},
		"a name that a name server there resolves": {
			Target{Address: Address{"silent.test", port}}, known, ReasonNoResponse,
		},
		"all addresses": {
			Target{Address: Address{"silent.test", port}, AllAddresses: true}, known, ReasonNoResponse,
		},
		"a name server that does not answer": {
			Target{Address: Address{"silent.test", port}},
			resolverFunc(func(ctx context.Context, _, host string) ([]netip.Addr, error) {
				<-ctx.Done()
				return nil, noAnswer(host)
			}),
			ReasonDNSTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, isDead := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					point := &bastion{room: 10, resolver: test.resolver, hosts: map[string]netip.AddrPort{
						silent.String(): {}, "silent.internal:5432": {},
					}}
					point.isDead.Store(isDead)
					check := via(Check{Target: test.target, Timeout: time.Second})
					result, err := by(t, point).Collect(t.Context(), check, nil)
					want := test.reason
					if isDead {
						want = ReasonVantageUnreachable
					}
					if err != nil || result.Reason != want || result.Status != want.Status() {
						t.Errorf("dead %t: %s (%s), %v", isDead, result.Reason, result.Message, err)
					}
					for _, endpoint := range result.Endpoints {
						if endpoint.Reason != want {
							t.Errorf("dead %t: %s of an address", isDead, endpoint.Reason)
						}
					}
					if point.confirmed == 0 {
						t.Error("the vantage point was not asked")
					}
				})
			}
		})
	}
}

// The dial that loses the race to another address is cancelled, which is no silence.
func TestLostRaceAsksNothing(t *testing.T) {
	t.Parallel()
	silent, open := netip.MustParseAddrPort("10.0.0.1:80"), netip.MustParseAddrPort("10.0.0.2:80")
	zone := loopback.Zone{"db.test.": {silent.Addr(), open.Addr()}}
	point := &bastion{room: 10, resolver: loopback.DNS(t, zone, 3), hosts: map[string]netip.AddrPort{
		silent.String(): loopback.Silent(t, loopback.IPv4), open.String(): loopback.Open(t),
	}}
	result, err := by(t, point).Collect(t.Context(), via(checkOf(t, "db.test:80", patient)), nil)
	if err != nil || result.Status != Connected || point.confirmed != 0 {
		t.Errorf("%s (%s), %v, asked %d times", result.Status, result.Message, err, point.confirmed)
	}
}

func TestUnreachableVantagePointIsTheReason(t *testing.T) {
	t.Parallel()
	point := &bastion{room: 10, unready: func() error {
		return &ReasonError{Reason: ReasonVantageUnreachable, Err: errors.New("refused at 10.0.0.5:22")}
	}}
	check := via(checkOf(t, "open.internal:80", patient))
	for _, result := range sweepAll(t, by(t, point), []Check{check, check}, 10) {
		want := "from bastion: refused at 10.0.0.5:22"
		if result.Reason != ReasonVantageUnreachable || result.Status != Error || result.Message != want {
			t.Errorf("%s, %s: %q", result.Status, result.Reason, result.Message)
		}
	}
}

func TestWaitPreparesTheVantagePointForEveryDial(t *testing.T) {
	t.Parallel()
	point := &bastion{room: 10, hosts: map[string]netip.AddrPort{"open.internal:80": loopback.Open(t)}}
	left := 3 // the first preparation, before the timeout, and the first and the second dial
	point.unready = func() error {
		if left--; left < 0 {
			return nil
		}
		return &ReasonError{Reason: ReasonVantageUnreachable, Err: errors.New("not yet")}
	}
	check := retrying(via(checkOf(t, "open.internal:80", patient)), Retry{
		AttemptTimeout: patient, MinDelay: time.Millisecond, MaxDelay: time.Millisecond,
		Until: []Status{Connected}, Consecutive: 1,
	})
	result, err := by(t, point).Collect(t.Context(), check, nil)
	asked := slices.Equal(point.prepared, []bool{false, false, true, true})
	if err != nil || !result.Ready || result.Attempts != 3 || !asked {
		t.Errorf("%s after %d attempts, %v, prepared %v", result.Status, result.Attempts, err, point.prepared)
	}
}

// What can't be trusted is an error, not an answer, and ends a sweep at once.
func TestVantagePointThatCannotBeTrustedIsAnError(t *testing.T) {
	t.Parallel()
	silent := checkOf(t, loopback.Silent(t, loopback.IPv4).String(), time.Hour)
	unknownKey := &VantagePointError{"bastion", errors.New("Its host key is not known.")}
	for name, point := range map[string]*bastion{
		"while it is prepared": {room: 10, unready: func() error { return fmt.Errorf("ssh: %w", unknownKey) }},
		"while a name is looked up": {room: 10, resolver: resolverFunc(
			func(context.Context, string, string) ([]netip.Addr, error) { return nil, unknownKey },
		)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := by(t, point)
			check := via(checkOf(t, "open.internal:80", patient))
			_, err := collector.Collect(t.Context(), check, nil)
			if untrusted, ok := errors.AsType[*VantagePointError](err); !ok || untrusted != unknownKey {
				t.Errorf("%v", err)
			}
			_, err = collector.Sweep(t.Context(), []Check{silent, check}, SweepOptions{Limit: 10})
			if _, ok := errors.AsType[*VantagePointError](err); !ok || t.Context().Err() != nil {
				t.Errorf("sweep: %v", err)
			}
		})
	}
}

func TestVantagePointThatCannotDoWhatIsAskedIsAnError(t *testing.T) {
	t.Parallel()
	name := checkOf(t, "db.internal:80", patient)
	ipv6, all, unknown := name, name, name
	ipv6.Target.Family, all.Target.AllAddresses = IPv6, true
	unknown.Target.Via = "bastoin"
	for text, check := range map[string]Check{
		"so all_addresses can't be used":    via(all),
		"so ip_family can't be used":        via(ipv6),
		"has no vantage_point of that name": unknown,
	} {
		point := &bastion{room: 10}
		collector := by(t, point)
		_, err := collector.Collect(t.Context(), check, nil)
		_, sweepErr := collector.Sweep(t.Context(), []Check{checkOf(t, "127.0.0.1:1", patient), check}, SweepOptions{})
		for _, err := range []error{err, sweepErr} {
			if _, ok := errors.AsType[*VantagePointError](err); !ok || !strings.Contains(err.Error(), text) {
				t.Errorf("%v, want %q", err, text)
			}
		}
		if len(point.prepared) > 0 {
			t.Error("the vantage point was asked")
		}
	}
}

// silentBastion counts the dials in flight. Nothing answers them.
type silentBastion struct {
	bastion
	dialer silentDialer
}

func (s *silentBastion) Room() int { return s.dialer.Room() }
func (s *silentBastion) Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	return s.dialer.Dial(ctx, source, address)
}

// Each vantage point has room of its own, and all together keep the limit of the sweep.
func TestSweepDialsFromEveryPlaceAtOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		limit, roomHere, roomThere int
		rounds                     time.Duration
	}{
		{1000, 10, 5, 4}, // 20 from here in 2 rounds, 20 from there in 4
		{1, 10, 10, 40},
		{10, 100, 100, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			const timeout = 2 * time.Second
			here := &silentDialer{room: test.roomHere}
			there := &silentBastion{dialer: silentDialer{room: test.roomThere}}
			collector := by(t, there)
			collector.Dialer = here
			checks := checksOf(t, 40, timeout)
			for i := range checks {
				if i%2 == 1 {
					checks[i] = via(checks[i])
				}
			}
			start := time.Now()
			for i, result := range sweepAll(t, collector, checks, test.limit) {
				if isThere := i%2 == 1; result.Reason != ReasonNoResponse || (result.Via == "bastion") != isThere {
					t.Errorf("%d: %s from %q", i, result.Reason, result.Via)
				}
			}
			took := time.Since(start) - test.rounds*timeout // workers begin a moment after each other
			if took < 0 || took > 20*moment {
				t.Errorf("with a limit of %d, and %d and %d in flight, it took %s longer",
					test.limit, here.peak.Load(), there.dialer.peak.Load(), took)
			}
		})
	}
}

// The control host is dialled from the vantage point too, also if that resolves the name.
func TestControlHostIsDialledFromTheVantagePoint(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	control := netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		control func() netip.AddrPort
		reason  Reason
	}{
		{func() netip.AddrPort { return open }, ReasonIntercepted},
		{func() netip.AddrPort { return loopback.Refused(t) }, ReasonConnected},
	} {
		collector := by(t, &bastion{room: 10, hosts: map[string]netip.AddrPort{
			"open.internal:80":                       open,
			netip.AddrPortFrom(control, 80).String(): test.control(),
		}})
		collector.ControlHost = control
		result, err := collector.Collect(t.Context(), via(checkOf(t, "open.internal:80", patient)), nil)
		if err != nil || result.Reason != test.reason {
			t.Errorf("%s (%s), %v", result.Reason, result.Message, err)
		}
	}
}

// resolvingHere is a vantage point whose names this machine looks up.
type resolvingHere struct{ *bastion }

func (resolvingHere) ResolvesNames() bool { return false }

func TestAdviceSpeaksOfWhoLooksNamesUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		point  VantagePoint
		advice string
	}{
		{&bastion{room: 10}, `the name server of the vantage point "bastion".`},
		{&bastion{room: 10, resolver: loopback.DNS(t, loopback.Zone{}, 3)},
			`the name server in resolve of the vantage point "bastion".`},
		{resolvingHere{&bastion{room: 10}}, `of this machine, which looks names up because resolve is "here".`},
	} {
		collector := &Collector{
			VantagePoints: map[string]VantagePoint{"bastion": test.point},
			Resolver:      loopback.DNS(t, loopback.Zone{}, 3),
		}
		result, err := collector.Collect(t.Context(), via(checkOf(t, "db.internal:5432", patient)), nil)
		if err != nil || result.Reason != ReasonNoSuchHost || !strings.HasSuffix(result.Advice(), test.advice) {
			t.Errorf("%s, %v, want %q: %q", result.Reason, err, test.advice, result.Advice())
		}
	}
}

// flaky is a vantage point that is lost, full or forbids the second address.
type flaky struct {
	bastion
	second Reason
}

func (f *flaky) Dial(_ context.Context, _ netip.Addr, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "192.0.2.1:") {
		return nil, &ReasonError{Reason: ReasonRefused, Err: errors.New("refused there")}
	}
	return nil, &ReasonError{Reason: f.second, Err: errors.New("not dialled")}
}

// An address that the vantage point has not dialled may be the one that answers.
func TestRefusalOfOneAddressIsNotThatOfAnotherThatWasNotDialled(t *testing.T) {
	t.Parallel()
	for second, want := range map[Reason]Reason{
		ReasonVantageUnreachable: ReasonVantageUnreachable,
		ReasonVantageLimit:       ReasonVantageLimit,
		ReasonVantageProhibited:  ReasonVantageProhibited,
		ReasonNoResponse:         ReasonRefused,
		ReasonHostUnreachable:    ReasonRefused,
	} {
		point := &flaky{second: second}
		point.room = 10
		point.resolver = resolverFunc(func(_ context.Context, network, _ string) ([]netip.Addr, error) {
			if network == "ip6" {
				return nil, &net.DNSError{Err: "no such record", IsNotFound: true}
			}
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
		})
		result, err := by(t, point).Collect(t.Context(), via(checkOf(t, "db.internal:5432", patient)), nil)
		if err != nil || result.Reason != want || result.Status != want.Status() {
			t.Errorf("%s: %s, %s (%s), %v", second, result.Status, result.Reason, result.Message, err)
		}
	}
}

// losing is a vantage point that is lost while it dials the control host for the first time.
type losing struct {
	bastion
	control string
	losses  atomic.Int64
}

func (l *losing) Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	if address == l.control && l.losses.Add(1) == 1 {
		return nil, &ReasonError{Reason: ReasonVantageUnreachable, Err: errors.New("the connection has ended")}
	}
	return l.bastion.Dial(ctx, source, address)
}

// A vantage point that is lost while it dials the control host does not count as one that intercepts for the whole run.
func TestControlHostIsDialledAgainIfTheVantagePointWasLost(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	control := netip.MustParseAddr("192.0.2.1")
	point := &losing{control: netip.AddrPortFrom(control, open.Port()).String()}
	point.room, point.hosts = 10, map[string]netip.AddrPort{open.String(): open}
	collector := by(t, point)
	collector.ControlHost = control
	for _, want := range []Reason{ReasonVantageUnreachable, ReasonConnected, ReasonConnected} {
		result, err := collector.Collect(t.Context(), via(checkOf(t, open.String(), patient)), nil)
		if err != nil || result.Reason != want || result.Status != want.Status() {
			t.Errorf("%s, %s (%s), %v; want %s", result.Status, result.Reason, result.Message, err, want)
		}
	}
	if dials := point.losses.Load(); dials != 2 {
		t.Errorf("the control host was dialled %d times, not twice", dials)
	}
}
