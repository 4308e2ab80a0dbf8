// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// The benchmarks of the sweep run its baseline, a bare loop of net.Dialer dials at the same concurrency, in the same
// iteration, and report the ratio of the two:
//
//	make bench

const sweepLimit = 1000

// bareLoop dials the endpoints, at most limit at once, and counts the connections.
func bareLoop(ctx context.Context, endpoints []netip.AddrPort, timeout time.Duration, limit int) (connected int64) {
	dialer := net.Dialer{Timeout: timeout}
	var next, count atomic.Int64
	var workers sync.WaitGroup
	for range min(limit, len(endpoints)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(endpoints)); i = next.Add(1) - 1 {
				conn, err := dialer.DialContext(ctx, "tcp", endpoints[i].String())
				if err == nil {
					count.Add(1)
					_ = conn.Close()
				}
			}
		})
	}
	workers.Wait()
	return count.Load()
}

func checksFor(b *testing.B, endpoints []netip.AddrPort, timeout time.Duration) []Check {
	b.Helper()
	checks := make([]Check, len(endpoints))
	for i, endpoint := range endpoints {
		address, err := ParseAddress(endpoint.String())
		if err != nil {
			b.Fatal(err)
		}
		checks[i] = Check{Target: Target{Address: address}, Timeout: timeout}
	}
	return checks
}

// countStatuses sweeps, and counts the results by status.
func countStatuses(b *testing.B, checks []Check) map[Status]int {
	b.Helper()
	results, err := (&Collector{}).Sweep(b.Context(), checks, SweepOptions{Limit: sweepLimit})
	if err != nil {
		b.Fatal(err)
	}
	counts := make(map[Status]int)
	for _, result := range results {
		counts[result.Status]++
	}
	return counts
}

// halfOpen returns n endpoints that accept connections and n that refuse them, in turn.
func halfOpen(b *testing.B, n int) []netip.AddrPort {
	b.Helper()
	open := loopback.Spread(loopback.Listen(b, netip.IPv4Unspecified()).AddrPort().Port(), n)
	closed := loopback.Listen(b, netip.IPv4Unspecified())
	_ = closed.Close()
	refused := loopback.Spread(closed.AddrPort().Port(), n)
	endpoints := make([]netip.AddrPort, 0, 2*n)
	for i := range n {
		endpoints = append(endpoints, open[i], refused[i])
	}
	return endpoints
}

// silence returns n endpoints that answer nothing.
func silence(b *testing.B, n int) []netip.AddrPort {
	b.Helper()
	return loopback.Spread(loopback.Silent(b, netip.IPv4Unspecified()).Port(), n)
}

