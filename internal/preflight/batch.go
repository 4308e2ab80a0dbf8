// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// DefaultMaxConcurrency is how many dials of a batch are in flight at once.
const DefaultMaxConcurrency = 1000

// Batch is many checks that are made together, and what judges their results. Several batches of a run share its bundle
// and are made side by side.
type Batch struct {
	Title          string // in reports
	Key            string // equal keys: the same batch, made again
	Checks         []Check
	Optional       []bool // checks that a retry does not wait for, as in tcpconnect.SweepOptions
	MaxConcurrency int    // maximum number of dials in flight
	Archive        string // path of an archive to be written; empty: none
	IsGate         bool   // a failure is an error

	Progress func(Progress) // is called every second; nil: nothing is

	LeftOut []LeftOut // for the reports

	// Judge returns the findings about results, which are given in the order of the checks.
	Judge func(results []tcpconnect.Result) []tcpconnect.Finding
}

// LeftOut is a part of what a batch is about that is neither checked nor judged.
type LeftOut struct {
	Name string
	Why  string
}

// BatchResult is what came of a batch.
type BatchResult struct {
	Checks    []Check
	Results   []tcpconnect.Result // in the order of the checks
	Findings  []tcpconnect.Finding
	Verdict   tcpconnect.Verdict // the worst of the findings
	Message   string             // what is not a pass; never empty
	BundleDir string             // where the results are; empty: nothing was written
	Report    string             // path of a report that shows them; empty: there is none
}

// Errors of a batch, beside *tcpconnect.VantagePointError, *ClaimError and *bundle.ForeignFileError.
var (
	ErrArchiveWithoutBundle = errors.New("emit_bundle is false in the provider's configuration or environment, so no " +
		"file is written, and no archive either. Leave archive out, or set emit_bundle = true.")
	ErrOlderArchive = errors.New("this run writes that archive, and had not yet when it was read: what was read is " +
		"an older run's. Make the one wait for the other: bundle = data.preflight_spec.NAME.archive, or " +
		"data.preflight_endpoints.NAME.archive")
	ErrArchiveExcluded = errors.New("what would write that archive is excluded, so what lies there is an older " +
		"run's. Exclude the analysis of it too, or leave archive out of the excluded preflight_spec or " +
		"preflight_endpoints.")
	ErrArchiveTaken = errors.New("another preflight_spec or preflight_endpoints of this run writes that archive, " +
		"and one would overwrite the other. Give each an archive of its own.")
)

// ArchiveError says why an archive was not written, although the bundle was.
type ArchiveError struct{ Err error }

// Error returns the text of the error inside.
func (e *ArchiveError) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *ArchiveError) Unwrap() error { return e.Err }

// Batch makes the checks of a batch side by side, judges their results, and writes them into the bundle and the
// archive. The error wraps the cause of ctx if that ended: nothing is written then. If it is a *ReportError, the rest
// was done. Other errors say what cannot be written.
func (r *Run) Batch(ctx context.Context, batch Batch) (BatchResult, error) {
	done := BatchResult{Checks: batch.Checks}
	if err := r.ValidateVia(batch.Checks...); err != nil {
		return done, err
	}
	if err := r.claimBatch(batch); err != nil {
		return done, err
	}
	var err error
	if done.Results, err = r.sweep(ctx, batch); err != nil {
		return done, err
	}
	done.judged(batch.Judge(done.Results))
	rows := batchRows(done, batch.LeftOut)
	err = r.writeBatch(batch, &done, rows)
	archive, isArchive := errors.AsType[*ArchiveError](err)
	if err != nil && !isArchive {
		return done, err
	}
	closesGate := isArchive || done.closes(batch.IsGate)
	unreported := r.recordRows(groupName{batch.Title, batch.Key}, "", rows, closesGate, done.Message)
	if unreported == nil {
		done.Report = r.reportPath()
	}
	done.sayWhereTheRestIs()
	switch {
	case isArchive && unreported != nil:
		return done, &ArchiveError{fmt.Errorf("%w, nor were the reports: %s", archive.Err, unreported.Error())}
	case isArchive:
		return done, archive
	default:
		return done, unreported
	}
}

// judged fills in the findings, and what they say in all.
func (r *BatchResult) judged(findings []tcpconnect.Finding) {
	standalone := make([]tcpconnect.Finding, len(findings))
	for i, finding := range findings {
		standalone[i] = finding.Standalone()
	}
	r.Findings = findings
	r.Verdict, r.Message = tcpconnect.Summarize(standalone)
}

