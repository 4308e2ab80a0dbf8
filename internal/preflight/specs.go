// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"strings"

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

// SpecBatch returns the batch of a spec: its collectors, judged by its analyzers.
func (r *Run) SpecBatch(text string, decoded spec.Spec, unsupported Unsupported, archive string) Batch {
	batch := Batch{
		Key:            strings.Join([]string{text, string(unsupported), archive}, "\x00"),
		MaxConcurrency: DefaultMaxConcurrency,
		Archive:        archive,
	}
	for _, collector := range decoded.Included() {
		batch.Checks = append(batch.Checks, Check{collector.Name, collector.Check(r.Timeout)})
	}
	batch.Judge = func(results []tcpconnect.Result) []tcpconnect.Finding {
		findings := decoded.Judge(results)
		if unsupported == UnsupportedWarn {
			findings = append(findings, decoded.WarnOfUnsupported()...)
		}
		return findings
	}
	return batch
}
