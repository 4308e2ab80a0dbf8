// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"fmt"
	"strconv"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Included returns the collectors that are not excluded, in order.
func (s Spec) Included() []Collector {
	var included []Collector
	for _, collector := range s.Collectors {
		if !collector.Excluded {
			included = append(included, collector)
		}
	}
	return included
}

// Check returns the dial that a collector asks for. A collector without a timeout has the default.
func (c Collector) Check(defaultTimeout time.Duration) tcpconnect.Check {
	check := tcpconnect.Check{Target: tcpconnect.Target{Address: c.Address}, Timeout: c.Timeout}
	if check.Timeout == 0 {
		check.Timeout = defaultTimeout
	}
	return check
}

// Finding is what an analyzer says of its collector's result.
type Finding struct {
	tcpconnect.Analysis
	CollectorName string             // empty: of no collector
	Address       string             // empty: there is no such collector
	Result        *tcpconnect.Result // nil: the collector did not run
	Strict        bool
}

// Whole is the analysis with what people need to know of a check that did not pass, where its message stands alone.
func (f Finding) Whole() tcpconnect.Analysis {
	whole := f.Analysis
	if f.Result != nil && f.Verdict != tcpconnect.Pass {
		said := string(f.Result.Status)
		if f.Result.Status == tcpconnect.Error {
			said += ", " + string(f.Result.Reason)
		}
		whole.Message += fmt.Sprintf(" (%s: %s)", f.Address, said)
	}
	if f.URI != "" && f.Verdict != tcpconnect.Pass {
		whole.Message += " More: " + f.URI
	}
	return whole
}

// Analyze judges the results of the included collectors, which are given in their order. There is a finding for each
// analyzer that is not excluded, in order. It fails closed: if the collector is not in the spec, or is excluded, the
// verdict is Fail.
func (s Spec) Analyze(results []tcpconnect.Result) []Finding {
	collectors := make(map[string]Finding)
	for i, collector := range s.Included() {
		collectors[collector.Name] = Finding{
			CollectorName: collector.Name,
			Address:       collector.Address.String(),
			Result:        &results[i],
		}
	}
	var findings []Finding
	for _, analyzer := range s.Analyzers {
		if analyzer.Excluded {
			continue
		}
		finding, ok := collectors[analyzer.CollectorName]
		if ok {
			finding.Analysis = analyzer.Analyze(finding.Result.Status, finding.Result.Reason)
		} else {
			finding = Finding{Analysis: s.missing(analyzer), CollectorName: analyzer.CollectorName}
		}
		finding.Strict = analyzer.Strict
		findings = append(findings, finding)
	}
	return findings
}

// missing says why an analyzer has nothing to judge.
func (s Spec) missing(analyzer Analyzer) tcpconnect.Analysis {
	var names []string
	for _, collector := range s.Collectors {
		if collector.Name == analyzer.CollectorName {
			return nothingKnown(analyzer, fmt.Sprintf("the collector %q (at %s) is excluded, so nothing is known and the check "+
				"fails. Exclude the analyzer too.", collector.Name, collector.Position.unnamed()))
		}
		names = append(names, strconv.Quote(collector.Name))
	}
	has := "none"
	if len(names) > 0 {
		has = tcpconnect.JoinFirst(names, ", ")
	}
	return nothingKnown(analyzer, fmt.Sprintf("the spec has no collector named %q (the analyzer at %s), so nothing is known "+
		"and the check fails. It has %s.", analyzer.CollectorName, analyzer.Position.unnamed(), has))
}

func nothingKnown(analyzer Analyzer, why string) tcpconnect.Analysis {
	title := analyzer.CheckName
	return tcpconnect.Analysis{Verdict: tcpconnect.Fail, Title: title, Message: title + ": " + why}
}

// LeftOut returns a warning for each part of the spec that is not run.
func (s Spec) LeftOut() []Finding {
	var findings []Finding
	for _, part := range s.Unsupported {
		findings = append(findings, Finding{Analysis: tcpconnect.Analysis{
			Verdict: tcpconnect.Warn,
			Title:   part.Path,
			Message: fmt.Sprintf("%s: left out, because %s.", part.Path, part.Why),
		}})
	}
	return findings
}

// UnsupportedPaths returns the parts of the spec that are not run, such as "hostCollectors[3].cpu".
func (s Spec) UnsupportedPaths() []string {
	paths := make([]string, 0, len(s.Unsupported))
	for _, part := range s.Unsupported {
		paths = append(paths, part.Path)
	}
	return paths
}
