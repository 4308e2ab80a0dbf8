// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"cmp"
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

// Check returns what a collector asks for. A collector without a timeout has the default.
func (c Collector) Check(defaultTimeout time.Duration) tcpconnect.Check {
	return tcpconnect.Check{
		Target:  tcpconnect.Target{Address: c.Address},
		Timeout: cmp.Or(c.Timeout, defaultTimeout),
	}
}

// AnalyzersByCollector returns the analyzers that are not excluded, by the name of the collector that they judge.
func (s Spec) AnalyzersByCollector() map[string][]Analyzer {
	analyzers := make(map[string][]Analyzer)
	for _, analyzer := range s.Analyzers {
		if !analyzer.Excluded {
			analyzers[analyzer.CollectorName] = append(analyzers[analyzer.CollectorName], analyzer)
		}
	}
	return analyzers
}

// Judge judges the results of the included collectors, which are given in their order. There is a finding for each
// analyzer that is not excluded, in order. It fails closed: if the collector is not in the spec, or is excluded, the
// verdict is Fail.
func (s Spec) Judge(results []tcpconnect.Result) []tcpconnect.Finding {
	return s.JudgeBy(func(analyzer Analyzer, collector int) []tcpconnect.Finding {
		return []tcpconnect.Finding{analyzer.JudgeResult(&results[collector])}
	})
}

// JudgeBy is Judge with a function that returns what an analyzer says of an included collector, which is given by its
// index.
func (s Spec) JudgeBy(judge func(analyzer Analyzer, collector int) []tcpconnect.Finding) []tcpconnect.Finding {
	indexes := make(map[string]int)
	included := s.Included()
	for i, collector := range included {
		indexes[collector.Name] = i
	}
	var findings []tcpconnect.Finding
	for _, analyzer := range s.Analyzers {
		if analyzer.Excluded {
			continue
		}
		var own []tcpconnect.Finding
		address := ""
		if i, ok := indexes[analyzer.CollectorName]; ok {
			own, address = judge(analyzer, i), included[i].Address.String()
		} else {
			own = []tcpconnect.Finding{s.judgeMissing(analyzer)}
		}
		for _, finding := range own {
			finding.CollectorName, finding.Address, finding.Strict = analyzer.CollectorName, address, analyzer.Strict
			findings = append(findings, finding)
		}
	}
	return findings
}

// judgeMissing says why an analyzer has no result to judge.
func (s Spec) judgeMissing(analyzer Analyzer) tcpconnect.Finding {
	var names []string
	for _, collector := range s.Collectors {
		if collector.Name == analyzer.CollectorName {
			return failed(analyzer, fmt.Sprintf("the collector %q (at %s) is excluded, so nothing is known and the "+
				"check "+
				"fails. Exclude the analyzer too.", collector.Name, collector.Position.unnamed()))
		}
		names = append(names, strconv.Quote(collector.Name))
	}
	has := "none"
	if len(names) > 0 {
		has = tcpconnect.JoinFirst(names, ", ")
	}
	return failed(analyzer, fmt.Sprintf("the spec has no collector named %q (the analyzer at %s), so nothing is known "+
		"and the check fails. It has %s.", analyzer.CollectorName, analyzer.Position.unnamed(), has))
}

func failed(analyzer Analyzer, why string) tcpconnect.Finding {
	title := analyzer.CheckName
	return tcpconnect.Finding{Verdict: tcpconnect.Fail, Title: title, Message: title + ": " + why}
}

// WarnOfUnsupported returns a warning for each part of the spec that is not run.
func (s Spec) WarnOfUnsupported() []tcpconnect.Finding {
	var findings []tcpconnect.Finding
	for _, part := range s.Unsupported {
		findings = append(findings, tcpconnect.Finding{
			Verdict: tcpconnect.Warn,
			Title:   part.Path,
			Message: fmt.Sprintf("%s: left out, because %s.", part.Path, part.Why),
		})
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
