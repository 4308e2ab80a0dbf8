// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestCollectorNameBelongsToOneCheck(t *testing.T) {
	t.Parallel()
	address, err := tcpconnect.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	first := Check{"db", tcpconnect.Check{Target: tcpconnect.Target{Address: address}, Timeout: time.Second}}
	for name, change := range map[string]func(*Check){
		"timeout 2s":               func(c *Check) { c.Timeout = 2 * time.Second },
		"ip_family ipv4":           func(c *Check) { c.Target.Family = tcpconnect.IPv4 },
		"source_address 127.0.0.1": func(c *Check) { c.Target.Source = loopback.IPv4 },
		"all_addresses":            func(c *Check) { c.Target.AllAddresses = true },
		"retry { attempts 2, ":     func(c *Check) { c.Retry = &tcpconnect.Retry{Attempts: 2} },
	} {
		owner := New(Config{Writer: bundle.NewWriter(t.TempDir(), bundle.FormatStatus)})
		second := first
		change(&second)
		if err := errors.Join(owner.claim(first), owner.claim(first)); err != nil {
			t.Errorf("the same dial again: %v", err)
		}
		second.CollectorName = "DB"
		if err := owner.claim(second); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("another dial: %v, want it to say %q", err, name)
		}
	}
}

func TestClaimsOfABatchAreMadeTogether(t *testing.T) {
	t.Parallel()
	run := newRun(t.TempDir())
	taken, other, third := batchOf(t, "a", "10.0.0.1"), batchOf(t, "a", "10.0.0.2"), batchOf(t, "b", "10.0.0.3")
	if err := run.claim(taken.Checks...); err != nil {
		t.Fatal(err)
	}
	if err := run.claim(third.Checks[0], other.Checks[0]); err == nil {
		t.Error("one name for two dials was claimed")
	}
	if err := run.claim(batchOf(t, "b", "10.0.0.4").Checks...); err != nil {
		t.Errorf("a claim of a batch that failed is left: %v", err)
	}
}
