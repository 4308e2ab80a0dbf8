// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Verdict is what a check is judged to be.
type Verdict string

// The verdicts. What depends on the check goes on with Pass and Warn only.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
)

// Verdicts returns all verdicts, the worst first, as outcomes are usually written.
func Verdicts() []Verdict {
	return []Verdict{Fail, Warn, Pass}
}

// Proceed reports whether what depends on the check may go on.
func (v Verdict) Proceed() bool {
	return v == Pass || v == Warn
}

// OutcomeFields returns the names of the fields of an outcome in a configuration.
func OutcomeFields() []string {
	return []string{"when", "message", "uri", "title"}
}

// Outcome is one line of an analyzer: the verdict for a status, and what people read then.
type Outcome struct {
	Verdict Verdict
	When    Status // empty: every status
	Title   string // empty: the analyzer's check name
	Message string // empty: "<title>: <status>"
	URI     string // where to read more, may be empty
}

func (o Outcome) matches(status Status, reason Reason) bool {
	if status == "" {
		return o.Verdict == Fail && o.When == "" // nothing is known
	}
	if o.Verdict == Pass && reason.SaysNothing() {
		return false
	}
	if o.When != "" {
		return o.When == status
	}
	// A bundle of a later version may contain a status that this version does not know. "pass" does not include it.
	return status.Known() || o.Verdict != Pass
}

// ParseWhen parses a "when" that is written, but may be null (empty). For Fail, an empty one means every status. For
// Pass and Warn it is an error: in a typed variable of a module, a misspelt "when" becomes null, and every status would
// pass. The error says what to write.
func (v Verdict) ParseWhen(text string) (Status, error) {
	if text != "" {
		return ParseStatus(text)
	}
	if v == Fail {
		return "", nil
	}
	return "", fmt.Errorf("null or empty would let every status through "+
		"(a typed variable makes a misspelt \"when\" null). "+
		"Use one of %s; for a %s on every status, leave the key out.", suggest.List(Statuses()), v)
}

// OneVerdict returns the verdict of an outcome in which these were found. If there is not exactly one, the error says
// so.
func OneVerdict(found []Verdict) (Verdict, error) {
	switch len(found) {
	case 0:
		return "", errors.New("has none of fail, warn and pass. An outcome holds exactly one of them.")
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("has %s. An outcome holds exactly one of fail, warn and pass; "+
			"write one element for each.", strings.Join(suggest.Words(found), " and "))
	}
}
