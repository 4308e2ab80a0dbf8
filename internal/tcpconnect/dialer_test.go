// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// endpointDialer stands for this machine's dialer. Its errors are classified in the same way.
type endpointDialer func(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error)

func (d endpointDialer) Dial(ctx context.Context, source netip.Addr, address string) (net.Conn, error) {
	conn, err := d(ctx, source, netip.MustParseAddrPort(address))
	if _, explained := errors.AsType[*ReasonError](err); err == nil || explained {
		return conn, err
	}
	return nil, explainDial(err, source, address)
}

func (endpointDialer) ResolvesNames() bool { return false }
func (endpointDialer) Room() int           { return math.MaxInt32 }

// dialSystem is this machine's dialer as a function.
func dialSystem(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return systemDialer{}.Dial(ctx, source, remote.String())
}

// vantagePoint is a dialer at another place: it resolves names itself, and its errors have no errno.
type vantagePoint struct {
	hosts map[string]netip.AddrPort // endpoints by host:port
	room  int
	asked atomic.Int64
}

func (v *vantagePoint) ResolvesNames() bool { return true }
func (v *vantagePoint) Room() int           { return v.room }

func (v *vantagePoint) Dial(ctx context.Context, _ netip.Addr, address string) (net.Conn, error) {
	v.asked.Add(1)
	endpoint, known := v.hosts[address]
	if !known {
		return nil, &ReasonError{Reason: ReasonNoSuchHost, Err: fmt.Errorf("the vantage point knows no %s", address)}
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", endpoint.String())
	switch {
	case err == nil:
		return conn, nil
	case isTimeout(err):
		return nil, &ReasonError{Reason: ReasonNoResponse, Err: errors.New("no channel was opened in time")}
	default: // in its own words
		return nil, &ReasonError{Reason: ReasonRefused, Err: errors.New("channel 3: open failed")}
	}
}

func TestVantagePointResolvesNames(t *testing.T) {
	t.Parallel()
	neverAsked := resolverFunc(func(_ context.Context, _, host string) ([]netip.Addr, error) {
		t.Errorf("%s was looked up on this machine", host)
		return nil, errors.New("this machine's resolver")
	})
	vantage := &vantagePoint{room: 10, hosts: map[string]netip.AddrPort{
		"open.internal:5432":   loopback.Open(t),
		"closed.internal:5432": loopback.Refused(t),
		"silent.internal:5432": loopback.Silent(t, loopback.IPv4),
	}}
	collector := &Collector{Dialer: vantage, Resolver: neverAsked}
	for _, test := range []struct {
		address string
		timeout time.Duration
		reason  Reason
		message string
	}{
		{"open.internal:5432", patient, ReasonConnected, ""},
		{"closed.internal:5432", patient, ReasonRefused, "channel 3: open failed"},
		{"silent.internal:5432", 200 * time.Millisecond, ReasonNoResponse, "no channel was opened in time"},
		{"gone.internal:5432", patient, ReasonNoSuchHost, "the vantage point knows no gone.internal:5432"},
	} {
		check := checkOf(t, test.address, test.timeout)
		results := sweepAll(t, collector, []Check{check}, 1)
		for _, result := range append(results, collect(t, collector, test.address, test.timeout)) {
			if result.Reason != test.reason || result.Status != test.reason.Status() || result.Message != test.message {
				t.Errorf("%s is %s, %s: %q", test.address, result.Status, result.Reason, result.Message)
			}
			if result.Remote.IsValid() || result.Local.IsValid() || result.Tried != nil {
				t.Errorf("%s: this machine does not know the ends of the connection: %s, %s, %s",
					test.address, result.Remote, result.Local, result.Tried)
			}
		}
	}
}

func TestVantagePointDialsAddressesOfItsHosts(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	vantage := &vantagePoint{room: 10, hosts: map[string]netip.AddrPort{open.String(): open}}
	result := collect(t, &Collector{Dialer: vantage}, open.String(), patient)
	if result.Status != Connected || !slices.Equal(result.Tried, []netip.AddrPort{open}) {
		t.Errorf("%s is %s (%s), having tried %s", open, result.Status, result.Message, result.Tried)
	}
}

func TestErrorWithoutAReasonIsOther(t *testing.T) {
	t.Parallel()
	if reason := dialReason(syscallError(refusedErrno)); reason != ReasonOther {
		t.Errorf("an error of this machine that no dialer has explained is %s", reason)
	}
}

// Sweeps together have as many dials in flight as their dialer has room for.
func TestSweepsShareTheRoomOfTheDialer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const timeout = 2 * time.Second
		silent := &silentDialer{room: 5}
		collector := &Collector{Dialer: silent}
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			sweepAll(t, collector, checksOf(t, 10, timeout), 1000)
		}()
		sweepAll(t, collector, checksOf(t, 10, timeout), 1000)
		<-done
		if took := time.Since(start); took != 4*timeout || silent.peak.Load() != 5 {
			t.Errorf("20 silent checks took %s with %d in flight", took, silent.peak.Load())
		}
	})
}

// silentDialer counts the dials in flight. Nothing answers them.
type silentDialer struct {
	room           int
	inFlight, peak atomic.Int64
}

func (*silentDialer) ResolvesNames() bool { return false }
func (d *silentDialer) Room() int         { return d.room }

func (d *silentDialer) Dial(ctx context.Context, _ netip.Addr, _ string) (net.Conn, error) {
	d.peak.Store(max(d.peak.Load(), d.inFlight.Add(1)))
	defer d.inFlight.Add(-1)
	<-ctx.Done()
	return nil, &ReasonError{Reason: ReasonNoResponse, Err: ctx.Err()}
}
