// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

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

// Proceed tells whether the gate is open.
func (v Verdict) Proceed() bool {
	return v == Pass || v == Warn
}

// OutcomeFields returns the names of what a verdict holds where outcomes are written.
func OutcomeFields() []string {
	return []string{"when", "message", "uri", "title"}
}

// Outcome is one line of an analyzer: the verdict on a status, and what to tell people then.
type Outcome struct {
	Verdict Verdict
	When    Status // empty: every status
	Title   string // empty: the analyzer's check name
	Message string // empty: "<title>: <status>"
	URI     string // where to read more, may be empty
}

func (o Outcome) matches(status Status, reason Reason) bool {
	if o.Verdict == Pass && reason.SaysNothing() {
		return false
	}
	if o.When != "" {
		return o.When == status
	}
	// A status that this version does not know may be read from a bundle of a later one. Nobody who wrote "pass" meant it.
	return status.Known() || o.Verdict != Pass
}

// ParseWhen returns the status that a "when" names, which is written and may be null (empty). A fail takes an empty one for every
// status. A pass or warn does not: a misspelt "when" becomes null in a value of a module's typed variable, and the gate would stand
// open. The error tells what to write.
func (v Verdict) ParseWhen(text string) (Status, error) {
	if text != "" {
		return ParseStatus(text)
	}
	if v == Fail {
		return "", nil
	}
	return "", fmt.Errorf("null or empty would let every status through (a typed variable makes a misspelt \"when\" null). "+
		"Use one of %s; for a %s on every status, leave the key out.", suggest.List(Statuses()), v)
}

// OneVerdict returns the verdict of an outcome that holds those found. The error says that it must be exactly one.
func OneVerdict(found []Verdict) (Verdict, error) {
	switch len(found) {
	case 0:
		return "", errors.New("has none of fail, warn and pass. An outcome holds exactly one of them.")
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("has %s. An outcome holds exactly one of fail, warn and pass; write one element for each.", joinWords(found, " and "))
	}
}

func joinWords[S ~string](words []S, separator string) string {
	texts := make([]string, 0, len(words))
	for _, word := range words {
		texts = append(texts, string(word))
	}
	return strings.Join(texts, separator)
}
