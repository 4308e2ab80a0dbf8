// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"net"
	"net/netip"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// BenchmarkConnect compares a check with its baseline, a bare dial and close, on open and refused loopback ports:
//
//	make bench
func BenchmarkConnect(b *testing.B) {
	for _, port := range []struct {
		name     string
		endpoint func(testing.TB) netip.AddrPort
	}{{"open", loopback.Open}, {"refused", loopback.Refused}} {
		// Several endpoints, because a closed connection keeps its pair of ports for a while (TIME_WAIT).
		endpoints := make([]netip.AddrPort, 16)
		for i := range endpoints {
			endpoints[i] = port.endpoint(b)
		}
		b.Run("port="+port.name+"/by=dialer", func(b *testing.B) {
			var dialer net.Dialer
			for i := 0; b.Loop(); i++ {
				conn, err := dialer.DialContext(b.Context(), "tcp", endpoints[i%len(endpoints)].String())
				if (err == nil) != (port.name == "open") {
					b.Fatal(err)
				}
				if err == nil {
					_ = conn.Close()
				}
			}
		})
		b.Run("port="+port.name+"/by=collector", func(b *testing.B) {
			targets := make([]Target, len(endpoints))
			for i, endpoint := range endpoints {
				var err error
				if targets[i].Address, err = ParseAddress(endpoint.String()); err != nil {
					b.Fatal(err)
				}
			}
			var collector Collector
			for i := 0; b.Loop(); i++ {
				check := Check{Target: targets[i%len(targets)], Timeout: patient}
				result, err := collector.Collect(b.Context(), check, nil)
				if err != nil || (result.Status == Connected) != (port.name == "open") {
					b.Fatal(result, err)
				}
			}
		})
	}
}
