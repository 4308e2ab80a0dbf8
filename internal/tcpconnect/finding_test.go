// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
	"testing"
)

func TestSummaryIsTheWorstAndTellsOfAllThatIsNoPass(t *testing.T) {
	t.Parallel()
	pass := Finding{Verdict: Pass, Title: "db", Message: "db: connected"}
	warn := Finding{Verdict: Warn, Title: "cache", Message: "slow"}
	fail := Finding{Verdict: Fail, Title: "api", Message: "api: error"}
	for name, test := range map[string]struct {
		findings []Finding
		verdict  Verdict
		message  string
	}{
		"nothing":    {nil, Fail, "Nothing was judged."},
		"no verdict": {[]Finding{{Title: "db"}}, Fail, "db: "},
		"one pass":   {[]Finding{pass}, Pass, "db: connected"},
		"passes":     {[]Finding{pass, pass}, Pass, "All 2 checks passed."},
		"a warning":  {[]Finding{pass, warn, pass}, Warn, "cache: slow"},
		"a failure":  {[]Finding{fail, pass}, Fail, "api: error"},
		"failures first": {
			[]Finding{warn, pass, fail, warn, fail},
			Fail,
			"api: error\napi: error\ncache: slow\ncache: slow",
		},
	} {
		if verdict, message := Summarize(test.findings); verdict != test.verdict || message != test.message {
			t.Errorf("%s: %s, %q; want %s, %q", name, verdict, message, test.verdict, test.message)
		}
	}
	var many []Finding
	for i := range 100 {
		many = append(many, Finding{Verdict: Fail, Title: fmt.Sprint(i), Message: "down"})
	}
	_, message := Summarize(many)
	if strings.Count(message, "\n") != MaxJoined || !strings.HasSuffix(message, "\n... and 80 more.") {
		t.Errorf("a hundred failures:\n%s", message)
	}
}

func TestAnalyzerOnANodeTitlesWhatItSays(t *testing.T) {
	t.Parallel()
	analyzer := Analyzer{CheckName: "Database", Outcomes: []Outcome{
		{Verdict: Pass, When: Connected},
		{Verdict: Warn, When: ConnectionRefused, Title: "Standby"},
	}}
	for status, want := range map[Status]Finding{
		Connected: {
			Verdict: Pass,
			Title:   "Database - Node n1",
			Message: "Database - Node n1: connected",
			Matched: true,
		},
		ConnectionRefused: {
			Verdict: Warn,
			Title:   "Standby - Node n1",
			Message: "Standby - Node n1: connection-refused",
			Matched: true,
		},
		Error: {
			Verdict: Fail,
			Title:   "Database - Node n1",
			Message: `Database - Node n1: no outcome covers the status "error", so the check fails`,
		},
	} {
		if got := analyzer.OnNode("n1").Judge(status, ""); got != want {
			t.Errorf("%s: %+v, want %+v", status, got, want)
		}
	}
	if analyzer.Outcomes[1].Title != "Standby" {
		t.Error("the analyzer itself was changed")
	}
}

func TestStandaloneFindingNeedsNothingBesideIt(t *testing.T) {
	t.Parallel()
	refused := &Result{Status: ConnectionRefused, Reason: ReasonRefused}
	unknown := &Result{Status: Error, Reason: ReasonNoSuchHost}
	for want, finding := range map[string]Finding{
		"is down (a:1: connection-refused)":                   {Verdict: Fail, Result: refused},
		"is down (a:1: error, no-such-host)":                  {Verdict: Warn, Result: unknown},
		"is down (a:1: connection-refused) More: https://x.y": {Verdict: Fail, URI: "https://x.y", Result: refused},
		"is down (a:1: error)":                                {Verdict: Fail, Result: &Result{Status: Error}},
		"is down More: https://x.y":                           {Verdict: Warn, URI: "https://x.y"},
		"is down":                                             {Verdict: Pass, URI: "https://x.y", Result: refused},
	} {
		finding.Address, finding.Message = "a:1", "is down"
		if got := finding.Standalone().Message; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestExplanationSaysEachFactOnce(t *testing.T) {
	t.Parallel()
	refused := &Result{Status: ConnectionRefused, Reason: ReasonRefused, Message: "dial tcp: refused", Attempts: 1}
	again := &Result{Status: ConnectionTimeout, Reason: ReasonNoResponse, Attempts: 3}
	for name, test := range map[string]struct {
		finding Finding
		want    []string
	}{
		"connected": {
			Finding{
				Verdict: Pass, Title: "db", Message: "db: connected", Address: "a:1",
				Result: &Result{Status: Connected, Reason: ReasonConnected, Attempts: 1},
			},
			[]string{"db: connected", "Address: a:1", "Status: connected, reason: connected"},
		},
		"refused": {
			Finding{Title: "db", Message: "No database", URI: "https://x.y", Address: "a:1", Result: refused},
			[]string{
				"db: No database", "Address: a:1", "Status: connection-refused, reason: refused",
				"Message: dial tcp: refused", ReasonRefused.Advice(), "More: https://x.y",
			},
		},
		"a refusal that passes needs no advice": {
			Finding{Verdict: Pass, Title: "old", Message: "closed", Address: "a:1", Result: refused},
			[]string{
				"old: closed", "Address: a:1", "Status: connection-refused, reason: refused",
				"Message: dial tcp: refused",
			},
		},
		"several attempts, no message": {
			Finding{Title: "db", Message: "db: connection-timeout", Address: "a:1", Result: again},
			[]string{
				"db: connection-timeout", "Address: a:1",
				"Status: connection-timeout, reason: no-response, after 3 attempts", ReasonNoResponse.Advice(),
			},
		},
		"a status of which no reason is known": {
			Finding{Title: "db", Message: "down", Result: &Result{Status: Error}},
			[]string{"db: down", "Status: error"},
		},
		"not made": {Finding{Title: "db", Message: "left out", Address: "a:1"}, []string{"db: left out"}},
	} {
		if got, want := test.finding.Explanation(), strings.Join(test.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}
