// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// ParseReportKind returns the kind of report that a text names.
func ParseReportKind(text string) (report.Kind, error) {
	return suggest.Choose(text, "is not a kind of report", report.Kinds())
}

// ReportNames returns the names of the files of reports.
func ReportNames(kinds []report.Kind) []string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = reportNames[kind]
	}
	return names
}

var reportNames = map[report.Kind]string{
	report.HTML:     bundle.ReportHTML,
	report.JUnit:    bundle.ReportJUnit,
	report.Markdown: bundle.ReportMarkdown,
}

// ReportError says why the reports were not written, although the check was made and its result written.
type ReportError struct {
	Err     error
	Verdict string // what was found, in a line
}

// Error returns the text of the error inside.
func (e *ReportError) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *ReportError) Unwrap() error { return e.Err }

// groupName names a group of a report. Each batch has a group of its own, also if two have the same title.
type groupName struct {
	title string
	batch string // its key; empty: the group holds what no batch has made
}

var (
	checksGroup   = groupName{title: "Checks"}
	analysesGroup = groupName{title: "Analyses"}
)

// reports are what a run has done so far, and the reports about it.
//
// Writing them must not cost more than the checks. So they are written when a check ends only if the last writing ended
// at least ten times its own duration ago, and by a timer at that moment otherwise; but at once if a gate closes.
type reports struct {
	write   func(groups []report.Group) error // nil: there are no reports
	writing chan struct{}                     // holds an element while they are written

	mu      sync.Mutex // guards what follows
	groups  []reportGroup
	isStale bool          // there is something that they do not say
	ended   time.Time     // of the last writing
	took    time.Duration // by the last writing
	timer   *time.Timer   // until the next writing; nil: none is planned
	failure error         // of a writing by the timer that no check was told of
	judged  int64         // how many keys uniqueKey has returned
}

// newReports returns the reports of a run, which a function writes.
func newReports(write func(groups []report.Group) error) *reports {
	return &reports{write: write, writing: make(chan struct{}, 1)}
}

// reportGroup is a group of rows, which equal keys replace.
type reportGroup struct {
	groupName
	keys []string
	rows map[string][]report.Row
}

// record adds rows to a group. The error says why the reports were not written: by this call, or by the timer before
// it.
func (r *reports) record(group groupName, key string, rows []report.Row, closesGate bool) error {
	if r.write == nil {
		return nil
	}
	r.mu.Lock()
	r.put(group, key, rows)
	wait, failure := r.wait(), r.failure
	r.failure = nil
	r.mu.Unlock()
	switch {
	case closesGate:
		r.writing <- struct{}{}
	case wait > 0 || !r.tryBegin():
		r.plan(wait)
		return failure
	}
	defer r.end()
	return r.writeStale() // also what the timer has failed to write
}

// uniqueKey returns a key that nothing else has.
func (r *reports) uniqueKey() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.judged++
	return strconv.FormatInt(r.judged, 10)
}

// tryBegin begins a writing, unless one is under way.
func (r *reports) tryBegin() bool {
	select {
	case r.writing <- struct{}{}:
		return true
	default:
		return false
	}
}

// end ends a writing.
func (r *reports) end() { <-r.writing }

// put is record without the writing.
func (r *reports) put(name groupName, key string, rows []report.Row) {
	at := slices.IndexFunc(r.groups, func(group reportGroup) bool { return group.groupName == name })
	if at < 0 {
		at = len(r.groups)
		r.groups = append(r.groups, reportGroup{groupName: name, rows: make(map[string][]report.Row)})
	}
	group := &r.groups[at]
	if _, known := group.rows[key]; !known {
		group.keys = append(group.keys, key)
	}
	group.rows[key] = rows
	r.isStale = true
}

// wait returns how long to wait before the next writing.
func (r *reports) wait() time.Duration {
	if r.ended.IsZero() {
		return 0
	}
	return time.Until(r.ended.Add(10 * r.took))
}

