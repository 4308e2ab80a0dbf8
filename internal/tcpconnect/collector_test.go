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
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// patient is a timeout that no test waits for.
const patient = time.Minute

func mustParse(t *testing.T, text string) Address {
	t.Helper()
	address, err := ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func checkOf(t *testing.T, address string, timeout time.Duration) Check {
	t.Helper()
	return Check{Target: Target{Address: mustParse(t, address)}, Timeout: timeout}
}

func retrying(check Check, policy Retry) Check {
	check.Retry = &policy
	return check
}

func collect(t *testing.T, collector *Collector, address string, timeout time.Duration) Result {
	t.Helper()
	result, err := collector.Collect(t.Context(), checkOf(t, address, timeout), nil)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func expect(t *testing.T, result Result, status Status, reason Reason, fragment string) {
	t.Helper()
	if result.Status != status || result.Reason != reason {
		t.Errorf("got %s, %s (%s), want %s, %s", result.Status, result.Reason, result.Message, status, reason)
	}
	if (fragment == "") != (result.Message == "") || !strings.Contains(result.Message, fragment) {
		t.Errorf("message %q, want %q in it", result.Message, fragment)
	}
	if status == Connected != result.Remote.IsValid() || status == Connected != result.Local.IsValid() {
		t.Errorf("%s with remote address %s and local address %s", status, result.Remote, result.Local)
	}
	if result.Duration < 0 || time.Since(result.CollectedAt) > patient || result.CollectedAt.Location() != time.UTC {
		t.Errorf("took %s, collected at %s", result.Duration, result.CollectedAt)
	}
}

func TestOpenPortIsConnected(t *testing.T) {
	t.Parallel()
	for _, ip := range []netip.Addr{loopback.IPv4, loopback.IPv6} {
		peer := loopback.Listen(t, ip).AddrPort()
		result := collect(t, &Collector{}, peer.String(), patient)
		expect(t, result, Connected, ReasonConnected, "")
		if result.Remote != peer || result.Local.Addr() != ip || !slices.Equal(result.Tried, []netip.AddrPort{peer}) {
			t.Errorf("connected to %s from %s, tried %s, want %s", result.Remote, result.Local, result.Tried, peer)
		}
	}
}

func TestClosedPortIsRefused(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	result := collect(t, &Collector{}, peer.String(), patient)
	expect(t, result, ConnectionRefused, ReasonRefused, peer.String())
	if strings.Contains(result.Message, ";") {
		t.Errorf("message %q of one address", result.Message)
	}
}

func TestSilentPortIsATimeout(t *testing.T) {
	t.Parallel()
	peer := loopback.Silent(t, loopback.IPv4)
	const timeout = 300 * time.Millisecond
	result := collect(t, &Collector{}, peer.String(), timeout)
	expect(t, result, ConnectionTimeout, ReasonNoResponse, peer.String())
	if result.Duration < timeout {
		t.Errorf("timed out after %s, before the timeout of %s", result.Duration, timeout)
	}
}

func TestResolverAnswersBecomeReasons(t *testing.T) {
	t.Parallel()
	nxdomain := loopback.DNS(t, loopback.Zone{
		"empty.test.":    nil,
		"blocked.test.":  {netip.IPv4Unspecified()},
		"blocked6.test.": {netip.IPv6Unspecified()},
	}, dnsmessage.RCodeNameError)
	servfail := loopback.DNS(t, nil, dnsmessage.RCodeServerFailure)
	for _, test := range []struct {
		name     string
		resolver *net.Resolver
		status   Status
		reason   Reason
		fragment string
	}{
		{"gone.test.", nxdomain, Error, ReasonNoSuchHost, "gone.test."},
		{"empty.test.", nxdomain, Error, ReasonNoSuchHost, "empty.test."},
		{"blocked.test.", nxdomain, Error, ReasonOther, "unspecified"},
		{"blocked6.test.", nxdomain, Error, ReasonOther, "unspecified"},
		{"broken.test.", servfail, Error, ReasonDNSFailure, "server misbehaving"},
		{"silent.test.", loopback.SilentDNS(t), ConnectionTimeout, ReasonDNSTimeout, "silent.test."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			timeout := patient
			if test.reason == ReasonDNSTimeout {
				timeout = 300 * time.Millisecond
			}
			result := collect(t, &Collector{Resolver: test.resolver}, test.name+":80", timeout)
			expect(t, result, test.status, test.reason, test.fragment)
		})
	}
}

func TestNameConnectsToItsAddress(t *testing.T) {
	t.Parallel()
	peer := loopback.Listen(t, loopback.IPv4)
	resolver := loopback.DNS(t, loopback.Zone{"db.test.": {loopback.IPv4}}, dnsmessage.RCodeNameError)
	result := collect(t, &Collector{Resolver: resolver}, fmt.Sprintf("db.test.:%d", peer.AddrPort().Port()), patient)
	expect(t, result, Connected, ReasonConnected, "")
	if result.Remote != peer.AddrPort() {
		t.Errorf("connected to %s, want %s", result.Remote, peer.AddrPort())
	}
}

// addresses is a resolver that returns its elements in their order. A real one would sort them by RFC 6724.
type addresses []netip.Addr

func (a addresses) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return a, nil }

