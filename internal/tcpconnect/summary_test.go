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
	pass, warn, fail := Analysis{Verdict: Pass, Title: "db", Message: "db: connected"}, Analysis{Verdict: Warn, Title: "cache", Message: "slow"}, Analysis{Verdict: Fail, Title: "api", Message: "api: error"}
	for name, test := range map[string]struct {
		analyses []Analysis
		verdict  Verdict
		message  string
	}{
		"nothing":        {nil, Fail, "Nothing was judged."},
		"no verdict":     {[]Analysis{{Title: "db"}}, Fail, "db: "},
		"one pass":       {[]Analysis{pass}, Pass, "db: connected"},
		"passes":         {[]Analysis{pass, pass}, Pass, "All 2 checks passed."},
		"a warning":      {[]Analysis{pass, warn, pass}, Warn, "cache: slow"},
		"a failure":      {[]Analysis{fail, pass}, Fail, "api: error"},
		"failures first": {[]Analysis{warn, pass, fail, warn, fail}, Fail, "api: error\napi: error\ncache: slow\ncache: slow"},
	} {
		if verdict, message := Summarize(test.analyses); verdict != test.verdict || message != test.message {
			t.Errorf("%s: %s, %q; want %s, %q", name, verdict, message, test.verdict, test.message)
		}
	}
	var many []Analysis
	for i := range 100 {
		many = append(many, Analysis{Verdict: Fail, Title: fmt.Sprint(i), Message: "down"})
	}
	if _, message := Summarize(many); strings.Count(message, "\n") != maxJoined || !strings.HasSuffix(message, "\n... and 80 more.") {
		t.Errorf("a hundred failures:\n%s", message)
	}
}

func TestAnalyzerOnANodeTitlesWhatItSays(t *testing.T) {
	t.Parallel()
	analyzer := Analyzer{CheckName: "Database", Outcomes: []Outcome{{Verdict: Pass, When: Connected}, {Verdict: Warn, When: ConnectionRefused, Title: "Standby"}}}
	for status, want := range map[Status]Analysis{
		Connected:         {Verdict: Pass, Title: "Database - Node n1", Message: "Database - Node n1: connected", Matched: true},
		ConnectionRefused: {Verdict: Warn, Title: "Standby - Node n1", Message: "Standby - Node n1: connection-refused", Matched: true},
		Error:             {Verdict: Fail, Title: "Database - Node n1", Message: `Database - Node n1: no outcome covers the status "error", so the check fails`},
	} {
		if got := analyzer.OnNode("n1").Analyze(status, ""); got != want {
			t.Errorf("%s: %+v, want %+v", status, got, want)
		}
	}
	if analyzer.Outcomes[1].Title != "Standby" {
		t.Error("the analyzer itself was changed")
	}
}
