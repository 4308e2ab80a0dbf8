// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// standing is what a row says, in the order of a report.
type standing int

const (
	failed standing = iota
	warned
	notJudged
	passed
	skipped
)

// standings describes each standing. The sign and the words say without a colour what the colour says.
var standings = [...]struct{ word, heading, sign, class string }{
	failed:    {"Fail", "Failed", "×", "fail"},
	warned:    {"Warn", "Warnings", "!", "warn"},
	notJudged: {"Not judged", "Not judged", "?", "none"},
	passed:    {"Pass", "Passed", "✓", "pass"},
	skipped:   {"Skipped", "Skipped", "–", "skip"},
}

func (s standing) Word() string    { return standings[s].word }
func (s standing) Heading() string { return standings[s].heading }
func (s standing) Sign() string    { return standings[s].sign }
func (s standing) Class() string   { return standings[s].class }

// standing returns the standing of a row. What was skipped never passes, and an unknown verdict fails.
func (r Row) standing() standing {
	switch {
	case r.Skipped != "" && (r.Verdict == "" || r.Verdict == tcpconnect.Pass):
		return skipped
	case r.Verdict == "":
		return notJudged
	case r.Verdict == tcpconnect.Pass:
		return passed
	case r.Verdict == tcpconnect.Warn:
		return warned
	default:
		return failed
	}
}

// view is a report as the formats show it: its texts are clean, and its rows are sorted by standing.
type view struct {
	Mark, Version string
	Began, MadeAt time.Time
	Groups        []Group // those with rows
	Sections      [len(standings)]section
	Elsewhere     bool // whether a row has a vantage point other than this machine
	longest       time.Duration
}

// section lists the rows of one standing.
type section struct {
	Standing standing
	Lines    []line
}

// line is a row of a section.
type line struct {
	Row
	Group string // its title; empty if the report has one group
}

func newView(r Report) *view {
	v := &view{Mark: r.Mark, Version: clean(r.Version), Began: r.Began, MadeAt: r.MadeAt}
	var counts [len(standings)]int
	for _, group := range r.Groups {
		if len(group.Rows) == 0 {
			continue
		}
		rows := make([]Row, len(group.Rows))
		for i, row := range group.Rows {
			rows[i] = cleaned(row)
			counts[row.standing()]++
		}
		v.Groups = append(v.Groups, Group{clean(group.Title), rows})
	}
	for s := range v.Sections {
		v.Sections[s] = section{standing(s), make([]line, 0, counts[s])}
	}
	for _, group := range v.Groups {
		title := group.Title
		if len(v.Groups) == 1 {
			title = ""
		}
		for _, row := range group.Rows {
			lines := &v.Sections[row.standing()].Lines
			*lines = append(*lines, line{row, title})
			v.Elsewhere = v.Elsewhere || row.elsewhere()
			if row.Result != nil {
				v.longest = max(v.longest, row.Result.Duration)
			}
		}
	}
	return v
}

func (v *view) count(s standing) int {
	return len(v.Sections[s].Lines)
}

func (v *view) covered() int {
	covered := 0
	for s := range v.Sections {
		covered += v.count(standing(s))
	}
	return covered
}

// Covers describes how much the report covers.
func (v *view) Covers() string {
	if covered := v.covered(); covered != 1 {
		return fmt.Sprintf("%d checks and analyses", covered)
	}
	return "1 check or analysis"
}

// Verdict returns the standing of the worst row that counts, or notJudged if none counts.
func (v *view) Verdict() standing {
	for _, s := range []standing{failed, warned, passed} {
		if v.count(s) > 0 {
			return s
		}
	}
	return notJudged
}

// Headline describes the verdict in a few words.
func (v *view) Headline() string {
	if v.Verdict() == notJudged {
		return "Nothing was judged"
	}
	return v.Verdict().Word()
}

// Summary describes the verdict in a sentence.
func (v *view) Summary() string {
	counted := v.count(failed) + v.count(warned) + v.count(passed)
	switch v.Verdict() {
	case failed:
		return fmt.Sprintf("%d of %d judged checks failed.", v.count(failed), counted)
	case warned:
		return fmt.Sprintf("%d of %d judged checks ended in a warning, and none failed.", v.count(warned), counted)
	case passed:
		return fmt.Sprintf("%d of %d judged checks passed.", counted, counted)
	default:
		return "No check has a verdict, so this report says neither pass nor fail."
	}
}

// elsewhere reports whether the row has a vantage point other than this machine.
func (r Row) elsewhere() bool {
	return r.Result != nil && r.Result.Via != ""
}

// Vantage returns where the dial was made from. It is empty if the row is not about a dial.
func (r Row) Vantage() string {
	switch {
	case r.elsewhere():
		return r.Result.Via
	case r.Address == "" || r.Result == nil:
		return ""
	default:
		return "this machine"
	}
}

// Status returns the status of the result, or says that there is none.
func (r Row) Status() string {
	switch {
	case r.Result != nil:
		return string(r.Result.Status)
	case r.Address == "" || r.Skipped != "":
		return ""
	default:
		return "no answer"
	}
}

// Reason returns the reason of the result, or "" without a result.
func (r Row) Reason() string {
	if r.Result == nil {
		return ""
	}
	return string(r.Result.Reason)
}

// Says returns the message of the outcome, without the title. It is empty if the message only repeats the status.
func (r Row) Says() string {
	if text := r.Text(); text != r.Status() {
		return text
	}
	return ""
}

// System returns what the operating system or the resolver said, unless the message already says so.
func (r Row) System() string {
	if r.Result == nil || r.Result.Message == r.Says() {
		return ""
	}
	return r.Result.Message
}

// Advice returns what the reason means and what to check first. It is empty for a row that needs no attention.
func (r Row) Advice() string {
	if s := r.standing(); r.Result == nil || s == passed || s == skipped {
		return ""
	}
	return r.Result.Advice()
}

// Took returns the duration of the check, for people.
func (r Row) Took() string {
	if r.Result == nil {
		return ""
	}
	return took(r.Result.Duration)
}

// Attempts returns the number of dials if there was more than one.
func (r Row) Attempts() string {
	if r.Result == nil || r.Result.Attempts < 2 {
		return ""
	}
	return fmt.Sprintf("%d attempts", r.Result.Attempts)
}