// route returns a collector whose names have the addresses of some endpoints, and that dials those endpoints.
func route(endpoints ...netip.AddrPort) *Collector {
	var ips addresses
	ports := make(map[netip.Addr]uint16)
	for _, endpoint := range endpoints {
		ips = append(ips, endpoint.Addr())
		ports[endpoint.Addr()] = endpoint.Port()
	}
	dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		return dialSystem(ctx, local, netip.AddrPortFrom(remote.Addr(), ports[remote.Addr()]))
	}
	return &Collector{Resolver: ips, Dialer: endpointDialer(dial)}
}

func TestSilentFirstAddressDoesNotHideALiveSecond(t *testing.T) {
	t.Parallel()
	other := netip.MustParseAddr("127.0.0.2")
	for name, test := range map[string]struct{ silent, live netip.Addr }{
		"same family":    {loopback.IPv4, other},
		"IPv6 then IPv4": {loopback.IPv6, loopback.IPv4},
		"IPv4 then IPv6": {loopback.IPv4, loopback.IPv6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.live == other {
				requireAddress(t, other)
			}
			live := loopback.Listen(t, test.live).AddrPort()
			silent := loopback.Silent(t, test.silent)
			for _, order := range [][]netip.AddrPort{{silent, live}, {live, silent}} {
				result := collect(t, route(order...), "db.test:80", patient)
				expect(t, result, Connected, ReasonConnected, "")
				if result.Remote != live {
					t.Errorf("connected to %s, want %s", result.Remote, live)
				}
				if result.Duration >= 2*time.Second { // net.Dialer gives the first address as long
					t.Errorf("%s took %s", order, result.Duration)
				}
			}
		})
	}
}

func requireAddress(t *testing.T, ip netip.Addr) {
	t.Helper()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(ip, 0).String())
	if err != nil {
		t.Skipf("this operating system has no %s on its loopback interface: %v", ip, err)
	}
	_ = listener.Close()
}

func TestFirstAddressDecidesWhenAllFail(t *testing.T) {
	t.Parallel()
	other := netip.MustParseAddr("127.0.0.2")
	requireAddress(t, other)
	refused, silent := loopback.Refused(t), loopback.Silent(t, other)
	const timeout = 400 * time.Millisecond

	result := collect(t, route(refused, silent), "db.test:80", timeout)
	expect(t, result, ConnectionRefused, ReasonRefused, silent.String())

	result = collect(t, route(silent, refused), "db.test:80", timeout)
	expect(t, result, ConnectionTimeout, ReasonNoResponse, refused.String())
}

func TestInterruptedCheckHasNoResult(t *testing.T) {
	t.Parallel()
	peer := loopback.Silent(t, loopback.IPv4)
	for name, test := range map[string]struct {
		collector *Collector
		address   string
	}{
		"one address":   {&Collector{}, peer.String()},
		"two addresses": {route(peer, loopback.Silent(t, loopback.IPv6)), "db.test:80"},
		"lookup":        {&Collector{Resolver: loopback.SilentDNS(t)}, "db.test.:80"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			start := time.Now()
			result, err := test.collector.Collect(ctx, checkOf(t, test.address, patient), nil)
			if !errors.Is(err, context.Canceled) || result.Status != "" {
				t.Errorf("got %+v, %v", result, err)
			}
			if elapsed := time.Since(start); elapsed > time.Second {
				t.Errorf("ended %s after the interruption", elapsed)
			}
		})
	}
}

func TestConnectionToItselfIsRefused(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	dial := func(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		conn, err := netDialer.DialTCP(ctx, "tcp", peer, remote)
		if err != nil {
			t.Skipf("this operating system does not connect a socket to itself: %v", err)
		}
		return conn, nil
	}
	collector := &Collector{Dialer: endpointDialer(dial)}
	expect(t, collect(t, collector, peer.String(), patient), ConnectionRefused, ReasonRefused, "nothing listens there")
}

// script is a dial function with an answer for each IP address, for a virtual clock.
type script map[string]scriptedAnswer

type scriptedAnswer struct {
	after time.Duration
	err   error
}