// sayWhereTheRestIs completes a message that does not list everything that is not a pass.
func (r *BatchResult) sayWhereTheRestIs() {
	isListed := func(finding tcpconnect.Finding) bool { return finding.Verdict == tcpconnect.Pass }
	rest := len(slices.DeleteFunc(slices.Clone(r.Findings), isListed)) - tcpconnect.MaxJoined
	if where := cmp.Or(r.Report, r.BundleDir); rest > 0 && where != "" {
		r.Message += " All are in " + where + "."
	}
}

// closes reports whether the batch stops what depends on it. isGate says that any failure is an error.
func (r *BatchResult) closes(isGate bool) bool {
	return r.Verdict == tcpconnect.Fail && (isGate || slices.ContainsFunc(r.Findings, func(f tcpconnect.Finding) bool {
		return f.Strict && !f.Verdict.Proceed()
	}))
}

// sweep makes the checks of a batch.
func (r *Run) sweep(ctx context.Context, batch Batch) ([]tcpconnect.Result, error) {
	checks := make([]tcpconnect.Check, len(batch.Checks))
	for i, check := range batch.Checks {
		checks[i] = check.Check
	}
	options := tcpconnect.SweepOptions{Limit: batch.MaxConcurrency, Optional: batch.Optional}
	if batch.Progress != nil {
		progress := progress{checks: batch.Checks, ready: make([]bool, len(checks))}
		options.Report = progress.record
		defer progress.reportEverySecond(batch.Progress)()
	}
	return r.Collector.Sweep(ctx, checks, options)
}

// ExcludeArchive says that a batch that would write an archive is excluded, so that nothing judges what lies there. The
// error is ErrArchiveExcluded if the archive was read before.
func (r *Run) ExcludeArchive(archive string) error {
	return r.archives.exclude(archive)
}

// claimBatch reserves the files that the batch will write.
func (r *Run) claimBatch(batch Batch) error {
	if r.Writer == nil {
		if batch.Archive != "" {
			return ErrArchiveWithoutBundle
		}
		return nil
	}
	if foreign, ok := errors.AsType[*bundle.ForeignFileError](r.Writer.RejectForeign()); ok {
		return foreign // what else is wrong with the directory shows when it is written
	}
	if err := r.claim(batch.Checks...); err != nil || batch.Archive == "" {
		return err
	}
	return r.archives.claim(batch.Archive, batch.Key)
}

// writeBatch writes the results, and then the analysis and the archive.
func (r *Run) writeBatch(batch Batch, done *BatchResult, rows []report.Row) error {
	if r.Writer == nil {
		return nil
	}
	own := bundle.Report{Version: r.Version, MadeAt: time.Now().UTC(), Findings: bundleFindings(done.Findings)}
	for i, check := range batch.Checks {
		own.Results = append(own.Results, bundleResult(check, done.Results[i]))
	}
	if err := r.results.record(own.Results, func() error { return r.Writer.WriteResults(own.Results) }); err != nil {
		return err
	}
	if err := r.writeAnalysis(batch.Key, done.Findings); err != nil {
		return err
	}
	done.BundleDir = r.BundleDir
	if batch.Archive == "" {
		return nil
	}
	var err error
	if own.Reports, err = r.renderReports([]report.Group{{Title: batch.Title, Rows: rows}}); err != nil {
		return &ArchiveError{err}
	}
	if err := r.Writer.WriteArchive(batch.Archive, own); err != nil {
		return &ArchiveError{err}
	}
	r.archives.setWritten(batch.Archive)
	return nil
}

// writeAnalysis writes what all batches of this run have found so far.
func (r *Run) writeAnalysis(key string, findings []tcpconnect.Finding) error {
	r.analysis.Lock()
	defer r.analysis.Unlock()
	isNew := true
	var all []bundle.Finding
	for i := range r.findings {
		if r.findings[i].key == key {
			r.findings[i].findings, isNew = findings, false
		}
		all = append(all, bundleFindings(r.findings[i].findings)...)
	}
	if isNew {
		r.findings = append(r.findings, batchFindings{key, findings})
		all = append(all, bundleFindings(findings)...)
	}
	return r.Writer.WriteAnalysis(bundle.Report{Version: r.Version, MadeAt: time.Now().UTC(), Findings: all})
}

// bundleFindings are findings in the words of a bundle.
func bundleFindings(findings []tcpconnect.Finding) []bundle.Finding {
	converted := make([]bundle.Finding, len(findings))
	for i, finding := range findings {
		converted[i] = bundle.Finding{
			Title:    finding.Title,
			Message:  finding.Message,
			Severity: severities[finding.Verdict],
		}
	}
	return converted
}

// severities are the verdicts in the words of analysis.json.
var severities = map[tcpconnect.Verdict]bundle.Severity{
	tcpconnect.Fail: bundle.SeverityError,
	tcpconnect.Warn: bundle.SeverityWarn,
	tcpconnect.Pass: bundle.SeverityDebug,
}
