// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// A transparent proxy is a listener on every address of the loopback network, at the port of the target.
func TestWhatConnectsEverywhereIsIntercepted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	control := netip.MustParseAddr("127.200.0.1")
	everywhere := loopback.Listen(t, netip.IPv4Unspecified()).AddrPort().Port()
	open, refused := loopback.Open(t), loopback.Refused(t)
	openIPv6 := loopback.Listen(t, loopback.IPv6).AddrPort()
	local := Address{"127.0.0.1", everywhere}
	other := netip.MustParseAddr("127.0.0.7")
	for name, test := range map[string]struct {
		target Target
		reason Reason
		says   string
	}{
		"a port that is open everywhere": {
			Target{Address: local}, ReasonIntercepted, "the control host accepts connections too (127.200.0.1:",
		},
		"all addresses":    {Target{Address: local, AllAddresses: true}, ReasonIntercepted, "control host"},
		"an open port":     {Target{Address: mustParse(t, open.String())}, ReasonConnected, ""},
		"a closed port":    {Target{Address: mustParse(t, refused.String())}, ReasonRefused, "refused"},
		"the other family": {Target{Address: mustParse(t, openIPv6.String())}, ReasonConnected, ""},
		"from another source address": {
			Target{Address: local, Source: other}, ReasonIntercepted, "control host",
		},
		"a name that does not exist": {
			Target{Address: Address{"gone.test", everywhere}}, ReasonNoSuchHost, "no such host",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := &Collector{ControlHost: control, Resolver: loopback.DNS(t, nil, 3)}
			for _, again := range []bool{false, true} {
				result, err := collector.Collect(t.Context(), Check{Target: test.target, Timeout: patient}, nil)
				if err != nil {
					t.Fatal(err)
				}
				expect(t, result, test.reason.Status(), test.reason, test.says)
				for _, endpoint := range result.Endpoints {
					if endpoint.Status != result.Status || endpoint.Reason != result.Reason {
						t.Errorf("again %t: %s is %s, %s", again, endpoint.Endpoint, endpoint.Status, endpoint.Reason)
					}
				}
			}
		})
	}
}

func TestControlHostIsDialledOnceForEachPort(t *testing.T) {
	t.Parallel()
	control := netip.MustParseAddr("192.0.2.1")
	for name, test := range map[string]struct {
		control script
		reason  Reason
		dials   int64 // of the control host, for two ports and a second source address
	}{
		"refused":          {script{"192.0.2.1": {err: syscallError(refusedErrno)}}, ReasonConnected, 3},
		"silent":           {script{"192.0.2.1": {after: time.Hour}}, ReasonConnected, 3},
		"accepts in time":  {script{"192.0.2.1": {after: 999 * time.Millisecond}}, ReasonIntercepted, 3},
		"accepts too late": {script{"192.0.2.1": {after: 1001 * time.Millisecond}}, ReasonConnected, 3},
		"can't be dialled": {script{"192.0.2.1": {err: syscallError(limitErrno)}}, ReasonIntercepted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var dials atomic.Int64
				dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
					if remote.Addr() == control {
						dials.Add(1)
						return test.control.dial(ctx, local, remote)
					}
					return accepting(ctx, local, remote)
				}
				collector := &Collector{ControlHost: control, Dialer: endpointDialer(dial)}
				var checks []Check
				for _, address := range []string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:81", "10.0.0.2:81"} {
					checks = append(checks, checkOf(t, address, 100*time.Millisecond))
				}
				checks[3].Target.Source = netip.MustParseAddr("10.0.0.9")
				for i, result := range sweepAll(t, collector, checks, 10) {
					if result.Reason != test.reason || result.Duration > checks[i].Timeout {
						t.Errorf("%s is %s (%s) after %s, want %s",
							checks[i].Target.Address, result.Reason, result.Message, result.Duration, test.reason)
					}
				}
				if test.dials > 0 && dials.Load() != test.dials || dials.Load() < 3 {
					t.Errorf("the control host was dialled %d times, want %d", dials.Load(), test.dials)
				}
			})
		})
	}
}

func TestInterruptedControlIsNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		control := netip.MustParseAddr("192.0.2.1")
		silent := script{"192.0.2.1": {after: time.Hour}}
		collector := &Collector{ControlHost: control, Dialer: endpointDialer(silent.dial)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		target := Target{Address: mustParse(t, "10.0.0.1:80")}
		if result, err := collector.Collect(ctx, Check{Target: target, Timeout: time.Minute}, nil); err == nil {
			t.Errorf("an interrupted control is %s", result.Status)
		}
		if result := collect(t, collector, "10.0.0.1:80", time.Minute); result.Status != Connected {
			t.Errorf("the next check is %s (%s)", result.Status, result.Message)
		}
	})
}
