// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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

func (endpointDialer) Room() int { return math.MaxInt32 }

// dialSystem is this machine's dialer as a function.
func dialSystem(ctx context.Context, source netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	return systemDialer{}.Dial(ctx, source, remote.String())
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

func (d *silentDialer) Room() int { return d.room }

func (d *silentDialer) Dial(ctx context.Context, _ netip.Addr, _ string) (net.Conn, error) {
	d.peak.Store(max(d.peak.Load(), d.inFlight.Add(1)))
	defer d.inFlight.Add(-1)
	<-ctx.Done()
	return nil, &ReasonError{Reason: ReasonNoResponse, Err: ctx.Err()}
}
