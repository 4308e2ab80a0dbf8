// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// People confuse status and reason, as in give_up_on = ["connection-refused"].
func TestWrongWordsAreAnsweredWithTheRightOne(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"status":   func(text string) error { _, err := ParseStatus(text); return err },
		"reason":   func(text string) error { _, err := ParseReason(text); return err },
		"family":   func(text string) error { _, err := ParseFamily(text); return err },
		"duration": func(text string) error { _, err := ParseDuration(text); return err },
	}
	const statuses = `Use one of "connected", "connection-refused", "connection-timeout", "error". `
	for _, test := range []struct{ kind, text, want string }{
		{"status", "no-such-host", `"no-such-host" is a reason, not a status. ` + statuses + `Did you mean "error"?`},
		{"status", "dns-timeout", `Did you mean "connection-timeout"?`},
		{"status", "closed", `"closed" is not a status. ` + statuses + `Did you mean "connection-refused"?`},
		{"reason", "connection-refused", `Did you mean "refused"?`},
		{
			"reason", "connection-timeout",
			`"connection-timeout" is a status, not a reason. Use one of "connected", "refused", `,
		},
		{"reason", "connection-timeout", `Did you mean "no-response", "dns-timeout" or "not-ready"?`},
		{"reason", "error", `Did you mean "no-such-host", "dns-failure", `},
		{"reason", "no-host", `"no-host" is not a reason. Use one of "connected", "refused", `},
		{"reason", "no-host", `Did you mean "no-such-host"?`},
		{"family", "ip4", `"ip4" is not an IP family. Use one of "any", "ipv4", "ipv6". Did you mean "ipv4"?`},
		{"duration", "10", `"10" is not a duration greater than zero.`},
		{"duration", "10", `Did you mean "10s"?`},
		{"duration", "1.5", `Did you mean "1.5s"?`},
		{"duration", "10 s", `Did you mean "10s"?`},
		{"duration", "10 Seconds", `Did you mean "10s"?`},
		{"duration", "5min", `Did you mean "5m"?`},
		{"duration", "500 milliseconds", `Did you mean "500ms"?`},
		{"duration", "2 hours", `Did you mean "2h"?`},
	} {
		if err := parse[test.kind](test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q: %v, want it to say %q", test.kind, test.text, err, test.want)
		}
	}
	for _, text := range []string{"", "0", "-1", "0s", "-1s", "ten", "1.2.3", "1d", "99999999999999999999", "s"} {
		if err := parse["duration"](text); err == nil || strings.Contains(err.Error(), "Did you mean") {
			t.Errorf("duration %q: %v, want an error without a question", text, err)
		}
	}
	for _, reason := range Reasons() {
		if err := parse["reason"](string(reason)); err != nil {
			t.Errorf("reason %q: %v", reason, err)
		}
	}
}

func TestReasonExplainsItsOwnStatusOnly(t *testing.T) {
	t.Parallel()
	for _, reason := range Reasons() {
		for _, status := range Statuses() {
			want := reason.Status() == status || reason == ReasonNotReady && status != Connected
			if got := reason.Explains(status); got != want {
				t.Errorf("%s explains %s: %t", reason, status, got)
			}
		}
	}
}

func TestUntilLeavesAStatusForNotReady(t *testing.T) {
	t.Parallel()
	failing := Statuses()[1:]
	for _, until := range [][]Status{failing, Statuses()} {
		if err := validateUntil(until); err == nil || !strings.Contains(err.Error(), "no status is left") {
			t.Errorf("until %q: %v", until, err)
		}
	}
	for i := range failing {
		for _, until := range [][]Status{{failing[i]}, slices.Delete(slices.Clone(failing), i, i+1), {Connected}, nil} {
			if err := validateUntil(until); err != nil {
				t.Errorf("until %q: %v", until, err)
			}
		}
	}
}

func TestRetryIsDescribedAsItIsWritten(t *testing.T) {
	t.Parallel()
	retry := Retry{
		AttemptTimeout: 5 * time.Second,
		MinDelay:       time.Second,
		MaxDelay:       30 * time.Second,
		Until:          []Status{Connected, Error},
		Consecutive:    1,
	}
	const plain = `attempt_timeout 5s, min_delay 1s, max_delay 30s, until "connected", "error", consecutive 1`
	if got := retry.String(); got != plain {
		t.Errorf("%q, want %q", got, plain)
	}
	retry.Attempts, retry.GiveUpOn = 1, []Reason{ReasonNoSuchHost}
	if got, want := retry.String(), "attempts 1, "+plain+`, give_up_on "no-such-host"`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
