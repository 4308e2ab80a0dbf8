// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const invalidOutcomes = "Invalid Outcomes"

const outcomesForm = "outcomes is a list of objects such as { fail = { when = \"connection-refused\", message = \"...\" } }."

// outcomesValidator validates whatever is known of the outcomes.
type outcomesValidator struct{}

func (outcomesValidator) ValidateDynamic(_ context.Context, req validator.DynamicRequest, resp *validator.DynamicResponse) {
	if req.ConfigValue.IsNull() {
		return
	}
	if outcomes, whole := decodeOutcomes(req.ConfigValue, &resp.Diagnostics); whole {
		warnOfUnreachable(outcomes, &resp.Diagnostics)
		warnOfOpenGate(outcomes, &resp.Diagnostics)
	}
}

// warnOfOpenGate warns of outcomes that let everything through.
func warnOfOpenGate(outcomes []tcpconnect.Outcome, diags *diag.Diagnostics) {
	if passes := (tcpconnect.Analyzer{Outcomes: outcomes}).Passes(); len(passes) == len(tcpconnect.Statuses()) {
		diags.AddAttributeWarning(path.Root("outcomes"), "Outcomes Let Everything Through",
			"Every status passes, so the check can hardly fail. Write when in each pass, for example { pass = { when = \"connected\" } }, or use warn to proceed with a warning.")
	}
}

// warnOfUnreachable tells of outcomes that never decide.
func warnOfUnreachable(outcomes []tcpconnect.Outcome, diags *diag.Diagnostics) {
	for i, earlier := range (tcpconnect.Analyzer{Outcomes: outcomes}).Unreachable() {
		diags.AddAttributeWarning(path.Root("outcomes").AtListIndex(i), neverReached, neverReachedText("", i, earlier))
	}
}

const neverReached = "Outcome Never Reached"

func neverReachedText(of string, index, earlier int) string {
	return fmt.Sprintf("%soutcomes[%d] never decides, because outcomes[%d] comes first and matches the same. The first outcome that matches decides: put special ones before general ones.", of, index, earlier)
}

func (outcomesValidator) Description(context.Context) string {
	return "must be a list of outcomes"
}

func (c outcomesValidator) MarkdownDescription(ctx context.Context) string {
	return c.Description(ctx)
}

// decodeOutcomes turns the dynamic value of outcomes into what an analyzer takes, and adds an error for everything in it that is
// not an outcome. Unless whole is true, something was wrong or is not known yet, and nothing may be judged by what is returned.
func decodeOutcomes(value attr.Value, diags *diag.Diagnostics) (outcomes []tcpconnect.Outcome, whole bool) {
	at := path.Root("outcomes")
	value = concrete(value)
	if value.IsUnknown() {
		return nil, false
	}
	elements, isList := elementsOf(value)
	switch {
	case isSet(value):
		diags.AddAttributeError(at, invalidOutcomes, "outcomes is a set, which has no order, but the first outcome that matches decides. Use a list.")
		return nil, false
	case !isList:
		diags.AddAttributeError(at, invalidOutcomes, notAList(value))
		return nil, false
	case len(elements) == 0:
		diags.AddAttributeError(at, invalidOutcomes, "outcomes is empty, so nothing could ever pass. "+outcomesForm)
		return nil, false
	}
	for index, element := range elements {
		decoder := outcomeDecoder{label: fmt.Sprintf("outcomes[%d]", index), path: at.AtListIndex(index), diags: diags}
		if outcome, ok := decoder.decode(element); ok {
			outcomes = append(outcomes, outcome)
		}
	}
	return outcomes, len(outcomes) == len(elements)
}

// notAList says what outcomes is, and how to make a list of it.
func notAList(value attr.Value) string {
	attributes, isObject := attributesOf(value)
	keys := slices.Sorted(maps.Keys(attributes))
	switch {
	case isObject && areIndexes(keys):
		return fmt.Sprintf("outcomes is an object with the keys %s: a typed binding, such as one of CDKTF, made it of a list. Hand the list over past the binding "+
			"(in CDKTF with addOverride(\"outcomes\", [...])). %s", quotedList(keys), outcomesForm)
	case isObject:
		return "outcomes is an object. Put braces around each outcome and brackets around all of them: [{ fail = { ... } }, { pass = { ... } }]. " + outcomesForm
	default:
		return fmt.Sprintf("outcomes is %s. %s", kindOf(value), outcomesForm)
	}
}

// areIndexes reports whether the keys are those of a list that became a map.
func areIndexes(keys []string) bool {
	for _, key := range keys {
		if _, err := strconv.ParseUint(key, 10, 0); err != nil {
			return false
		}
	}
	return len(keys) > 0
}

// outcomeDecoder decodes one element of outcomes.
type outcomeDecoder struct {
	label string // how error messages call the element
	path  path.Path
	diags *diag.Diagnostics
}

func (d outcomeDecoder) addError(format string, arguments ...any) {
	d.diags.AddAttributeError(d.path, invalidOutcomes, fmt.Sprintf(format, arguments...))
}