// plan starts the timer, unless it runs.
func (r *reports) plan(wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer == nil {
		r.timer = time.AfterFunc(max(wait, time.Millisecond), r.writeLater)
	}
}

// writeLater is what the timer does.
func (r *reports) writeLater() {
	r.writing <- struct{}{}
	defer r.end()
	r.mu.Lock()
	if wait := r.wait(); wait > 0 { // another writing has ended meanwhile
		r.timer.Reset(wait)
		r.mu.Unlock()
		return
	}
	r.timer = nil
	r.mu.Unlock()
	if err := r.writeStale(); err != nil {
		r.mu.Lock()
		r.failure = err
		r.mu.Unlock()
	}
}

// writeStale writes the reports if there is something that they do not say. The caller has begun a writing.
func (r *reports) writeStale() error {
	r.mu.Lock()
	isStale, groups := r.isStale, r.now()
	r.isStale = false
	r.mu.Unlock()
	if !isStale {
		return nil
	}
	start := time.Now()
	err := r.write(groups)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = time.Now()
	r.took = r.ended.Sub(start)
	r.isStale = r.isStale || err != nil
	return err
}

// now returns the groups as they are. A title that several have is numbered, because CI merges what has one name.
func (r *reports) now() []report.Group {
	groups := make([]report.Group, len(r.groups))
	titled := make(map[string]int)
	for i, group := range r.groups {
		groups[i].Title = group.title
		if titled[group.title]++; titled[group.title] > 1 {
			groups[i].Title = fmt.Sprintf("%s (%d)", group.title, titled[group.title])
		}
		for _, key := range group.keys {
			groups[i].Rows = append(groups[i].Rows, group.rows[key]...)
		}
	}
	return groups
}

// close writes what is not written yet, also what the timer has failed to write.
func (r *reports) close() error {
	if r.write == nil {
		return nil
	}
	r.mu.Lock()
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	r.writing <- struct{}{}
	defer r.end()
	return r.writeStale()
}

// reportPath returns the path of the report that is best to read, or empty if there is none.
func (r *Run) reportPath() string {
	for _, kind := range []report.Kind{report.HTML, report.Markdown, report.JUnit} {
		if r.reports.write != nil && slices.Contains(r.Reports, kind) {
			return filepath.Join(r.BundleDir, reportNames[kind])
		}
	}
	return ""
}

// Close ends the run: it writes what the reports do not say yet, and ends the connections to vantage points.
func (r *Run) Close() error {
	return errors.Join(r.reports.close(), r.points.Close())
}

// writeReports writes the reports about some groups into the bundle.
func (r *Run) writeReports(groups []report.Group) error {
	files, err := r.renderReports(groups)
	written := bundle.Report{Version: r.Version, MadeAt: time.Now().UTC(), Reports: files}
	return errors.Join(err, r.Writer.WriteReports(written))
}

// renderReports returns the files of all reports about some groups.
func (r *Run) renderReports(groups []report.Group) (files []bundle.ReportFile, err error) {
	about := report.Report{
		Mark: bundle.ReportMark, Version: r.Version, Began: r.began, MadeAt: time.Now().UTC(), Groups: groups,
	}
	for _, kind := range r.Reports {
		content, failure := about.Render(kind)
		if err = errors.Join(err, failure); failure == nil {
			files = append(files, bundle.ReportFile{Name: reportNames[kind], Content: content})
		}
	}
	return files, err
}

// recordRows adds rows to the reports. verdict is what they say in a line, for the error.
func (r *Run) recordRows(group groupName, key string, rows []report.Row, closesGate bool, verdict string) error {
	if err := r.reports.record(group, key, rows, closesGate); err != nil {
		return &ReportError{err, verdict}
	}
	return nil
}

