// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// Config is the configuration of a provider.
type Config struct {
	Version       string                // of the provider
	Collector     *tcpconnect.Collector // not nil if there are vantage points, which New adds to it
	VantagePoints VantagePoints
	Timeout       time.Duration // of a check that says nothing else
	BundleDir     string
	Writer        *bundle.Writer // nil: nothing is written
	Reports       []report.Kind  // none without a Writer
}

// Run is what one configured provider does. It may be used concurrently. New makes it.
type Run struct {
	Config

	claims   claims
	results  ownResults
	archives ownArchives
	reports  *reports
	began    time.Time

	points        vantage.Points
	pointsErr     error             // why there are none
	unknownPoints map[string]string // as in VantagePoints

	analysis sync.Mutex // guards what follows, and is held while the analysis is written
	findings []batchFindings
}

// batchFindings are the findings of a batch, for the analysis of the whole bundle.
type batchFindings struct {
	key      string
	findings []tcpconnect.Finding
}

// New begins a run.
func New(config Config) *Run {
	run := &Run{Config: config, reports: newReports(nil), began: time.Now().UTC()}
	if config.Writer != nil && len(config.Reports) > 0 {
		run.reports.write = run.writeReports
	}
	run.openVantagePoints()
	return run
}

// Check is a check whose result is kept under the name of a collector.
type Check struct {
	CollectorName string
	tcpconnect.Check
}

// Check makes a check, writes its result into the bundle, and judges it. It returns the path of the result file, which
// is empty if none is written. isGate says that a failure is an error. progress is called after each dial; it may be
// nil.
//
// The error is a *tcpconnect.VantagePointError if the vantage point can't be asked, and a *ClaimError if the result
// file belongs to another check. It wraps the cause of ctx if that ended. If it is a *ReportError, the rest was done,
// and is returned too. Other errors say why the result could not be written.
func (r *Run) Check(
	ctx context.Context, check Check, analyzer tcpconnect.Analyzer, isGate bool, progress func(tcpconnect.Attempt),
) (finding tcpconnect.Finding, file string, err error) {
	if err := r.ValidateVia(check); err != nil {
		return tcpconnect.Finding{}, "", err
	}
	if err := r.claim(check); err != nil {
		return tcpconnect.Finding{}, "", err
	}
	if err := r.rejectForeignReports(); err != nil {
		return tcpconnect.Finding{}, "", err
	}
	result, err := r.Collector.Collect(ctx, check.Check, progress)
	if err != nil {
		return tcpconnect.Finding{}, "", err
	}
	if file, err = r.write(check, result); err != nil {
		return tcpconnect.Finding{}, "", err
	}
	finding = analyzer.JudgeResult(&result)
	finding.CollectorName, finding.Address = check.CollectorName, check.Target.Address.String()
	return finding, file, r.recordCheck(check, analyzer, finding, isGate)
}

// rejectForeignReports returns an error if a report would replace somebody else's file.
func (r *Run) rejectForeignReports() error {
	if r.reports.write == nil {
		return nil
	}
	if foreign, ok := errors.AsType[*bundle.ForeignFileError](r.Writer.RejectForeign()); ok {
		return foreign // what else is wrong with the directory shows when it is written
	}
	return nil
}

// write writes a result, if results are written at all.
func (r *Run) write(check Check, result tcpconnect.Result) (file string, err error) {
	if r.Writer == nil {
		return "", nil
	}
	written := bundleResult(check, result)
	err = r.results.record([]bundle.CollectorResult{written}, func() (err error) {
		file, err = r.Writer.Write(written.Collector, written.Result)
		return err
	})
	return file, err
}

// bundleResult is a result in the words of a bundle.
func bundleResult(check Check, result tcpconnect.Result) bundle.CollectorResult {
	return bundle.CollectorResult{
		Collector: check.CollectorName,
		Result: bundle.Result{
			Status:  string(result.Status),
			Message: result.Message,
			Reason:  string(result.Reason),
		},
		CollectedAt: result.CollectedAt,
	}
}
