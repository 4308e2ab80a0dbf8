// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"net/netip"
	"reflect"
	"testing"
	"time"
)

// fullCheck returns a check with a value in every field.
func fullCheck(t *testing.T) Check {
	t.Helper()
	return Check{
		Target: Target{
			Address:      mustParse(t, "db.test:5432"),
			Family:       IPv4,
			Source:       netip.MustParseAddr("10.0.0.5"),
			AllAddresses: true,
			Via:          "bastion",
		},
		Timeout: time.Minute,
		Retry: &Retry{
			Attempts: 5, AttemptTimeout: time.Second, MinDelay: time.Second, MaxDelay: time.Minute,
			Until: []Status{Connected}, Consecutive: 2, GiveUpOn: []Reason{ReasonNoSuchHost},
		},
	}
}

func TestEveryFieldOfACheckCounts(t *testing.T) {
	t.Parallel()
	full := fullCheck(t)
	if again := fullCheck(t); !full.Equal(again) || full.String() != again.String() {
		t.Errorf("%s differs from itself", full)
	}
	differs := func(name string, other Check) {
		if full.Equal(other) || other.Equal(full) {
			t.Errorf("without %s the check is the same", name)
		}
		if full.String() == other.String() {
			t.Errorf("without %s people are told the same: %s", name, full)
		}
	}
	for name, of := range map[string]func(*Check) reflect.Value{
		"Target": func(c *Check) reflect.Value { return reflect.ValueOf(&c.Target).Elem() },
		"Retry":  func(c *Check) reflect.Value { return reflect.ValueOf(c.Retry).Elem() },
	} {
		fields := of(&full).Type()
		for i := range fields.NumField() {
			other := fullCheck(t)
			of(&other).Field(i).SetZero()
			differs(name+"."+fields.Field(i).Name, other)
		}
	}
	other := fullCheck(t)
	other.Timeout = 0
	differs("Timeout", other)
	other = fullCheck(t)
	other.Retry = nil
	differs("Retry", other)
	if fields := reflect.TypeFor[Check]().NumField(); fields != 3 {
		t.Errorf("a check has %d fields, and this test compares 3", fields)
	}
}
