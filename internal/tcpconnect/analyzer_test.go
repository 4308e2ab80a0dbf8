// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"slices"
	"strings"
	"testing"
)

func TestFirstOutcomeThatMatchesDecides(t *testing.T) {
	t.Parallel()
	analyzer := Analyzer{CheckName: "Database", Outcomes: []Outcome{
		{
			Verdict: Fail,
			When:    ConnectionRefused,
			Message: "refused",
			URI:     "https://example.com/refused",
			Title:   "Refused",
		},
		{Verdict: Pass, When: ConnectionRefused, Message: "never reached"},
		{Verdict: Warn, When: ConnectionTimeout},
		{Verdict: Pass},
	}}
	for status, want := range map[Status]Finding{
		ConnectionRefused: {
			Verdict: Fail,
			Title:   "Refused",
			Message: "refused",
			URI:     "https://example.com/refused",
			Matched: true,
		},
		ConnectionTimeout: {Verdict: Warn, Title: "Database", Message: "Database: connection-timeout", Matched: true},
		Connected:         {Verdict: Pass, Title: "Database", Message: "Database: connected", Matched: true},
		Error:             {Verdict: Pass, Title: "Database", Message: "Database: error", Matched: true},
	} {
		if got := analyzer.Judge(status, ""); got != want {
			t.Errorf("Judge(%q) = %+v, want %+v", status, got, want)
		}
	}
}

func TestAnalyzerFailsClosedWhenNothingMatches(t *testing.T) {
	t.Parallel()
	analyzer := Analyzer{CheckName: "Database", Outcomes: []Outcome{{Verdict: Pass, When: Connected}}}
	for _, status := range []Status{ConnectionRefused, ConnectionTimeout, Error, "", "CONNECTED", "reachable"} {
		got := analyzer.Judge(status, "")
		if got.Verdict != Fail || got.Matched || got.Verdict.Proceed() {
			t.Errorf("Judge(%q) = %+v, want an unmatched fail", status, got)
		}
		if !strings.Contains(got.Message, `"`+string(status)+`"`) {
			t.Errorf("Judge(%q) says %q, want it to name the status", status, got.Message)
		}
	}
}

func TestUnknownStatusNeverPasses(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[Verdict]Finding{
		Pass: {Verdict: Fail, Matched: false},
		Warn: {Verdict: Warn, Matched: true},
		Fail: {Verdict: Fail, Matched: true},
	} {
		got := Analyzer{CheckName: "Database", Outcomes: []Outcome{{Verdict: verdict}}}.Judge("half-open", "")
		if got.Verdict != want.Verdict || got.Matched != want.Matched {
			t.Errorf("a %s for every status makes %+v of an unknown one", verdict, got)
		}
	}
}

func TestOnlyPassAndWarnProceed(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[Verdict]bool{Pass: true, Warn: true, Fail: false, "": false} {
		if got := verdict.Proceed(); got != want {
			t.Errorf("Proceed() of %q = %t", verdict, got)
		}
	}
}

func TestParseStatusTakesStatusesToTheLetter(t *testing.T) {
	t.Parallel()
	for _, status := range Statuses() {
		if got, err := ParseStatus(string(status)); err != nil || got != status {
			t.Errorf("ParseStatus(%q) = %q, %v", status, got, err)
		}
	}
	for text, nearest := range map[string]string{
		"connection_refused": "connection-refused",
		"Connected":          "connected",
		"refused":            "connection-refused",
		"":                   "error",
		"connected\n":        "connected",
	} {
		_, err := ParseStatus(text)
		if err == nil {
			t.Errorf("ParseStatus(%q) takes it", text)
			continue
		}
		for _, status := range Statuses() {
			if !strings.Contains(err.Error(), string(status)) {
				t.Errorf("ParseStatus(%q): %v, want it to list %q", text, err, status)
			}
		}
		if text != "" && !strings.HasSuffix(err.Error(), `Did you mean "`+nearest+`"?`) {
			t.Errorf("ParseStatus(%q): %v, want it to suggest %q", text, err, nearest)
		}
	}
}

