// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"slices"
	"strings"
	"testing"
)

func TestWhenOfAPassIsNeverEmpty(t *testing.T) {
	t.Parallel()
	for _, verdict := range Verdicts() {
		status, err := verdict.ParseWhen("")
		if status != "" || (err == nil) != (verdict == Fail) {
			t.Errorf("%s: %q, %v", verdict, status, err)
		}
		want := `Use one of "connected", "connection-refused", "connection-timeout", "error"; ` +
			"for a " + string(verdict) + " on every status, leave the key out."
		if err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", verdict, err)
		}
		if status, err := verdict.ParseWhen("error"); status != Error || err != nil {
			t.Errorf("%s: %q, %v", verdict, status, err)
		}
		if _, err := verdict.ParseWhen("eror"); err == nil || !strings.Contains(err.Error(), `Did you mean "error"?`) {
			t.Errorf("%s: %v", verdict, err)
		}
	}
}

func TestOutcomeHoldsOneVerdict(t *testing.T) {
	t.Parallel()
	if want := []Verdict{Fail, Warn, Pass}; !slices.Equal(Verdicts(), want) {
		t.Errorf("the verdicts are %q", Verdicts())
	}
	if want := []string{"when", "message", "uri", "title"}; !slices.Equal(OutcomeFields(), want) {
		t.Errorf("the fields are %q", OutcomeFields())
	}
	for _, verdict := range Verdicts() {
		if got, err := OneVerdict([]Verdict{verdict}); got != verdict || err != nil {
			t.Errorf("%s: %q, %v", verdict, got, err)
		}
	}
	const advice = "An outcome holds exactly one of fail, warn and pass; write one element for each."
	for want, found := range map[string][]Verdict{
		"has none of fail, warn and pass.": nil,
		"has fail and pass. " + advice:     {Fail, Pass},
		"has fail and warn and pass. ":     Verdicts(),
	} {
		if got, err := OneVerdict(found); got != "" || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", found, got, err, want)
		}
	}
}

func TestEveryReasonHasItsOwnAdvice(t *testing.T) {
	t.Parallel()
	given := map[string]Reason{}
	for _, reason := range Reasons() {
		advice := reason.Advice()
		other, taken := given[advice]
		if taken || (advice == "") != (reason == ReasonConnected) || advice != "" && !strings.HasSuffix(advice, ".") {
			t.Errorf("%s: %q, as %s", reason, advice, other)
		}
		given[advice] = reason
	}
}
