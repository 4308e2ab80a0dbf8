// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Unsupported is what to do with those parts of a spec that are not run.
type Unsupported string

// The choices.
const (
	UnsupportedError Unsupported = "error" // they are an error
	UnsupportedWarn  Unsupported = "warn"  // each is a warning among the findings
	UnsupportedSkip  Unsupported = "skip"  // they are only listed
)

// UnsupportedChoices returns all choices, the default first.
func UnsupportedChoices() []Unsupported {
	return []Unsupported{UnsupportedError, UnsupportedWarn, UnsupportedSkip}
}

// ParseUnsupported returns the choice that text names.
func ParseUnsupported(text string) (Unsupported, error) {
	return suggest.Choose(text, "is not a way to go on", UnsupportedChoices())
}

// DecodeSpec decodes a spec whose results can all be kept in a bundle. The error is of type spec.Problems.
func DecodeSpec(text string) (spec.Spec, error) {
	decoded, err := spec.Decode(text)
	if err != nil {
		return decoded, err
	}
	var problems spec.Problems
	for _, collector := range decoded.Included() {
		if err := bundle.ValidateCollectorName(collector.Name); err != nil {
			problems = append(problems, spec.Problem{Position: collector.Position, Text: err.Error()})
		}
	}
	if len(problems) > 0 {
		return spec.Spec{}, problems
	}
	return decoded, nil
}

// SpecOptions say how a spec is run.
type SpecOptions struct {
	Unsupported Unsupported
	Archive     string            // empty: none
	Timeout     time.Duration     // of a collector that has none; 0: the run's. With Retry the time in all, and not 0
	Retry       *tcpconnect.Retry // of every collector; nil: one dial
	Via         string            // vantage point of every collector; empty: this machine
	Strict      bool              // every analyzer is strict
	IsGate      bool              // any failure is an error
	Bundle      string            // for JudgeBundle
	Terms       Terms             // for JudgeBundle
}

// SpecBatch returns the batch of a spec: its collectors, judged by its analyzers.
func (r *Run) SpecBatch(text string, decoded spec.Spec, options SpecOptions) Batch {
	batch := Batch{
		Title: "Spec",
		Key: strings.Join([]string{
			text, string(options.Unsupported), options.Archive, options.Timeout.String(), fmt.Sprint(options.Retry),
			options.Via, strconv.FormatBool(options.Strict),
		}, "\x00"),
		MaxConcurrency: DefaultMaxConcurrency,
		Archive:        options.Archive,
	}
	analyzers := decoded.AnalyzersByCollector()
	for _, collector := range decoded.Included() {
		check := Check{collector.Name, collector.Check(cmp.Or(options.Timeout, r.Timeout))}
		check.Target.Via = options.Via
		if options.Retry != nil {
			check.Retry = retryOf(*options.Retry, collector.Timeout, passesOf(analyzers[collector.Name]))
			check.Timeout = options.Timeout
		}
		batch.Checks = append(batch.Checks, check)
		batch.Optional = append(batch.Optional, !slices.ContainsFunc(analyzers[collector.Name], spec.Analyzer.CanFail))
	}
	batch.LeftOut = leftOut(decoded, options.Unsupported)
	batch.Judge = func(results []tcpconnect.Result) []tcpconnect.Finding {
		return options.complete(decoded.Judge(results), decoded)
	}
	return batch
}

// leftOut returns what is excluded in a spec, and what is not run and no warning either.
func leftOut(decoded spec.Spec, unsupported Unsupported) (parts []LeftOut) {
	for _, analyzer := range decoded.Analyzers {
		if analyzer.Excluded {
			parts = append(parts, LeftOut{analyzer.CheckName, "excluded in the spec"})
		}
	}
	if unsupported == UnsupportedSkip {
		for _, part := range decoded.Unsupported {
			parts = append(parts, LeftOut{part.Path, part.Why})
		}
	}
	return parts
}