// recordCheck adds a single check. Without outcomes it is listed without a verdict, unless it is a gate by itself.
func (r *Run) recordCheck(check Check, analyzer tcpconnect.Analyzer, finding tcpconnect.Finding, isGate bool) error {
	row := report.Row{Finding: finding}
	if len(analyzer.Outcomes) == 0 && !isGate {
		row.Verdict = ""
	}
	closesGate := isGate && !finding.Verdict.Proceed()
	key := checkKey(check, fmt.Sprintf("%q %t", analyzer, isGate))
	return r.recordRows(checksGroup, key, []report.Row{row}, closesGate, finding.Line())
}

// checkKey is the same for a check that is made and judged again in the same way.
func checkKey(check Check, judged string) string {
	return strings.Join([]string{strings.ToLower(check.CollectorName), check.String(), judged}, "\x00")
}

// RecordExcludedCheck says that a check is excluded.
func (r *Run) RecordExcludedCheck(check Check, title string) error {
	row := excludedRow(title)
	row.CollectorName, row.Address = check.CollectorName, check.Target.Address.String()
	key := checkKey(check, "excluded "+title)
	return r.recordRows(checksGroup, key, []report.Row{row}, false, title+": excluded")
}

// RecordExcludedBatch says that a batch is excluded.
func (r *Run) RecordExcludedBatch(title, key string) error {
	row := excludedRow(title)
	return r.recordRows(groupName{title, key}, "", []report.Row{row}, false, title+": excluded")
}

func excludedRow(title string) report.Row {
	return report.Row{
		Finding: tcpconnect.Finding{Title: title, Message: title},
		Skipped: "excluded on purpose",
	}
}

// Analysis is a status, or results of a bundle, that an analyzer has judged.
type Analysis struct {
	Of       string        // what was judged, such as a collector and a bundle
	Findings []NodeFinding // empty: it is excluded
	Title    string        // of the check
	IsGate   bool          // a failure is an error
}

// RecordAnalysis adds an analysis. It replaces no other: two may look the same, and judge the statuses of two checks.
func (r *Run) RecordAnalysis(analysis Analysis) error {
	if len(analysis.Findings) == 0 {
		row := excludedRow(analysis.Title)
		row.CollectorName = analysis.Of
		return r.recordRows(analysesGroup, r.reports.uniqueKey(), []report.Row{row}, false, analysis.Title+": excluded")
	}
	rows, closesGate := make([]report.Row, len(analysis.Findings)), false
	for i, found := range analysis.Findings {
		rows[i] = report.Row{Finding: found.plain()}
		rows[i].CollectorName = analysis.Of
		closesGate = closesGate || analysis.IsGate && !found.Verdict.Proceed()
	}
	_, message := Worst(analysis.Findings)
	return r.recordRows(analysesGroup, r.reports.uniqueKey(), rows, closesGate, message)
}

// batchRows are the rows of a batch. A check that nothing judges is listed without a verdict.
func batchRows(done BatchResult, leftOut []LeftOut) []report.Row {
	rows := make([]report.Row, 0, len(done.Findings)+len(leftOut))
	judged := make(map[string]bool, len(done.Findings))
	for _, finding := range done.Findings {
		rows = append(rows, report.Row{Finding: finding})
		judged[finding.CollectorName] = true
	}
	for i, check := range done.Checks {
		if result := &done.Results[i]; !judged[check.CollectorName] {
			rows = append(rows, report.Row{Finding: tcpconnect.Finding{
				Title:         check.CollectorName,
				Message:       fmt.Sprintf("%s: %s", check.CollectorName, result.Status),
				CollectorName: check.CollectorName,
				Address:       check.Target.Address.String(),
				Result:        result,
			}})
		}
	}
	for _, part := range leftOut {
		rows = append(rows, report.Row{
			Finding: tcpconnect.Finding{Title: part.Name, Message: part.Name + ": left out"}, Skipped: part.Why,
		})
	}
	return rows
}