// 20,000 addresses, half open and half refused: at least 0.9 of the throughput of the bare loop.
func BenchmarkSweepThroughput(b *testing.B) {
	endpoints := halfOpen(b, 10_000)
	checks := checksFor(b, endpoints, patient)
	var bare, swept time.Duration
	for i := 0; b.Loop(); i++ {
		for turn := range 2 { // what goes first alternates
			start := time.Now()
			if (i+turn)%2 == 0 {
				if connected := bareLoop(b.Context(), endpoints, patient, sweepLimit); connected != 10_000 {
					b.Fatalf("%d connections", connected)
				}
				bare += time.Since(start)
				continue
			}
			counts := countStatuses(b, checks)
			swept += time.Since(start)
			if counts[Connected] != 10_000 || counts[ConnectionRefused] != 10_000 {
				b.Fatal(counts)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(endpoints)*b.N)/swept.Seconds(), "dials/s")
	b.ReportMetric(bare.Seconds()/swept.Seconds(), "x-bare-throughput(>=0.9)")
}

// 64 addresses with 256 ports each, half of them open, against nmap as fast as it can be told to be: at least its rate.
func BenchmarkSweepAgainstNmap(b *testing.B) {
	nmap, err := exec.LookPath("nmap")
	if err != nil {
		b.Skip("nmap is not installed")
	}
	const addresses, ports = 64, 256
	first := freePorts(b, ports)
	for port := first; port < first+ports; port += 2 {
		loopback.ListenAt(b, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	}
	var endpoints []netip.AddrPort
	for port := first; port < first+ports; port++ {
		endpoints = append(endpoints, loopback.Spread(port, addresses)...)
	}
	rand.Shuffle(len(endpoints), func(i, j int) { endpoints[i], endpoints[j] = endpoints[j], endpoints[i] })
	checks := checksFor(b, endpoints, patient)
	hosts := strings.Split(strings.TrimSuffix(strings.Repeat(" ", addresses), " "), " ")
	for i, endpoint := range loopback.Spread(first, addresses) {
		hosts[i] = endpoint.Addr().String()
	}
	arguments := append([]string{
		"-sT", "-n", "-Pn", "-T5", "--min-rate", "100000", "-oX", "-", "-p", fmt.Sprintf("%d-%d", first, first+ports-1),
	}, hosts...)
	var theirs, ours time.Duration
	for i := 0; b.Loop(); i++ {
		for turn := range 2 { // what goes first alternates
			start := time.Now()
			if (i+turn)%2 == 0 {
				output, err := exec.Command(nmap, arguments...).Output()
				theirs += time.Since(start)
				if open := strings.Count(string(output), `state="open"`); err != nil || open != len(endpoints)/2 {
					b.Fatalf("nmap found %d open ports: %v", open, err)
				}
				continue
			}
			counts := countStatuses(b, checks)
			ours += time.Since(start)
			if counts[Connected] != len(endpoints)/2 || counts[ConnectionRefused] != len(endpoints)/2 {
				b.Fatal(counts)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(endpoints)*b.N)/ours.Seconds(), "dials/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-nmap(>=1.0)")
}

// freePorts returns the first of n ports in a row that nothing listens on.
func freePorts(b *testing.B, n uint16) uint16 {
	b.Helper()
	const lowest, highest = 20_000, 32_000 // below those that the kernel gives to dials
next:
	for first := uint16(lowest); first < highest; first += n {
		for port := first; port < first+n; port++ {
			listener, err := net.Listen("tcp", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
			if err != nil {
				continue next
			}
			_ = listener.Close()
		}
		return first
	}
	b.Fatal("no ports are free")
	return 0
}

// 1,000 silent addresses: at most 1.05 times their timeout.
func BenchmarkSweepSilence(b *testing.B) {
	const timeout = 2 * time.Second
	endpoints := silence(b, 1000)
	checks := checksFor(b, endpoints, timeout)
	var bare, swept time.Duration
	for b.Loop() {
		start := time.Now()
		bareLoop(b.Context(), endpoints, timeout, sweepLimit)
		bare += time.Since(start)
		start = time.Now()
		counts := countStatuses(b, checks)
		swept += time.Since(start)
		if counts[ConnectionTimeout] != len(endpoints) {
			b.Fatal(counts)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(bare.Seconds()/float64(b.N)/timeout.Seconds(), "bare-x-timeout")
	b.ReportMetric(swept.Seconds()/float64(b.N)/timeout.Seconds(), "x-timeout(<=1.05)")
}

// Memory while 1,000 dials are under way: at most 8 KiB for each beyond the bare loop.
func BenchmarkSweepMemory(b *testing.B) {
	const timeout = time.Second
	endpoints := silence(b, 1000)
	checks := checksFor(b, endpoints, timeout)
	inFlight := func(run func()) int64 {
		before := memoryInUse()
		var running sync.WaitGroup
		running.Go(run)
		time.Sleep(timeout / 2) // all are silent, and under way by now
		during := memoryInUse()
		running.Wait()
		return (during - before) / int64(len(endpoints))
	}
	var bare, swept int64
	for b.Loop() {
		bare += inFlight(func() { bareLoop(b.Context(), endpoints, timeout, sweepLimit) })
		swept += inFlight(func() { countStatuses(b, checks) })
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(bare)/float64(b.N), "bare-B/dial")
	b.ReportMetric(float64(swept-bare)/float64(b.N), "more-B/dial(<=8192)")
}

// memoryInUse is what the heap and the stacks hold.
func memoryInUse() int64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools kept alive
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}

// 2,000 addresses with a limit of 64 open files: all answered, none wrong.
func BenchmarkSweepUnderLimitOf64OpenFiles(b *testing.B) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		b.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 64, Max: before.Max}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) })
	checks := checksFor(b, halfOpen(b, 1000), patient)
	wrong := 0
	for b.Loop() {
		counts := countStatuses(b, checks)
		wrong += len(checks) - min(counts[Connected], 1000) - min(counts[ConnectionRefused], 1000)
	}
	b.ReportMetric(float64(wrong)/float64(b.N), "wrong-of-2000(=0)")
}