// complete returns the findings of a spec by the options.
func (o SpecOptions) complete(findings []tcpconnect.Finding, decoded spec.Spec) []tcpconnect.Finding {
	for i := range findings {
		findings[i].Strict = findings[i].Strict || o.Strict
	}
	if o.Unsupported == UnsupportedWarn {
		findings = append(findings, decoded.WarnOfUnsupported()...)
	}
	return findings
}

// JudgeBundle judges what options.Bundle holds of the collectors of a spec by its analyzers, on each node. It dials
// nothing, and writes nothing but the reports. The result of a check is that of its worst node. If the error is a
// *ReportError, the rest was done; otherwise it says why a collector has no usable result.
func (r *Run) JudgeBundle(
	ctx context.Context, decoded spec.Spec, options SpecOptions,
) (done BatchResult, err error) {
	included := decoded.Included()
	names := make([]string, len(included))
	for i, collector := range included {
		names[i] = collector.Name
		done.Checks = append(done.Checks, Check{collector.Name, collector.Check(r.Timeout)})
	}
	results, err := r.ReadAllResults(ctx, options.Bundle, names, options.Terms)
	if err != nil {
		return BatchResult{}, err
	}
	judged := make([][]NodeFinding, len(included))
	findings := decoded.JudgeBy(func(analyzer spec.Analyzer, i int) (findings []tcpconnect.Finding) {
		own := JudgeNodes(analyzer.Analyzer, results[names[i]], options.Terms)
		for _, finding := range own {
			findings = append(findings, finding.plain())
		}
		judged[i] = append(judged[i], own...)
		return findings
	})
	for i, name := range names {
		if len(judged[i]) == 0 { // no analyzer judges it
			judged[i] = JudgeNodes(whetherConnected, results[name], options.Terms)
		}
		present := slices.DeleteFunc(judged[i], func(finding NodeFinding) bool { return finding.Missing })
		worst, _ := Worst(present)
		done.Results = append(done.Results, *present[worst].plain().Result)
	}
	done.judged(options.complete(findings, decoded))
	rows := batchRows(done, leftOut(decoded, options.Unsupported))
	group := groupName{"Spec in " + options.Bundle, r.reports.uniqueKey()} // another spec may judge the bundle too
	return done, r.recordRows(group, "", rows, done.closes(options.IsGate), done.Message)
}

// whetherConnected fails unless the status is connected.
var whetherConnected = tcpconnect.Analyzer{
	CheckName: tcpconnect.DefaultCheckName,
	Outcomes:  []tcpconnect.Outcome{{Verdict: tcpconnect.Pass, When: tcpconnect.Connected}},
}

// passesOf returns the statuses that all of the analyzers pass.
func passesOf(analyzers []spec.Analyzer) (passes []tcpconnect.Status) {
	for i, analyzer := range analyzers {
		if i == 0 {
			passes = analyzer.Passes()
		}
		passes = slices.DeleteFunc(passes, func(status tcpconnect.Status) bool {
			return !slices.Contains(analyzer.Passes(), status)
		})
	}
	return passes
}

// ValidateSpecRetry returns what is wrong with a retry of a spec: an analyzer would pass although its collector is not
// ready, or none could be ready. Arguments that are not known are zero.
func ValidateSpecRetry(decoded spec.Spec, retry tcpconnect.Retry, timeout time.Duration) (problems spec.Problems) {
	analyzers := decoded.AnalyzersByCollector()
	for _, collector := range decoded.Included() {
		if timeout > 0 && collector.Timeout > timeout {
			problems = append(problems, spec.Problem{Position: collector.Position, Text: fmt.Sprintf("The timeout of "+
				"the collector is %s, more than the argument timeout, %s. With retry, it limits one dial, and the "+
				"argument is the time in all. Lower it or raise the argument.", collector.Timeout, timeout)})
		}
		own := analyzers[collector.Name]
		for _, analyzer := range own {
			for _, contradiction := range retry.For(passesOf(own)).Contradictions(timeout, analyzer.Passes()) {
				if contradiction.Argument == "until" && (len(retry.Until) > 0 || len(own) == 1) {
					problems = append(problems, spec.Problem{Position: analyzer.Position, Text: contradiction.Text})
				}
			}
		}
	}
	return problems
}