func TestNoPassMatchesAReasonThatSaysNothingAboutThePeer(t *testing.T) {
	t.Parallel()
	silent := []Reason{
		ReasonNotReady, ReasonLocalAddress, ReasonLocalLimit, ReasonIntercepted,
		ReasonVantageUnreachable, ReasonVantageLimit, ReasonVantageProhibited, "of-a-later-version",
	}
	for _, reason := range append(Reasons(), "", "of-a-later-version") {
		for _, status := range append(Statuses(), "of-a-later-version") {
			for _, verdict := range []Verdict{Pass, Warn, Fail} {
				for _, when := range []Status{"", status} {
					analyzer := Analyzer{CheckName: "Database", Outcomes: []Outcome{{Verdict: verdict, When: when}}}
					got := analyzer.Judge(status, reason)
					if verdict == Pass && slices.Contains(silent, reason) && (got.Verdict != Fail || got.Matched) {
						t.Errorf("%s when %q passed %s for the reason %s: %+v", verdict, when, status, reason, got)
					}
					mayMatch := verdict != Pass || status.Known() || when != ""
					if !slices.Contains(silent, reason) && got.Matched != mayMatch {
						t.Errorf("%s when %q on %s for the reason %q: %+v", verdict, when, status, reason, got)
					}
					if verdict != Pass && got.Verdict != verdict {
						t.Errorf("%s when %q on %s for the reason %q is %s", verdict, when, status, reason, got.Verdict)
					}
				}
			}
		}
	}
}

func TestPassesListsWhatWouldPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcomes []Outcome
		want     []Status
	}{
		"nothing":     {nil, []Status{}},
		"one":         {[]Outcome{{Verdict: Pass, When: Error}}, []Status{Error}},
		"everything":  {[]Outcome{{Verdict: Pass}}, Statuses()},
		"all but one": {[]Outcome{{Verdict: Fail, When: Connected}, {Verdict: Pass}}, Statuses()[1:]},
		"the others fail": {
			[]Outcome{
				{Verdict: Fail, When: ConnectionRefused},
				{Verdict: Fail, When: ConnectionTimeout},
				{Verdict: Warn, When: Error},
				{Verdict: Pass},
			},
			[]Status{Connected},
		},
	} {
		if got := (Analyzer{CheckName: "Database", Outcomes: test.outcomes}).Passes(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestCanFailIfTheResultOfAnyDialFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcomes []Outcome
		want     bool
	}{
		"no outcomes":         {nil, true},
		"a warn for the rest": {[]Outcome{{Verdict: Pass, When: Connected}, {Verdict: Warn}}, false},
		"only a warn":         {[]Outcome{{Verdict: Warn}}, false},
		"a fail that is never reached": {
			[]Outcome{{Verdict: Warn}, {Verdict: Fail}}, false,
		},
		"a pass for everything, which no reason of this machine matches": {[]Outcome{{Verdict: Pass}}, true},
		"a pass for each status": {
			[]Outcome{
				{Verdict: Pass, When: Connected},
				{Verdict: Pass, When: ConnectionRefused},
				{Verdict: Pass, When: ConnectionTimeout},
				{Verdict: Pass, When: Error},
			},
			true,
		},
		"a warn for each status": {
			[]Outcome{
				{Verdict: Warn, When: Connected},
				{Verdict: Warn, When: ConnectionRefused},
				{Verdict: Warn, When: ConnectionTimeout},
				{Verdict: Warn, When: Error},
			},
			false,
		},
		"a status is not covered": {
			[]Outcome{
				{Verdict: Warn, When: Connected},
				{Verdict: Warn, When: ConnectionTimeout},
				{Verdict: Warn, When: Error},
			},
			true,
		},
		"a fail for one status": {[]Outcome{{Verdict: Fail, When: ConnectionRefused}, {Verdict: Warn}}, true},
	} {
		if got := (Analyzer{CheckName: "Database", Outcomes: test.outcomes}).CanFail(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestWithoutOutcomesReadyDecides(t *testing.T) {
	t.Parallel()
	for _, status := range Statuses() {
		for ready, want := range map[bool]Verdict{true: Pass, false: Fail} {
			result := &Result{Status: status, Ready: ready}
			got := Analyzer{CheckName: "Database"}.JudgeResult(result)
			message := "Database: " + string(status)
			if status == Connected && !ready {
				message += ", which is not what retry waits for"
			}
			if got.Verdict != want || !got.Matched || got.Result != result || got.Message != message {
				t.Errorf("%s, ready %t: %+v", status, ready, got)
			}
		}
	}
}
