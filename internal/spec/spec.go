// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package spec reads Troubleshoot specs in YAML or JSON: the tcpConnect collectors and analyzers of SupportBundle and
// HostPreflight documents. Decode reads a text into a Spec, and Analyze judges the results of its collectors.
//
// The package is stricter than Troubleshoot, because a deployment depends on the answer. An unknown field is an error
// with its line, at every level that is read. So is a tcpConnect in a place where it is not run. Other collectors,
// analyzers and documents that Troubleshoot or Kubernetes knows are skipped and listed as unsupported.
package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Spec holds what all documents of a text ask for, in order.
type Spec struct {
	Collectors  []Collector
	Analyzers   []Analyzer // at least one of them is not excluded
	Unsupported []Part     // skipped
}

// Part is a part of a text that is not run.
type Part struct {
	Path string // such as "hostCollectors[3].cpu"
	Why  string // a clause
}

// Collector is a tcpConnect collector.
type Collector struct {
	// Name is not empty. It is not always a valid file name. The collectors that are not excluded have different names,
	// compared without case.
	Name     string
	Address  tcpconnect.Address
	Timeout  time.Duration // 0: none is given
	Excluded bool
	Position Position
}

// Analyzer is a tcpConnect analyzer.
type Analyzer struct {
	tcpconnect.Analyzer
	CollectorName string // not empty; the spec may have no such collector
	Excluded      bool
	Strict        bool
	Position      Position
}

// Position describes where something is in a text.
type Position struct {
	Line, Column int    // from 1; 0: not known
	Within       string // the part of the text that the line is counted in; empty: the whole text
	Entry        string // the name of the collector or check, for readers of a generated text; empty: none
}

// String returns, for example, "line 7, column 3 of data["a.yaml"] of the Secret at line 1 ("db")".
func (p Position) String() string {
	text := fmt.Sprintf("line %d, column %d", p.Line, p.Column)
	if p.Line == 0 {
		text = "the text"
	}
	if p.Within != "" {
		text += " of " + p.Within
	}
	if p.Entry != "" {
		text += fmt.Sprintf(" (%q)", p.Entry)
	}
	return text
}

// unnamed returns the position without Entry, for a message that has the name already.
func (p Position) unnamed() Position {
	p.Entry = ""
	return p
}

// Problem is one thing that is wrong with a text.
type Problem struct {
	Position Position
	Text     string // what is wrong and what to do, in whole sentences
}

// Error returns the position and the text.
func (p Problem) Error() string {
	if p.Position == (Position{}) {
		return p.Text
	}
	return fmt.Sprintf("%s: %s", p.Position, p.Text)
}

// Problems lists what is wrong with a text. It is not empty.
type Problems []Problem

// Error returns all problems, one on each line.
func (p Problems) Error() string {
	texts := make([]string, 0, len(p))
	for _, problem := range p {
		texts = append(texts, problem.Error())
	}
	return strings.Join(texts, "\n")
}

// recent are the decodings of this process.
var recent decodings

// Decode reads a spec: one or several documents, or a Secret or ConfigMap that wraps them. The error is of type
// Problems.
//
// Decode remembers the last few texts. All callers with the same text share the Spec and the Problems that it returns,
// so these must not be modified.
func Decode(text string) (Spec, error) {
	if len(text) > maxSize { // always an error, which does not justify the memory
		return decode(text)
	}
	return recent.decode(text, decode)
}

// decode is Decode for a text that has not been decoded yet.
func decode(text string) (Spec, error) {
	var d decoder
	d.decodeText(text)
	if d.count() == 0 {
		d.checkWhole()
	}
	if problems := d.all(); len(problems) > 0 {
		return Spec{}, problems
	}
	return d.spec, nil
}

// checkWhole checks what concerns all documents together.
func (d *decoder) checkWhole() {
	d.mergeCollectors()
	d.mergeAnalyzers()
	if slices.ContainsFunc(d.spec.Analyzers, func(analyzer Analyzer) bool { return !analyzer.Excluded }) {
		return
	}
	skipped := ""
	if len(d.spec.Unsupported) > 0 {
		parts := make([]string, 0, len(d.spec.Unsupported))
		for _, part := range d.spec.Unsupported {
			parts = append(parts, fmt.Sprintf("%s (%s)", part.Path, part.Why))
		}
		skipped = " These parts are skipped: " + tcpconnect.JoinFirst(parts, ", ") + "."
	}
	d.addProblem(Position{}, "The spec has nothing to judge: no tcpConnect analyzer is left. "+
		"It needs one that is not excluded, in %s.%s", analyzerPlaces, skipped)
}

// mergeCollectors removes collectors that are in the spec already. Collectors that have only the name in common are
// problems.
func (d *decoder) mergeCollectors() {
	first := make(map[string]Collector, len(d.spec.Collectors))
	d.spec.Collectors = slices.DeleteFunc(d.spec.Collectors, func(collector Collector) bool {
		key := strings.ToLower(collector.Name) // some file systems ignore case
		earlier, taken := first[key]
		switch {
		case collector.Excluded:
		case !taken:
			first[key] = collector
		case collector.same(earlier):
			return true
		default:
			d.addProblem(collector.Position, "The collector name %q is taken by the collector at %s, which differs: "+
				"one would overwrite the other's result. Set a different collectorName on each.",
				collector.Name, earlier.Position)
		}
		return false
	})
}

// same reports whether two collectors differ in nothing but the position.
func (c Collector) same(other Collector) bool {
	c.Position = other.Position
	return c == other
}

// mergeAnalyzers removes analyzers that are in the spec already.
func (d *decoder) mergeAnalyzers() {
	type key struct {
		collectorName, checkName string
		excluded, strict         bool
	}
	earlier := make(map[key][][]tcpconnect.Outcome, len(d.spec.Analyzers))
	d.spec.Analyzers = slices.DeleteFunc(d.spec.Analyzers, func(analyzer Analyzer) bool {
		key := key{analyzer.CollectorName, analyzer.CheckName, analyzer.Excluded, analyzer.Strict}
		if slices.ContainsFunc(earlier[key], func(outcomes []tcpconnect.Outcome) bool {
			return slices.Equal(outcomes, analyzer.Outcomes)
		}) {
			return true
		}
		earlier[key] = append(earlier[key], analyzer.Outcomes)
		return false
	})
}
