// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// found is a row about an address that was dialled.
func found(name, address string, verdict tcpconnect.Verdict, reason tcpconnect.Reason) Row {
	result := &tcpconnect.Result{
		Status: reason.Status(), Reason: reason, Attempts: 1, Duration: time.Duration(len(name)) * time.Millisecond,
	}
	if reason != tcpconnect.ReasonConnected {
		result.Message = "dial tcp " + address + ": " + string(reason)
	}
	return Row{Finding: tcpconnect.Finding{
		Verdict: verdict, Title: name, Message: fmt.Sprintf("%s: %s", name, result.Status), CollectorName: name,
		Address: address, Result: result, Matched: true,
	}}
}

// sample is a report with rows of every kind and some that pass.
func sample(passing int) Report {
	began := time.Date(2026, 11, 27, 9, 30, 0, 0, time.UTC)
	database := found("database", "db.internal:5432", tcpconnect.Fail, tcpconnect.ReasonRefused)
	database.URI, database.Result.Attempts = "https://example.com/runbooks/database", 3
	cache := found("cache", "cache.internal:6379", tcpconnect.Warn, tcpconnect.ReasonNoResponse)
	cache.Message = "Runs without a cache, slowly"
	cache.Result.Duration = 5 * time.Second
	endpoints := Group{Title: "Endpoints", Rows: []Row{cache, database}}
	for i := range passing {
		name := fmt.Sprintf("service-%d", i)
		endpoints.Rows = append(endpoints.Rows,
			found(name, name+".internal:443", tcpconnect.Pass, tcpconnect.ReasonConnected))
	}
	unjudgedRow := found("connect", "licence.example.com:443", "", tcpconnect.ReasonNoSuchHost)
	unjudgedRow.Title, unjudgedRow.Message = "TCP Connection Attempt", "TCP Connection Attempt: error"
	old := Row{Finding: tcpconnect.Finding{Title: "old-port", Message: "old-port: excluded"}, Skipped: "excluded"}
	part := Row{
		Finding: tcpconnect.Finding{Title: "hostCollectors[3].cpu", Message: "left out"},
		Skipped: "left out, because this provider runs tcpConnect only",
	}
	return Report{
		Mark: "a mark", Version: "0.1.0", Began: began, MadeAt: began.Add(83 * time.Second),
		Groups: []Group{endpoints, {Title: "Checks", Rows: []Row{unjudgedRow, old}}, {Title: "Spec", Rows: []Row{part}}},
	}
}

// hostile is in every text of hostileReport.
const hostile = "a|b `c` <script>alert(1)</script> *d* _e_ [f](javascript:alert(2)) @g #1 &lt; \"'\\ \x1b[31m\x00\n\nh " +
	"https://evil.example www.evil.example ]]> --> \u202e\ufffe"

func hostileReport() Report {
	row := found(hostile, hostile, tcpconnect.Fail, tcpconnect.ReasonOther)
	row.Message, row.URI, row.Node, row.From = hostile, "javascript:alert(3)//"+hostile, hostile, hostile
	row.Result.Message, row.Result.Reason, row.Result.Status = hostile, hostile, hostile
	warning := row
	warning.Verdict = tcpconnect.Warn
	left := row
	left.Skipped = hostile
	none := row
	none.Verdict = ""
	return Report{Version: hostile, Groups: []Group{{Title: hostile, Rows: []Row{row, warning, left, none, row}}}}
}

func render(t testing.TB, r Report, kind Kind) string {
	t.Helper()
	content, err := r.Render(kind)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestEveryReportCarriesTheMarkAtItsBeginning(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		if text := render(t, sample(1), kind); !strings.Contains(text[:512], "a mark") {
			t.Errorf("%s begins with %q", kind, text[:512])
		}
	}
}

func TestVerdictIsTheWorstOfWhatWasJudged(t *testing.T) {
	t.Parallel()
	row := func(verdict tcpconnect.Verdict) Row { return found("x", "h:1", verdict, tcpconnect.ReasonConnected) }
	skippedRow := row(tcpconnect.Fail)
	skippedRow.Skipped = "excluded"
	for want, rows := range map[string][]Row{
		"1 of 2 checks failed":         {row(tcpconnect.Pass), row(tcpconnect.Fail), row("")},
		"1 of 1 check failed":          {row("a verdict of a later version")},
		"1 of 2 checks with a warning": {row(tcpconnect.Pass), row(tcpconnect.Warn), skippedRow},
		"2 checks passed":              {row(tcpconnect.Pass), row(tcpconnect.Pass), row("")},
		"Nothing was judged":           {row(""), skippedRow},
	} {
		for _, kind := range []Kind{HTML, Markdown} {
			if text := render(t, Report{Groups: []Group{{"Checks", rows}}}, kind); !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", kind, want, text)
			}
		}
	}
}

