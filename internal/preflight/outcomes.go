// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Problem is what is wrong with one element of a list.
type Problem struct {
	Index int // of the element; -1: the problem is the list itself
	Text  string
}

const outcomesForm = "outcomes is a list of objects such as { fail = { when = \"connection-refused\", message = " +
	"\"...\" } }."

// DecodeOutcomes decodes the value of outcomes, which is not nil. Error messages call it label. Everything in it that
// is not an outcome is a problem. Unless isWhole is true, something is wrong or not known yet, and nothing may be
// judged by what is returned.
func DecodeOutcomes(label string, value any) (outcomes []tcpconnect.Outcome, problems []Problem, isWhole bool) {
	if value == (Unknown{}) {
		return nil, nil, false
	}
	elements, isList := value.([]any)
	switch _, isSet := value.(Set); {
	case isSet:
		return nil, []Problem{{-1, label + " is a set, which has no order, but the first outcome that matches " +
			"decides. Use a list."}}, false
	case !isList:
		return nil, []Problem{{-1, notAList(label, value)}}, false
	case len(elements) == 0:
		return nil, []Problem{{-1, label + " is empty, so nothing could ever pass. " + outcomesForm}}, false
	}
	for i, element := range elements {
		d := outcomeDecoder{label: fmt.Sprintf("%s[%d]", label, i)}
		if outcome, ok := d.decode(element); ok {
			outcomes = append(outcomes, outcome)
		}
		for _, text := range d.problems {
			problems = append(problems, Problem{i, text})
		}
	}
	return outcomes, problems, len(outcomes) == len(elements)
}

// notAList says what outcomes is, and how to make a list of it.
func notAList(label string, value any) string {
	object, isObject := value.(map[string]any)
	keys := slices.Sorted(maps.Keys(object))
	switch {
	case isObject && areIndexes(keys):
		return fmt.Sprintf("%s is an object with the keys %s: a typed binding, such as one of CDKTF, made it of a "+
			"list. Hand the list over past the binding (in CDKTF with addOverride(\"outcomes\", [...])). %s",
			label, suggest.List(keys), outcomesForm)
	case isObject:
		return label + " is an object. Put braces around each outcome and brackets around all of them: [{ fail = { " +
			"... } }, { pass = { ... } }]. " + outcomesForm
	default:
		return fmt.Sprintf("%s is %s. %s", label, kindOf(value), outcomesForm)
	}
}

// areIndexes reports whether the keys are those of a list that became a map.
func areIndexes(keys []string) bool {
	isIndex := func(key string) bool {
		_, err := strconv.ParseUint(key, 10, 0)
		return err == nil
	}
	return len(keys) > 0 && !slices.ContainsFunc(keys, func(key string) bool { return !isIndex(key) })
}

// outcomeDecoder decodes one element of outcomes.
type outcomeDecoder struct {
	label string // how error messages call the element
	problems
}

// decode returns the outcome, and whether it is whole: known and without a problem.
func (d *outcomeDecoder) decode(element any) (outcome tcpconnect.Outcome, ok bool) {
	if element == (Unknown{}) {
		return outcome, false
	}
	object, isObject := element.(map[string]any)
	if !isObject {
		d.addProblem("%s is %s, not an object. %s", d.label, kindOf(element), outcomesForm)
		return outcome, false
	}
	verdicts := tcpconnect.Verdicts()
	if !d.checkKeys(d.label, object, suggest.Words(verdicts), keyHint) {
		return outcome, false
	}
	var found []tcpconnect.Verdict
	isUnknown := false
	for _, verdict := range verdicts {
		switch inner := object[string(verdict)]; inner {
		case nil:
		case Unknown{}:
			isUnknown = true // may be null, and so absent
		default:
			found = append(found, verdict)
		}
	}
	if isUnknown && len(found) <= 1 {
		return outcome, false
	}
	verdict, err := tcpconnect.OneVerdict(found)
	if err != nil {
		d.addProblem("%s %s %s", d.label, err, outcomesForm)
		return outcome, false
	}
	return d.decodeVerdict(verdict, object[string(verdict)])
}

func (d *outcomeDecoder) decodeVerdict(verdict tcpconnect.Verdict, inner any) (outcome tcpconnect.Outcome, ok bool) {
	label := d.label + "." + string(verdict)
	fields, isObject := inner.(map[string]any)
	if !isObject {
		d.addProblem("%s is %s, not an object. %s", label, kindOf(inner), outcomesForm)
		return outcome, false
	}
	outcome.Verdict = verdict
	ok = d.checkKeys(label, fields, tcpconnect.OutcomeFields(), keyHint)
	for _, field := range []struct {
		key    string
		target *string
	}{{"message", &outcome.Message}, {"uri", &outcome.URI}, {"title", &outcome.Title}} {
		text, isWhole := d.text(label, field.key, fields)
		if strings.TrimSpace(text) != "" { // a blank text counts as absent: an error_message may not be empty
			*field.target = text
		}
		ok = ok && isWhole
	}
	isWhole := d.decodeWhen(label, &outcome, fields)
	return outcome, ok && isWhole
}

// decodeWhen sets the status of an outcome.
func (d *outcomeDecoder) decodeWhen(label string, outcome *tcpconnect.Outcome, fields map[string]any) bool {
	text, isWhole := d.text(label, "when", fields)
	if _, isPresent := fields["when"]; !isPresent || !isWhole {
		return isWhole
	}
	status, err := outcome.Verdict.ParseWhen(text)
	if err != nil {
		d.addProblem("%s.when: %s", label, err)
		return false
	}
	outcome.When = status
	return true
}

// keyHint says what to do about an unknown key, after a space, if there is something to say.
func keyHint(key string, known []string) string {
	switch {
	case key == "//":
		return commentHint
	case slices.Contains(tcpconnect.OutcomeFields(), key):
		return fmt.Sprintf(" Write %s inside the verdict: { fail = { %s = \"...\" } }.", key, key)
	default:
		return suggest.Question(key, known)
	}
}
