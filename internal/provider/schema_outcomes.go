// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// outcomesValidator validates whatever is known of the outcomes.
type outcomesValidator struct{}

// ValidateDynamic adds an error for everything that is not an outcome, and warnings for outcomes that hardly mean what
// they say.
func (outcomesValidator) ValidateDynamic(
	_ context.Context, req validator.DynamicRequest, resp *validator.DynamicResponse,
) {
	if req.ConfigValue.IsNull() {
		return
	}
	outcomes, isWhole := decodeOutcomes(req.ConfigValue, &resp.Diagnostics)
	if !isWhole {
		return
	}
	warnOfOutcomes(outcomes, "", path.Root("outcomes"), &resp.Diagnostics)
}

// warnOfOutcomes adds warnings for outcomes that hardly mean what they say. of begins the text.
func warnOfOutcomes(outcomes []tcpconnect.Outcome, of string, at path.Path, diags *diag.Diagnostics) {
	analyzer := tcpconnect.Analyzer{Outcomes: outcomes}
	for i, earlier := range analyzer.Unreachable() {
		diags.AddAttributeWarning(at.AtListIndex(i), neverReached, neverReachedText(of, i, earlier))
	}
	if len(analyzer.Passes()) == len(tcpconnect.Statuses()) {
		diags.AddAttributeWarning(at, "Outcomes Let Everything Through",
			of+"Every status passes, so the check fails for hardly any reason. Write when in each pass, for example { "+
				"pass = { when = \"connected\" } }, or use warn to proceed with a warning.")
	}
}

const neverReached = "Outcome Never Reached"

func neverReachedText(of string, index, earlier int) string {
	return fmt.Sprintf("%soutcomes[%d] never decides, because outcomes[%d] comes first and matches the same. The "+
		"first outcome that matches decides: put special ones before general ones.", of, index, earlier)
}

// Description says in short what is validated.
func (outcomesValidator) Description(context.Context) string { return "must be a list of outcomes" }

// MarkdownDescription says in short what is validated.
func (v outcomesValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// decodeOutcomes turns the dynamic value of outcomes into what an analyzer takes, and adds an error for everything in
// it that is not an outcome. Unless isWhole is true, something is wrong or not known yet, and nothing may be judged by
// what is returned.
func decodeOutcomes(value attr.Value, diags *diag.Diagnostics) (outcomes []tcpconnect.Outcome, isWhole bool) {
	outcomes, problems, isWhole := preflight.DecodeOutcomes("outcomes", plain(value))
	for _, problem := range problems {
		at := path.Root("outcomes")
		if problem.Index >= 0 {
			at = at.AtListIndex(problem.Index)
		}
		diags.AddAttributeError(at, "Invalid Outcomes", problem.Text)
	}
	return outcomes, isWhole
}

// plain returns the value of a dynamic attribute in the types of package preflight.
func plain(value attr.Value) any {
	switch {
	case value.IsUnknown():
		return preflight.Unknown{}
	case value.IsNull():
		return nil
	}
	switch value := value.(type) {
	case types.Dynamic:
		return plain(value.UnderlyingValue())
	case types.String:
		return value.ValueString()
	case types.Bool:
		return value.ValueBool()
	case types.Object:
		return plainObject(value.Attributes())
	case types.Map:
		return plainObject(value.Elements())
	case types.List:
		return plainList(value.Elements())
	case types.Tuple:
		return plainList(value.Elements())
	case types.Set:
		return preflight.Set(plainList(value.Elements()))
	default:
		return preflight.Number{}
	}
}

func plainObject(attributes map[string]attr.Value) map[string]any {
	object := make(map[string]any, len(attributes))
	for key, attribute := range attributes {
		object[key] = plain(attribute)
	}
	return object
}

func plainList(elements []attr.Value) []any {
	list := make([]any, len(elements))
	for i, element := range elements {
		list[i] = plain(element)
	}
	return list
}