// dialError returns the error of net.Dial for an error of connect(2).
func dialError(errno syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscallError(errno)}
}

func (s script) dial(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	answer := s[remote.Addr().String()]
	if err := pause(ctx, answer.after); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
	}
	if answer.err != nil {
		return nil, answer.err
	}
	near, far := net.Pipe()
	_ = far.Close()
	return fakeConn{near, remote}, nil
}

// pause waits under the virtual clock. It never makes a timer that is due at once: with the race detector, Go runs such
// timers on several threads at a time, and crashes (go.dev/issue/78156).
func pause(ctx context.Context, duration time.Duration) error {
	if duration > 0 {
		_ = sleep(ctx, duration, nil)
	}
	return ctx.Err()
}

type fakeConn struct {
	net.Conn
	remote netip.AddrPort
}

func (c fakeConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
func (c fakeConn) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 9} }

func TestAddressesAreTriedAsHappyEyeballsSays(t *testing.T) {
	t.Parallel()
	refused := dialError(refusedErrno)
	const never, timeout = time.Hour, 900 * time.Millisecond
	for name, test := range map[string]struct {
		ips     []string
		answers script
		want    time.Duration
		tried   []string
		reason  Reason
	}{
		"the next after 250 ms of silence": {
			ips: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			answers: script{
				"127.0.0.1": {after: never},
				"127.0.0.2": {after: never},
				"127.0.0.3": {after: 10 * time.Millisecond},
			},
			want:   510 * time.Millisecond,
			tried:  []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"},
			reason: ReasonConnected,
		},
		"the next as soon as one has failed": {
			ips: []string{"127.0.0.1", "127.0.0.2"},
			answers: script{
				"127.0.0.1": {after: 20 * time.Millisecond, err: refused},
				"127.0.0.2": {after: 10 * time.Millisecond},
			},
			want:   30 * time.Millisecond,
			tried:  []string{"127.0.0.1", "127.0.0.2"},
			reason: ReasonConnected,
		},
		"no other if the first is quick": {
			ips:     []string{"127.0.0.1", "127.0.0.2"},
			answers: script{"127.0.0.1": {after: 240 * time.Millisecond}},
			want:    240 * time.Millisecond,
			tried:   []string{"127.0.0.1"},
			reason:  ReasonConnected,
		},
		"a slow first one may still win": {
			ips:     []string{"127.0.0.1", "127.0.0.2"},
			answers: script{"127.0.0.1": {after: 300 * time.Millisecond}, "127.0.0.2": {after: never}},
			want:    300 * time.Millisecond,
			tried:   []string{"127.0.0.1", "127.0.0.2"},
			reason:  ReasonConnected,
		},
		"families in turn": {
			ips: []string{"::1", "::2", "::3", "127.0.0.1", "127.0.0.2"},
			answers: script{
				"::1":       {err: refused},
				"127.0.0.1": {err: refused},
				"::2":       {err: refused},
				"127.0.0.2": {err: refused},
				"::3":       {after: time.Millisecond},
			},
			want:   time.Millisecond,
			tried:  []string{"::1", "127.0.0.1", "::2", "127.0.0.2", "::3"},
			reason: ReasonConnected,
		},
		"more of the second family": {
			ips:     []string{"127.0.0.1", "::1", "127.0.0.2"},
			answers: script{"127.0.0.1": {err: refused}, "::1": {err: refused}, "127.0.0.2": {after: time.Millisecond}},
			want:    time.Millisecond,
			tried:   []string{"::1", "127.0.0.1", "127.0.0.2"},
			reason:  ReasonConnected,
		},
		"one total timeout": {
			ips: []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"},
			answers: script{
				"127.0.0.1": {after: never},
				"127.0.0.2": {after: never},
				"127.0.0.3": {after: never},
				"127.0.0.4": {after: never},
			},
			want:   timeout,
			tried:  []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"},
			reason: ReasonNoResponse,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var resolver addresses
				for _, ip := range test.ips {
					resolver = append(resolver, netip.MustParseAddr(ip))
				}
				collector := &Collector{Resolver: resolver, Dialer: endpointDialer(test.answers.dial)}
				result := collect(t, collector, "db.test:80", timeout)
				var tried []string
				for _, endpoint := range result.Tried {
					tried = append(tried, endpoint.Addr().String())
				}
				if result.Duration != test.want || !slices.Equal(tried, test.tried) || result.Reason != test.reason {
					t.Errorf("%s after %s, tried %s; want %s after %s, %s",
						result.Reason, result.Duration, tried, test.reason, test.want, test.tried)
				}
				untried := len(test.ips) - len(tried)
				counted := fmt.Sprintf("addresses not tried before the timeout: %d", untried)
				if result.Status != Connected && untried > 0 && !strings.Contains(result.Message, counted) {
					t.Errorf("message %q, want %q in it", result.Message, counted)
				}
			})
		})
	}
}

