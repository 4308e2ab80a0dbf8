// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// specRun is what the arguments of a spec ask for.
type specRun struct {
	text           string
	spec           spec.Spec
	warnOfLeftOut  bool
	maxConcurrency int
	archive        string // empty: none
}

// specReport is what came of it.
type specReport struct {
	collectors []spec.Collector    // that were dialled
	results    []tcpconnect.Result // of them, in their order
	findings   []spec.Finding
	leftOut    []string // of which findings warn, at the end
	verdict    tcpconnect.Verdict
	message    string
	bundleDir  string // empty: nothing was written
}

var (
	errSecondSpec = errors.New("Another preflight_spec of this provider configuration writes into the same bundle, whose version.yaml and analysis.json tell of one spec. " +
		"Make one spec of both (spec = join(\"\\n---\\n\", [file(\"a.yaml\"), file(\"b.yaml\")])), or give each an alias of the provider with its own bundle_dir.")
	errArchiveWithoutBundle = errors.New("emit_bundle is false in the provider's configuration or environment, so no file is written, and no archive either. Leave archive out, or set emit_bundle = true.")
)

// runSpec dials, judges and records.
func (i *instance) runSpec(ctx context.Context, run specRun) (specReport, error) {
	report := specReport{collectors: run.spec.Included()}
	checks := make([]tcpconnect.Check, 0, len(report.collectors))
	for _, collector := range report.collectors {
		checks = append(checks, collector.Check(i.timeout))
	}
	if err := i.claimSpec(run, report.collectors, checks); err != nil {
		return report, err
	}
	i.sweeps.Lock()
	defer i.sweeps.Unlock()
	tflog.Debug(ctx, "dialling the addresses of a spec", map[string]any{"addresses": len(checks), "max_concurrency": run.maxConcurrency})
	var err error
	if report.results, err = i.collector.Sweep(ctx, checks, run.maxConcurrency); err != nil {
		return report, err
	}
	report.findings = run.spec.Analyze(report.results)
	if run.warnOfLeftOut {
		report.leftOut = run.spec.UnsupportedPaths()
		report.findings = append(report.findings, run.spec.LeftOut()...)
	}
	analyses := make([]tcpconnect.Analysis, 0, len(report.findings))
	for _, finding := range report.findings {
		analyses = append(analyses, finding.Whole())
	}
	report.verdict, report.message = tcpconnect.Summarize(analyses)
	tflog.Debug(ctx, "dialled the addresses of a spec", map[string]any{"outcome": string(report.verdict)})
	return report, i.writeSpec(run, &report)
}

// claimSpec reserves the files that the run will write.
func (i *instance) claimSpec(run specRun, collectors []spec.Collector, checks []tcpconnect.Check) error {
	if i.writer == nil {
		if run.archive != "" {
			return errArchiveWithoutBundle
		}
		return nil
	}
	if foreign, ok := errors.AsType[*bundle.ForeignFileError](i.writer.CheckForeign()); ok {
		return foreign // what else is wrong with the directory is told when it is written
	}
	i.mu.Lock()
	if i.spec != "" && i.spec != run.text {
		i.mu.Unlock()
		return errSecondSpec
	}
	i.spec = run.text
	i.mu.Unlock()
	if run.archive != "" {
		if err := i.archives.claim(run.archive); err != nil {
			return err
		}
	}
	for n, collector := range collectors {
		if err := i.claim(collector.Name, dialArguments{target: checks[n].Target, timeout: checks[n].Timeout}); err != nil {
			return err
		}
	}
	return nil
}

// writeSpec keeps the report in the bundle, and in the archive if there is to be one.
func (i *instance) writeSpec(run specRun, report *specReport) error {
	if i.writer == nil {
		return nil
	}
	content := bundle.Report{Version: i.version, MadeAt: time.Now().UTC()}
	for n, collector := range report.collectors {
		content.Results = append(content.Results, bundleResult(collector.Name, report.results[n]))
	}
	for _, finding := range report.findings {
		content.Findings = append(content.Findings, bundle.Finding{Title: finding.Title, Message: finding.Message, Severity: severities[finding.Verdict]})
	}
	if err := i.results.record(content.Results, func() error { return i.writer.WriteReport(content) }); err != nil {
		return err
	}
	report.bundleDir = i.bundleDir
	if run.archive == "" {
		return nil
	}
	if err := i.writer.WriteArchive(run.archive, content); err != nil {
		return archiveError{err}
	}
	i.archives.written(run.archive)
	return nil
}

// severities are the verdicts in the words of analysis.json.
var severities = map[tcpconnect.Verdict]bundle.Severity{
	tcpconnect.Fail: bundle.SeverityError,
	tcpconnect.Warn: bundle.SeverityWarn,
	tcpconnect.Pass: bundle.SeverityDebug,
}