// elements returns the names of all elements of a page, the attributes whose value may be run or fetched, and the text.
func elements(t *testing.T, page string) (names, active []string, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for node := range root.Descendants() {
		switch {
		case node.Type == html.TextNode && node.Parent.Data != "style":
			text += node.Data
		case node.Type == html.ElementNode:
			names = append(names, node.Data)
			for _, attribute := range node.Attr {
				if attribute.Key == "href" || attribute.Key == "src" || strings.HasPrefix(attribute.Key, "on") {
					active = append(active, attribute.Key+"="+attribute.Val)
				}
			}
		}
	}
	return names, active, text
}

func TestHostileTextsArePartOfNothingInThePage(t *testing.T) {
	t.Parallel()
	names, active, text := elements(t, render(t, hostileReport(), HTML))
	if slices.Contains(names, "script") || len(active) > 0 || strings.ContainsAny(text, "\x1b\x00\u202e") {
		t.Errorf("the page has %q and %q", names, active)
	}
	if !strings.Contains(text, "<script>alert(1)</script> *d*") {
		t.Errorf("the text is not there: %s", text)
	}
}

func TestPageShowsFailuresFirstAndLinksToRunbooks(t *testing.T) {
	t.Parallel()
	_, active, text := elements(t, render(t, sample(3), HTML))
	if !slices.Equal(active, []string{"href=https://example.com/runbooks/database"}) {
		t.Errorf("links are %q", active)
	}
	last := -1
	for _, want := range []string{
		"1 of 5 checks failed", "covers 8 checks", "1 fail", "1 warn", "1 not judged", "3 pass", "2 skipped",
		"database", "db.internal:5432", "refused", "3 attempts", "The host answered", "cache", "Runs without a cache",
		"service-0", "licence.example.com:443", "excluded", "hostCollectors[3].cpu",
	} {
		at := strings.Index(text[max(last, 0):], want)
		if at < 0 {
			t.Errorf("%q is not there, or not in order:\n%s", want, text)
			continue
		}
		last = max(last, 0) + at
	}
}

func TestLargePageHidesWhatPassed(t *testing.T) {
	t.Parallel()
	for passing, want := range map[int]int{mostOpen: 0, mostOpen + 1: 1} {
		if got := strings.Count(render(t, sample(passing), HTML), "<details>"); got != want {
			t.Errorf("%d passing: %d details, want %d", passing, got, want)
		}
	}
}

func TestMarkdownHasOneRowForEachCheck(t *testing.T) {
	t.Parallel()
	lines := strings.Split(render(t, hostileReport(), Markdown), "\n")
	var rows int
	for _, line := range lines {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if rows++; strings.Count(line, "|") != 9 {
			t.Errorf("%d bars in %s", strings.Count(line, "|"), line)
		}
		if strings.ContainsAny(line, "`@\x1b\x00") || strings.Contains(line, "<script") || strings.Contains(line, "://") {
			t.Errorf("not escaped: %s", line)
		}
	}
	if rows != 2+5 {
		t.Errorf("%d lines of a table, want 7:\n%s", rows, strings.Join(lines, "\n"))
	}
}

func TestMarkdownStaysBelowTheLimitOfAJobSummary(t *testing.T) {
	t.Parallel()
	text := render(t, sample(20_000), Markdown)
	if len(text) > 1<<20 || !strings.Contains(text, "19500 more passed or were skipped") {
		t.Errorf("%d bytes, which end with %s", len(text), text[len(text)-200:])
	}
}

func TestJUnitIsValidAndCountsWhatFailed(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]Report{"sample": sample(3), "hostile": hostileReport(), "empty": {}} {
		decoder := xml.NewDecoder(strings.NewReader(render(t, report, JUnit)))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	var all junitSuites
	if err := xml.Unmarshal([]byte(render(t, sample(3), JUnit)), &all); err != nil {
		t.Fatal(err)
	}
	first := all.Suites[0]
	if all.Tests != 8 || all.Failures != 1 || first.Tests != 5 || first.Failures != 1 || all.Suites[1].Skipped != 1 {
		t.Errorf("counts are %+v", all)
	}
	failure := first.Cases[0]
	if failure.Name != "database at db.internal:5432" || failure.Failure == nil ||
		failure.Failure.Type != "refused" || !strings.Contains(failure.Failure.Text, "The host answered, but") {
		t.Errorf("the first case is %+v", failure)
	}
	if !strings.Contains(first.Cases[1].SystemOut, "Warning: cache: Runs without a cache") {
		t.Errorf("the second case is %+v", first.Cases[1])
	}
	names := make(map[string]bool)
	if err := xml.Unmarshal([]byte(render(t, hostileReport(), JUnit)), &all); err != nil {
		t.Fatal(err)
	}
	for _, test := range all.Suites[len(all.Suites)-1].Cases {
		if names[test.Name] {
			t.Errorf("two cases are named %q", test.Name)
		}
		names[test.Name] = true
	}
}

// Three reports of ten thousand findings.
func BenchmarkRender(b *testing.B) {
	report := sample(10_000)
	for i := range report.Groups[0].Rows {
		if i%2 == 0 { // failures are the long rows
			report.Groups[0].Rows[i] = found(fmt.Sprintf("f-%d", i), "h:1", tcpconnect.Fail, tcpconnect.ReasonRefused)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, kind := range Kinds() {
			render(b, report, kind)
		}
	}
}