// closable counts its open connections.
type closable struct {
	net.Conn
	open *atomic.Int64
}

func (c closable) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestLateSecondWinnerIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var open, opened atomic.Int64
		collector := &Collector{
			Resolver: addresses{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")},
			Dialer: endpointDialer(func(_ context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
				<-time.After(300 * time.Millisecond) // a dialer that has connected when it is cancelled
				near, far := net.Pipe()
				_ = far.Close()
				open.Add(1)
				opened.Add(1)
				return closable{fakeConn{near, remote}, &open}, nil
			}),
		}
		expect(t, collect(t, collector, "db.test:80", patient), Connected, ReasonConnected, "")
		time.Sleep(time.Second)
		if opened.Load() != 2 || open.Load() != 0 {
			t.Errorf("%d connections were opened, and %d are open", opened.Load(), open.Load())
		}
	})
}

func TestGravestAddressIsTheFirstOfEquals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		collector := &Collector{
			Resolver: addresses{
				netip.MustParseAddr("127.0.0.1"),
				netip.MustParseAddr("127.0.0.2"),
				netip.MustParseAddr("127.0.0.3"),
			},
			Dialer: endpointDialer(script{
				"127.0.0.2": {err: errors.New("odd")},
				"127.0.0.3": {err: syscallError(unreachableErrno)},
			}.dial),
		}
		target := Target{Address: mustParse(t, "db.test:80"), AllAddresses: true}
		result, err := collector.Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, result, Error, ReasonOther, "odd")
		collector.Dialer = endpointDialer(script{
			"127.0.0.1": {err: syscallError(refusedErrno)},
			"127.0.0.2": {err: errors.New("odd")},
			"127.0.0.3": {err: syscallError(limitErrno)},
		}.dial)
		if result, err = collector.Collect(t.Context(), Check{Target: target, Timeout: patient}, nil); err != nil {
			t.Fatal(err)
		}
		expect(t, result, Error, ReasonLocalLimit, "odd") // says nothing about the peer, so it decides
	})
}

func TestErrorsThatNothingClassifiesAreOther(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		syscallError(syscall.EINVAL),
		syscallError(syscall.EAGAIN),
		errors.New("odd"),
		errors.New("connection refused"),
	} {
		if got := systemReason(err); got != ReasonOther {
			t.Errorf("%v is %s, want %s", err, got, ReasonOther)
		}
	}
}

func TestResolverThatRefusesIsNoRefusedConnection(t *testing.T) {
	t.Parallel()
	err := &net.DNSError{
		UnwrapErr:   syscallError(refusedErrno),
		Err:         "lookup failed",
		Name:        "db.test",
		IsTemporary: true,
	}
	if got := lookupReason(err); got != ReasonDNSFailure {
		t.Errorf("a resolver that refuses is %s, want %s", got, ReasonDNSFailure)
	}
}

func TestConnectionOfAnotherKindIsConnected(t *testing.T) {
	t.Parallel()
	collector := &Collector{Dialer: endpointDialer(func(context.Context, netip.Addr, netip.AddrPort) (net.Conn, error) {
		near, far := net.Pipe()
		_ = far.Close()
		return near, nil
	})}
	if result := collect(t, collector, "127.0.0.1:80", patient); result.Status != Connected {
		t.Errorf("a connection with no TCP addresses is %s (%s)", result.Status, result.Message)
	}
}

func TestReasonsExplainTheStatusOfTheContract(t *testing.T) {
	t.Parallel()
	contract := map[Reason]Status{
		"connected": "connected", "refused": "connection-refused",
		"no-response": "connection-timeout", "dns-timeout": "connection-timeout", "not-ready": "connection-timeout",
		"no-such-host": "error", "dns-failure": "error",
		"host-unreachable": "error", "network-unreachable": "error", "prohibited": "error",
		"reset": "error", "local-address": "error", "local-limit": "error", "intercepted": "error", "other": "error",
		"vantage-unreachable": "error", "vantage-limit": "error", "vantage-prohibited": "error",
	}
	for _, reason := range Reasons() {
		if status, found := contract[reason]; !found || reason.Status() != status {
			t.Errorf("%q explains %q, want %q", reason, reason.Status(), status)
		}
	}
	if len(Reasons()) != len(contract) || Reason("").Status() != Error {
		t.Errorf("%d reasons, want %d; none at all is %q", len(Reasons()), len(contract), Reason("").Status())
	}
}
