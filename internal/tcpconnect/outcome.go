// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

// Verdict is what an outcome says of a check.
type Verdict string

// The verdicts. Only Pass and Warn open a gate.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Verdicts returns all verdicts, the worst first, as outcomes are usually written.
func Verdicts() []Verdict {
	return []Verdict{Fail, Warn, Pass}
}

// Outcome is one line of an analyzer: the verdict on a status, and what to tell people then.
type Outcome struct {
	Verdict Verdict
	When    Status // empty: every status
	Title   string // empty: the analyzer's check name
	Message string // empty: "<title>: <status>"
	URI     string // where to read more, may be empty
}

func (o Outcome) matches(status Status) bool {
	if o.When != "" {
		return o.When == status
	}
	// A status that this version does not know may be read from a bundle of a later one. Nobody who wrote "pass" meant it.
	return status.Known() || o.Verdict != Pass
}
