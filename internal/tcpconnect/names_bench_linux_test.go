// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// BenchmarkNames checks distinct names that all exist and accept, with a slow name server, and through dnsmasq in front
// of it. It fails on a wrong answer. Checks may take at most 1.5 times as long as the server needs for all queries,
// which few lookups at once measure.
func BenchmarkNames(b *testing.B) {
	for _, setUp := range []struct {
		name      string
		perSecond int
		front     func(testing.TB, netip.AddrPort) netip.AddrPort
	}{
		{"straight", 2000, func(_ testing.TB, server netip.AddrPort) netip.AddrPort { return server }},
		{"dnsmasq", 1000, dnsmasq},
	} {
		for _, count := range []int{1000, 10_000} {
			b.Run(fmt.Sprintf("server=%s/names=%d", setUp.name, count), func(b *testing.B) {
				server := setUp.front(b, loopback.SlowDNS(b, setUp.perSecond))
				wrong, bare, swept := 0, time.Duration(0), time.Duration(0)
				for i := 0; b.Loop(); i++ { // with names of its own, since dnsmasq keeps answers
					start := time.Now()
					lookUp(b, server, namesOf(b, fmt.Sprintf("bare-%d", i), count))
					bare += time.Since(start)
					checks := namesOf(b, fmt.Sprintf("swept-%d", i), count)
					start = time.Now()
					collector := &Collector{Resolver: asking(server)}
					results, err := collector.Sweep(b.Context(), checks, SweepOptions{Limit: sweepLimit})
					swept += time.Since(start)
					if err != nil {
						b.Fatal(err)
					}
					for _, result := range results {
						if result.Status != Connected {
							wrong++
						}
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(wrong)/float64(b.N), "wrong(=0)")
				b.ReportMetric(swept.Seconds()/bare.Seconds(), "x-server(<=1.5)")
			})
		}
	}
}

// lookUp looks up the names of checks in both families, with few lookups at once.
func lookUp(b *testing.B, server netip.AddrPort, checks []Check) {
	b.Helper()
	resolver := net.Resolver{PreferGo: true, Dial: asking(server).dial}
	var lookups errgroup.Group
	lookups.SetLimit(16)
	for _, check := range checks {
		for _, network := range []string{"ip4", "ip6"} {
			lookups.Go(func() error {
				_, err := resolver.LookupNetIP(b.Context(), network, check.Target.Address.host)
				if _, isMissing := errors.AsType[*net.DNSError](err); isMissing && network == "ip6" {
					return nil
				}
				return err
			})
		}
	}
	if err := lookups.Wait(); err != nil {
		b.Fatal(err)
	}
}

// namesOf returns checks of n distinct names with one open port.
func namesOf(tb testing.TB, prefix string, n int) []Check {
	tb.Helper()
	port := loopback.Open(tb).Port()
	checks := make([]Check, n)
	for i := range checks {
		address, err := ParseAddress(fmt.Sprintf("%s-%d.test.:%d", prefix, i, port))
		if err != nil {
			tb.Fatal(err)
		}
		checks[i] = Check{Target: Target{Address: address}, Timeout: 10 * time.Second}
	}
	return checks
}

// dnsmasq starts dnsmasq with its defaults in front of a name server.
func dnsmasq(tb testing.TB, server netip.AddrPort) netip.AddrPort {
	tb.Helper()
	program, err := exec.LookPath("dnsmasq")
	if err != nil {
		tb.Skip("needs the program dnsmasq (Debian: dnsmasq-base)")
	}
	for range 10 { // another process may take the port
		free, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		endpoint := free.LocalAddr().(*net.UDPAddr).AddrPort()
		_ = free.Close()
		command := exec.CommandContext(tb.Context(), program,
			"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file=",
			"--user=root", "--bind-interfaces", "--listen-address=127.0.0.1",
			"--port="+strconv.Itoa(int(endpoint.Port())),
			fmt.Sprintf("--server=%s#%d", server.Addr(), server.Port()))
		if err := command.Start(); err != nil {
			tb.Fatal(err)
		}
		exited := make(chan struct{})
		go func() {
			_ = command.Wait() // it is killed in the end
			close(exited)
		}()
		if answers(tb.Context(), endpoint, exited) {
			tb.Cleanup(func() { _ = command.Process.Kill(); <-exited })
			return endpoint
		}
	}
	tb.Fatal("dnsmasq does not start")
	return netip.AddrPort{}
}

// answers waits until a name server answers, or its process has exited.
func answers(ctx context.Context, server netip.AddrPort, exited <-chan struct{}) bool {
	for asked := 0; ; asked++ {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		_, err := asking(server).LookupNetIP(ctx, "ip4", fmt.Sprintf("ready-%d.test.", asked))
		if err == nil {
			cancel()
			return true
		}
		select {
		case <-exited:
			cancel()
			return false
		case <-ctx.Done():
		}
	}
}
