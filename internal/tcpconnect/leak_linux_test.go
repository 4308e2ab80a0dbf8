// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// TestMain looks for leaked goroutines, this test for leaked descriptors.
//
//nolint:paralleltest // It counts what the process has open, so nothing else may run.
func TestNoDescriptorIsLeftOfADial(t *testing.T) {
	open, refused, silent := loopback.Open(t), loopback.Refused(t), loopback.Silent(t, loopback.IPv4)
	collector := &Collector{Resolver: loopback.DNS(t, loopback.Zone{"db.test.": {loopback.IPv4, loopback.IPv6}}, 3)}
	var checks []Check
	for _, address := range []string{open.String(), refused.String(), silent.String(), "db.test.:1", "gone.test.:1"} {
		for _, all := range []bool{false, true} {
			target := Target{Address: mustParse(t, address), AllAddresses: all}
			checks = append(checks, Check{Target: target, Timeout: 50 * time.Millisecond})
		}
	}
	dialAll := func() {
		for range 20 {
			sweepAll(t, collector, checks, 4)
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector closes what was forgotten
	dialAll()                                        // opens what Go's runtime keeps
	before := openDescriptors(t)
	dialAll()
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors were open, and %d after as many dials again", before, after)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
