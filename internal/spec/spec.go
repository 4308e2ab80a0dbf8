// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package spec reads Troubleshoot specs, YAML or JSON: the tcpConnect collectors and analyzers of SupportBundle and HostPreflight
// documents.
//
// It is strict where Troubleshoot is not, because a gate hangs on it: a field that does not exist is an error with its line at every
// level that is read. What Troubleshoot knows and this package does not run is listed as unsupported.
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
	Unsupported []string   // positions such as "hostCollectors[3].cpu"
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

// Error tells of all.
func (p Problems) Error() string {
	texts := make([]string, 0, len(p))
	for _, problem := range p {
		texts = append(texts, problem.Error())
	}
	return strings.Join(texts, "\n")
}

// Decode reads a spec: one or several documents, or a Secret or ConfigMap that wraps them. The error is of type Problems.
func Decode(text string) (Spec, error) {
	var d decoder
	documents := d.documents(source{text: text})
	for i, document := range documents {
		prefix := ""
		if len(documents) > 1 {
			prefix = fmt.Sprintf("documents[%d].", i)
		}
		d.decodeDocument(document, prefix)
	}
	if len(d.problems) == 0 {
		d.checkWhole()
	}
	d.findTemplate(text)
	if d.more > 0 {
		d.problems = append(d.problems, Problem{Text: fmt.Sprintf("There are %d more problems.", d.more)})
	}
	if len(d.problems) > 0 {
		return Spec{}, Problems(d.problems)
	}
	return d.spec, nil
}

// checkWhole checks what concerns all documents together.
func (d *decoder) checkWhole() {
	first := make(map[string]Collector)
	for _, collector := range d.spec.Collectors {
		if collector.Excluded {
			continue
		}
		key := strings.ToLower(collector.Name) // some file systems take no notice of case
		if earlier, taken := first[key]; taken {
			d.addProblem(collector.Position, "The collector name %q is taken by the collector at %s: one would overwrite the other's result. "+
				"Set a different collectorName on each.", collector.Name, earlier.Position)
			continue
		}
		first[key] = collector
	}
	for _, analyzer := range d.spec.Analyzers {
		if !analyzer.Excluded {
			return
		}
	}
	leftOut := ""
	if len(d.spec.Unsupported) > 0 {
		leftOut = " What it has is not run by this provider: " + strings.Join(d.spec.Unsupported, ", ") + "."
	}
	d.addProblem(Position{}, "The spec has nothing to judge: no tcpConnect analyzer is left. "+
		"It needs one in hostAnalyzers of a SupportBundle, or in analyzers of a HostPreflight, that is not excluded.%s", leftOut)
}

// findTemplate puts a template expression before the problems that it is likely the cause of, and in the place of one of syntax.
func (d *decoder) findTemplate(text string) {
	if len(d.problems) == 0 || slices.ContainsFunc(d.problems, func(problem Problem) bool { return strings.Contains(problem.Text, templateText) }) {
		return
	}
	line := 0
	for content := range strings.Lines(text) {
		line++
		if column := strings.Index(content, "{{"); column >= 0 && !strings.HasPrefix(strings.TrimSpace(content), "#") {
			problem := Problem{Position{Line: line, Column: column + 1}, templateText}
			d.problems = slices.DeleteFunc(d.problems, func(problem Problem) bool { return strings.HasPrefix(problem.Text, invalidYAML) })
			d.problems = slices.Insert(d.problems, 0, problem)
			return
		}
	}
}

const templateText = "The spec holds a template expression (\"{{\"). Render it first, for example with helm template or kots, and give the result."
