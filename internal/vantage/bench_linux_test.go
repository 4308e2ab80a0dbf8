// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/vantagelab"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

const manyEndpoints = 1000

// 1,000 open endpoints through one SSH connection: at most twice the time of dialling as many from here.
func BenchmarkSweepThroughSSH(b *testing.B) {
	if !vantagelab.InOwnSystem(b, vantagelab.OpenSSHPrograms...) {
		return
	}
	lab := vantagelab.New(b)
	there := collector(b, sshPoint(lab.OpenSSH(at(22))))
	here := new(tcpconnect.Collector)
	// All of 127.0.0.0/8 is the host's own, here and there.
	direct := spread(b, loopback.Listen(b, netip.IPv4Unspecified()).AddrPort().Port())
	for i := range direct {
		direct[i].Target.Via = ""
	}
	through := spread(b, lab.Bastion.Listen(netip.IPv4Unspecified()).Port())
	collect(b, there, through[0]) // connects and logs in
	var timeHere, timeThere time.Duration
	for i := 0; b.Loop(); i++ {
		for turn := range 2 { // what goes first alternates
			if (i+turn)%2 == 0 {
				timeHere += timeOf(b, here, direct, connected)
			} else {
				timeThere += timeOf(b, there, through, connected)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(1000*timeHere.Seconds()/float64(b.N), "direct-ms")
	b.ReportMetric(timeThere.Seconds()/timeHere.Seconds(), "x-direct(<=2)")
}

// 1,000 silent endpoints, 200 at once: at most 1.1 timeouts for each round.
func BenchmarkSweepSilenceThroughSSH(b *testing.B) {
	if !vantagelab.InOwnSystem(b, vantagelab.OpenSSHPrograms...) {
		return
	}
	const timeout, rounds = time.Second, manyEndpoints / 200
	lab := vantagelab.New(b)
	lab.Bastion.Run("ip", "route", "add", "10.6.0.0/16", "via", vantagelab.Target.String()) // which forwards nothing
	checks := make([]tcpconnect.Check, manyEndpoints)
	for i := range checks {
		address := netip.AddrFrom4([4]byte{10, 6, byte(i >> 8), byte(i)})
		checks[i] = check(b, netip.AddrPortFrom(address, 80).String(), timeout)
	}
	configs := sshPoint(lab.OpenSSH(at(22)))
	var swept time.Duration
	for b.Loop() { // with a new connection, since the server does not forget what it dials
		points, err := vantage.New(configs)
		if err != nil {
			b.Fatal(err)
		}
		from := &tcpconnect.Collector{VantagePoints: points.Map()}
		swept += timeOf(b, from, checks, noResponse)
		if err := points.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(swept.Seconds()/float64(b.N)/timeout.Seconds()/rounds, "x-timeout(<=1.1)")
}

// spread returns checks of many addresses with one port.
func spread(b *testing.B, port uint16) []tcpconnect.Check {
	b.Helper()
	var checks []tcpconnect.Check
	for _, endpoint := range loopback.Spread(port, manyEndpoints) {
		checks = append(checks, check(b, endpoint.String(), patience))
	}
	return checks
}

// timeOf sweeps, and returns how long that took. Every result must have the reason.
func timeOf(
	b *testing.B, from *tcpconnect.Collector, checks []tcpconnect.Check, want tcpconnect.Reason,
) time.Duration {
	b.Helper()
	start := time.Now()
	results, err := from.Sweep(b.Context(), checks, tcpconnect.SweepOptions{Limit: manyEndpoints})
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	for _, result := range results {
		if result.Reason != want {
			b.Fatalf("%s (%s), want %s", result.Reason, result.Message, want)
		}
	}
	return took
}
