// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// parseReports parses the kinds of reports, separated by commas.
func parseReports(text string) (kinds []report.Kind, err error) {
	if text == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		kind, err := preflight.ParseReportKind(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds, nil
}

// validateReport returns an error if a known element of the set, which may be null, is not a kind of report.
func validateReport(element types.String) error {
	if element.IsNull() {
		return errors.New("null is not a kind of report. Use " + suggest.Choice(report.Kinds()) + ".")
	}
	_, err := preflight.ParseReportKind(element.ValueString())
	return err
}

// reportsValidator validates the elements of the set that are known.
type reportsValidator struct{}

// ValidateSet adds an error for each element that is not a kind of report.
func (reportsValidator) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		text, isText := element.(types.String)
		if !isText || text.IsUnknown() {
			continue
		}
		if err := validateReport(text); err != nil {
			resp.Diagnostics.AddAttributeError(req.Path, "Invalid Report", err.Error())
		}
	}
}

// Description says in short what is checked.
func (reportsValidator) Description(context.Context) string { return "must be kinds of reports" }

// MarkdownDescription says in short what is checked.
func (v reportsValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// resolveReports returns the reports to be written. A set whose elements are not all known is an error.
func resolveReports(configured types.Set, diags *diag.Diagnostics) []report.Kind {
	var value attr.Value = configured
	for _, element := range configured.Elements() {
		if element.IsUnknown() {
			value = types.SetUnknown(types.StringType)
			break
		}
		// Terraform does not validate again what was unknown then.
		if err := validateReport(element.(types.String)); err != nil {
			diags.AddAttributeError(path.Root(reportsSetting.attribute), "Invalid Provider Argument", err.Error())
			return nil
		}
	}
	return resolve(reportsSetting, value, parseReports, diags)
}

// rejectReports adds the error that reports are wanted and no bundle to hold them. It says which of both comes from
// where.
func (m providerModel) rejectReports(diags *diag.Diagnostics) {
	const summary = "Reports Without a Bundle"
	emits := "emit_bundle is false"
	if m.EmitBundle.IsNull() {
		emits = "the environment variable " + emitBundleSetting.variable() + " is false"
	}
	const change = "Set emit_bundle = true in the provider's configuration and have a bundle, or set " +
		"reports = [] and have none."
	if m.Reports.IsNull() {
		diags.AddError(summary, fmt.Sprintf("The environment variable %s asks for reports, which lie in the bundle, "+
			"and %s. %s", reportsSetting.variable(), emits, change))
		return
	}
	diags.AddAttributeError(path.Root(reportsSetting.attribute), summary,
		fmt.Sprintf("Reports lie in the bundle, and %s. %s", emits, change))
}
