// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package spec reads Troubleshoot specs, YAML or JSON: the tcpConnect collectors and analyzers of SupportBundle and HostPreflight
// documents.
//
// It is strict where Troubleshoot is not, because a gate hangs on it: a field that does not exist is an error with its
// line at every level that is read, and so is a tcpConnect in a place from which it is not run. What Troubleshoot or
// Kubernetes knows and this package does not run is listed as unsupported.
package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Spec is what a text asks for. Of several documents it holds all, in order.
type Spec struct {
	Collectors  []Collector
	Analyzers   []Analyzer // at least one that is not excluded
	Unsupported []Part
}

// Part is a part of a text that is not run.
type Part struct {
	Path string // such as "hostCollectors[3].cpu"
	Why  string // a clause
}

// Collector is a tcpConnect collector.
type Collector struct {
	Name     string // not empty; may not be able to name a file. Of those not excluded no two are equal, compared without case
	Address  tcpconnect.Address
	Timeout  time.Duration // 0: none is given
	Excluded bool
	Position Position
}

// Analyzer is a tcpConnect analyzer.
type Analyzer struct {
	tcpconnect.Analyzer
	CollectorName string // not empty; perhaps of no collector
	Excluded      bool
	Strict        bool
	Position      Position
}

// Position is where something stands in a text.
type Position struct {
	Line, Column int    // from 1; 0: not known
	Within       string // what part of the text they count from; empty: the whole
	Entry        string // the name of the collector or check that it belongs to; empty: none. Of a generated text it tells more than a line
}

// String is "line 7, column 3", and of what.
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

// unnamed is the position without the name, for a text that says it anyway.
func (p Position) unnamed() Position {
	p.Entry = ""
	return p
}

// Problem is one thing that is wrong with a text.
type Problem struct {
	Position Position
	Text     string // whole sentences: what is wrong, and what to do
}

// Error says where and what.
func (p Problem) Error() string {
	if p.Position == (Position{}) {
		return p.Text
	}
	return fmt.Sprintf("%s: %s", p.Position, p.Text)
}

// Problems is everything that is wrong with a text, at least one thing.
type Problems []Problem

// Error lists all of them.
func (p Problems) Error() string {
	texts := make([]string, 0, len(p))
	for _, problem := range p {
		texts = append(texts, problem.Error())
	}
	return strings.Join(texts, "\n")
}

// recent are the decodings of this process.
var recent decodings

// Decode reads a spec: one or several documents, or a Secret or ConfigMap that wraps them. The error is of type Problems.
//
// Decode remembers the last few texts. All callers with the same text share the Spec and the Problems that it returns,
// so these must not be modified.
func Decode(text string) (Spec, error) {
	if len(text) > maxSize { // it is an error, and not worth the memory
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
	leftOut := ""
	if len(d.spec.Unsupported) > 0 {
		parts := make([]string, 0, len(d.spec.Unsupported))
		for _, part := range d.spec.Unsupported {
			parts = append(parts, fmt.Sprintf("%s (%s)", part.Path, part.Why))
		}
		leftOut = " What it has is left out: " + tcpconnect.JoinFirst(parts, ", ") + "."
	}
	d.addProblem(Position{}, "The spec has nothing to judge: no tcpConnect analyzer is left. "+
		"It needs one that is not excluded, in %s.%s", analyzerPlaces, leftOut)
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
			d.addProblem(collector.Position, "The collector name %q is taken by the collector at %s, which differs: one would "+
				"overwrite the other's result. Set a different collectorName on each.", collector.Name, earlier.Position)
		}
		return false
	})
}

// same reports whether two collectors do the same and write the same file.
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
