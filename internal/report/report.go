// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package report makes what people and CI look at of what a run of the provider has done: a page, a Markdown table, and
// a JUnit file. It writes no files. Every text of a report may come from elsewhere and is escaped.
package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Report is what a run has done so far.
type Report struct {
	Mark    string    // stands near the beginning, so that a report is told from other files
	Version string    // of the provider
	Began   time.Time // when the run began
	MadeAt  time.Time // when the report was made
	Groups  []Group
}

// Group is a batch of checks, or all single checks, or all analyses of a run.
type Group struct {
	Title string // not empty
	Rows  []Row
}

// Row is a check or an analysis.
type Row struct {
	// Finding has no verdict if the check is not judged by itself: it is listed, and not counted. Its Result is nil if
	// there is no answer.
	tcpconnect.Finding
	From    string // the vantage point of the dial; empty: this machine
	Skipped string // why nothing was checked, such as "excluded"; empty: it was checked
}

// state is what a row shows first.
type state string

const (
	failed    state = "fail"
	warned    state = "warn"
	unjudged  state = "not judged"
	passed    state = "pass"
	skipped   state = "skipped"
	nothing   state = "nothing judged" // of a whole report
	hereShown       = "this machine"
)

// states returns all states of rows, in the order in which they are shown.
func states() []state {
	return []state{failed, warned, unjudged, passed, skipped}
}

// sign returns a character for those who do not see colours.
func (s state) sign() string {
	switch s {
	case failed:
		return "✗"
	case warned:
		return "!"
	case passed:
		return "✓"
	case skipped:
		return "–"
	default:
		return "·"
	}
}

func (r Row) state() state {
	switch {
	case r.Skipped != "":
		return skipped
	case r.Verdict == "":
		return unjudged
	case r.Verdict == tcpconnect.Pass:
		return passed
	case r.Verdict == tcpconnect.Warn:
		return warned
	default:
		return failed // also a verdict that is not known
	}
}

// name names the row: the title, and the collector if the title does not say it.
func (r Row) name() string {
	name := r.Title
	if r.CollectorName != "" && r.CollectorName != r.Title {
		name = fmt.Sprintf("%s (%s)", r.Title, r.CollectorName)
	}
	if r.Node != "" && !strings.HasSuffix(r.Title, r.Node) {
		name += " on " + r.Node
	}
	return name
}

// from names where the check was dialled from.
func (r Row) from() string { return cmp.Or(r.From, hereShown) }

// status returns status and reason, empty if there is no answer.
func (r Row) status() (status, reason string) {
	if r.Result == nil {
		return "", ""
	}
	return string(r.Result.Status), string(r.Result.Reason)
}

// remarks says what to know and to do, one thing in each: the message of the verdict, what the system said, advice.
func (r Row) remarks() []string {
	if r.Skipped != "" {
		return []string{r.Skipped}
	}
	var remarks []string
	status, _ := r.status()
	if text := r.Text(); text != "" && text != status && r.Verdict != "" {
		remarks = append(remarks, text)
	}
	if r.Result != nil {
		if r.Result.Message != "" {
			remarks = append(remarks, r.Result.Message)
		}
		if advice := r.Result.Reason.Advice(); advice != "" {
			remarks = append(remarks, advice)
		}
	}
	return remarks
}

// duration returns the time that the check took, 0 if there is none.
func (r Row) duration() time.Duration {
	if r.Result == nil {
		return 0
	}
	return r.Result.Duration
}

// summary is what the rows of a report come to.
type summary struct {
	counts  map[state]int
	rows    int
	longest time.Duration
	isFar   bool // a check was not dialled from this machine
}

func (r Report) summary() summary {
	s := summary{counts: make(map[state]int)}
	for _, group := range r.Groups {
		for _, row := range group.Rows {
			s.rows++
			s.counts[row.state()]++
			s.longest = max(s.longest, row.duration())
			s.isFar = s.isFar || row.From != ""
		}
	}
	return s
}

// verdict returns the worst verdict, or nothing if nothing was judged.
func (s summary) verdict() state {
	for _, state := range []state{failed, warned, passed} {
		if s.counts[state] > 0 {
			return state
		}
	}
	return nothing
}

// headline says the verdict in words.
func (s summary) headline() string {
	switch judged := s.counts[failed] + s.counts[warned] + s.counts[passed]; s.verdict() {
	case failed:
		return fmt.Sprintf("%d of %s failed", s.counts[failed], checks(judged))
	case warned:
		return fmt.Sprintf("%d of %s with a warning", s.counts[warned], checks(judged))
	case passed:
		return checks(judged) + " passed"
	default:
		return "Nothing was judged"
	}
}

func checks(number int) string {
	if number == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", number)
}

// covers says what the report is about.
func (r Report) covers(rows int) string {
	return fmt.Sprintf("It covers %s of the run that began at %s, as of %s.", checks(rows), clock(r.Began), clock(r.MadeAt))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// milliseconds shows a duration.
func milliseconds(duration time.Duration) string {
	switch {
	case duration <= 0:
		return ""
	case duration < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(duration)/float64(time.Millisecond))
	case duration < time.Second:
		return fmt.Sprintf("%d ms", duration.Milliseconds())
	default:
		return fmt.Sprintf("%.1f s", duration.Seconds())
	}
}

// sorted returns the rows of a group in the order in which they are shown: the failing ones first.
func (g Group) sorted() []Row {
	order := states()
	rows := slices.Clone(g.Rows)
	slices.SortStableFunc(rows, func(a, b Row) int {
		return slices.Index(order, a.state()) - slices.Index(order, b.state())
	})
	return rows
}