// decode returns the outcome, and whether it is whole: known and without an error.
func (d outcomeDecoder) decode(element attr.Value) (outcome tcpconnect.Outcome, ok bool) {
	element = concrete(element)
	if element.IsUnknown() {
		return outcome, false
	}
	attributes, isObject := attributesOf(element)
	if !isObject {
		d.addError("%s is %s, not an object. %s", d.label, kindOf(element), outcomesForm)
		return outcome, false
	}
	verdicts := tcpconnect.Verdicts()
	if !d.checkKeys(d.label, attributes, verdictKeys(verdicts)) {
		return outcome, false
	}
	var found []tcpconnect.Verdict
	unknown := false
	for _, verdict := range verdicts {
		inner := attributes[string(verdict)]
		switch {
		case inner == nil || concrete(inner).IsNull():
		case concrete(inner).IsUnknown():
			unknown = true // may be null, and so absent
		default:
			found = append(found, verdict)
		}
	}
	if unknown && len(found) <= 1 {
		return outcome, false
	}
	verdict, err := tcpconnect.OneVerdict(found)
	if err != nil {
		d.addError("%s %s %s", d.label, err, outcomesForm)
		return outcome, false
	}
	return d.decodeVerdict(verdict, attributes[string(verdict)])
}

func (d outcomeDecoder) decodeVerdict(verdict tcpconnect.Verdict, inner attr.Value) (outcome tcpconnect.Outcome, ok bool) {
	label := d.label + "." + string(verdict)
	attributes, isObject := attributesOf(concrete(inner))
	if !isObject {
		d.addError("%s is %s, not an object. %s", label, kindOf(concrete(inner)), outcomesForm)
		return outcome, false
	}
	outcome.Verdict = verdict
	ok = d.checkKeys(label, attributes, tcpconnect.OutcomeFields())
	for _, field := range []struct {
		key    string
		target *string
	}{{"message", &outcome.Message}, {"uri", &outcome.URI}, {"title", &outcome.Title}} {
		text, known, valid := d.text(label, field.key, attributes)
		// Blank texts count as absent: an error_message may not be empty.
		if strings.TrimSpace(text) != "" {
			*field.target = text
		}
		ok = ok && known && valid
	}
	return outcome, d.decodeWhen(label, &outcome, attributes) && ok
}

// decodeWhen sets the status of an outcome.
func (d outcomeDecoder) decodeWhen(label string, outcome *tcpconnect.Outcome, attributes map[string]attr.Value) bool {
	text, known, valid := d.text(label, "when", attributes)
	if !known || !valid {
		return false
	}
	if _, present := attributes["when"]; !present {
		return true
	}
	status, err := outcome.Verdict.ParseWhen(text)
	if err != nil {
		d.addError("%s.when: %s", label, err)
		return false
	}
	outcome.When = status
	return true
}

// text returns a string inside a verdict, empty if it is null or absent.
func (d outcomeDecoder) text(label, key string, attributes map[string]attr.Value) (text string, known, valid bool) {
	value, present := attributes[key]
	if !present {
		return "", true, true
	}
	value = concrete(value)
	switch text, isString := value.(types.String); {
	case value.IsUnknown():
		return "", false, true
	case value.IsNull():
		return "", true, true
	case !isString:
		d.addError("%s.%s is %s, not a string.", label, key, kindOf(value))
		return "", true, false
	default:
		if err := tcpconnect.ValidateText(text.ValueString()); err != nil {
			d.addError("%s.%s: %s", label, key, err)
			return "", true, false
		}
		return text.ValueString(), true, true
	}
}

// checkKeys adds an error for every key that is not known.
func (d outcomeDecoder) checkKeys(label string, attributes map[string]attr.Value, known []string) bool {
	ok := true
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if !slices.Contains(known, key) {
			d.addError("%s has the key %q, which does not exist. The keys are %s.%s", label, key, plainList(known), keyQuestion(key, known))
			ok = false
		}
	}
	return ok
}

// keyQuestion says what to do about an unknown key, after a space, if there is something to say.
func keyQuestion(key string, known []string) string {
	isField := slices.Contains(tcpconnect.OutcomeFields(), key)
	switch {
	case key == "//":
		return " It is a comment of JSON configuration only beside arguments, and part of the value here: comments have no place in outcomes, so remove it."
	case isField:
		return fmt.Sprintf(" Write %s inside the verdict: { fail = { %s = \"...\" } }.", key, key)
	default:
		return suggest.Question(key, known)
	}
}

func verdictKeys(verdicts []tcpconnect.Verdict) []string {
	keys := make([]string, 0, len(verdicts))
	for _, verdict := range verdicts {
		keys = append(keys, string(verdict))
	}
	return keys
}

// concrete returns the value inside dynamic ones.
func concrete(value attr.Value) attr.Value {
	for {
		dynamic, ok := value.(types.Dynamic)
		if !ok || dynamic.IsNull() || dynamic.IsUnknown() {
			return value
		}
		value = dynamic.UnderlyingValue()
	}
}

func isSet(value attr.Value) bool {
	_, ok := value.(types.Set)
	return ok
}

func elementsOf(value attr.Value) ([]attr.Value, bool) {
	switch value := value.(type) {
	case types.List:
		return value.Elements(), !value.IsNull()
	case types.Tuple:
		return value.Elements(), !value.IsNull()
	default:
		return nil, false
	}
}

func attributesOf(value attr.Value) (map[string]attr.Value, bool) {
	switch value := value.(type) {
	case types.Object:
		return value.Attributes(), !value.IsNull()
	case types.Map:
		return value.Elements(), !value.IsNull()
	default:
		return nil, false
	}
}

// kindOf names the kind of a value as Terraform's documentation does.
func kindOf(value attr.Value) string {
	if value.IsNull() {
		return "null"
	}
	switch value.(type) {
	case types.String:
		return "a string"
	case types.Number:
		return "a number"
	case types.Bool:
		return "a boolean"
	case types.List, types.Tuple:
		return "a list"
	case types.Set:
		return "a set"
	default:
		return "an object"
	}
}
