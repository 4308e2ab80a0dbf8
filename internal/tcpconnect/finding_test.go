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
	if strings.Count(message, "\n") != maxJoined || !strings.HasSuffix(message, "\n... and 80 more.") {
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
