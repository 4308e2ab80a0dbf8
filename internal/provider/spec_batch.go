// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// specModel is the model of all forms of a spec.
type specModel struct {
	Spec        types.String `tfsdk:"spec"`
	Unsupported types.String `tfsdk:"unsupported"`
	Via         types.String `tfsdk:"via"`
	bundleArguments
	batchArguments

	batchResults
	Results   types.List `tfsdk:"results"`
	Collected types.Map  `tfsdk:"collected"`
	Skipped   types.List `tfsdk:"skipped"`
}

// validate adds errors if arguments contradict each other, as far as they are known, and warnings of outcomes that
// never decide.
func (m *specModel) validate(ctx context.Context, diags *diag.Diagnostics) {
	m.validateRetry(ctx, nil, diags)
	m.validateSource(diags)
	if m.Spec.IsUnknown() || m.Unsupported.IsUnknown() {
		return
	}
	decoded, err := preflight.DecodeSpec(m.Spec.ValueString())
	if err != nil {
		return // the attribute's own validator says why
	}
	m.validateUnsupported(decoded, diags)
	m.validateSpecRetry(ctx, decoded, diags)
	for _, analyzer := range decoded.Analyzers {
		for i, earlier := range analyzer.Unreachable() {
			text := neverReachedText(analyzer.Position.String()+": ", i, earlier)
			diags.AddAttributeWarning(path.Root("spec"), neverReached, text)
		}
	}
}

// validateSource adds an error for each argument that does not go with bundle, or needs it.
func (m *specModel) validateSource(diags *diag.Diagnostics) {
	m.validateBundle(diags)
	if !hasValue(m.Bundle) {
		return
	}
	for _, argument := range []struct {
		name  string
		value attr.Value
	}{
		{"archive", m.Archive}, {"max_concurrency", m.MaxConcurrency}, {"retry", m.Retry},
		{"via", m.Via},
	} {
		if hasValue(argument.value) {
			diags.AddAttributeError(path.Root(argument.name), "Argument Conflicts With Bundle",
				fmt.Sprintf("With bundle, nothing is dialled or written: the results are those of the bundle. Leave "+
					"%s out, or bundle.", argument.name))
		}
	}
}

// validateUnsupported adds an error if the spec asks for more than is run, unless that is wanted.
func (m *specModel) validateUnsupported(decoded spec.Spec, diags *diag.Diagnostics) {
	if len(decoded.Unsupported) > 0 && m.unsupported() == preflight.UnsupportedError {
		diags.AddAttributeError(path.Root("spec"), "Unsupported Parts of the Spec",
			fmt.Sprintf("This provider runs tcpConnect collectors and analyzers only, and the spec has "+
				"more:\n\n%s\n\nTake them out, or set unsupported = %q to run the rest and be warned of each, or %q "+
				"to run the rest.",
				strings.Join(decoded.UnsupportedPaths(), "\n"), preflight.UnsupportedWarn, preflight.UnsupportedSkip))
	}
}

// validateSpecRetry adds an error if an analyzer and retry contradict each other, as far as they are known.
func (m *specModel) validateSpecRetry(ctx context.Context, decoded spec.Spec, diags *diag.Diagnostics) {
	retry, timeout := m.knownRetry(ctx)
	if retry == nil {
		return
	}
	if problems := preflight.ValidateSpecRetry(decoded, *retry, timeout); len(problems) > 0 {
		diags.AddAttributeError(path.Root("spec"), "Retry Contradicts the Spec", problems.Error())
	}
}

func (m *specModel) unsupported() preflight.Unsupported {
	return cmp.Or(preflight.Unsupported(m.Unsupported.ValueString()), preflight.UnsupportedError)
}

// perform runs the spec, or judges the bundle by it, unless it is excluded, and returns the whole model and the values
// of its large attributes. Errors and warnings are in diags; if isGate, so are all failures.
func (m *specModel) perform(
	ctx context.Context, run *preflight.Run, isGate bool, diags *diag.Diagnostics,
) (*specModel, map[string]tftypes.Value) {
	decoded := specValidator.value(path.Root("spec"), m.Spec, diags)
	m.validateUnsupported(decoded, diags)
	m.validateRetry(ctx, nil, diags)
	m.validateSource(diags)
	m.validateSpecRetry(ctx, decoded, diags)
	options := m.options(ctx, diags)
	if diags.HasError() {
		return nil, nil
	}
	options.IsGate = isGate
	form := batchForm{subject: "the spec", title: "Preflight Spec", argument: "spec", isGate: isGate}
	model := *m
	model.Results, model.Collected = types.ListNull(findingType), types.MapNull(collectedType)
	if m.Exclude.ValueBool() {
		batch := run.SpecBatch(m.Spec.ValueString(), decoded, options)
		if err := run.ValidateExcludedVia(batch.Checks...); err != nil {
			addMessage(preflight.Explain(err, form.subject, form.argument), diags)
			return nil, nil
		}
		m.skip(run, "Spec", m.Spec.ValueString(), form, diags)
		model.fillSkipped(spec.Spec{})
		model.fillExcludedBatch("The spec is excluded: nothing was dialled or judged.")
		return &model, largeResults(ctx, preflight.BatchResult{})
	}
	var result preflight.BatchResult
	var ok bool
	if m.Bundle.IsNull() {
		batch := run.SpecBatch(m.Spec.ValueString(), decoded, options)
		result, ok = m.batchArguments.perform(ctx, run, batch, form, diags)
	} else {
		form.title += " in " + m.Bundle.ValueString()
		result, ok = judgeBundle(ctx, run, decoded, options, form, diags)
	}
	if !ok {
		return nil, nil
	}
	model.fillBatch(result, model.Archive.ValueString())
	model.fillSkipped(decoded)
	return &model, largeResults(ctx, result)
}

// judgeBundle judges the results in a bundle by a spec. It returns false if one of them may not be judged.
func judgeBundle(
	ctx context.Context, run *preflight.Run, decoded spec.Spec, options preflight.SpecOptions, form batchForm,
	diags *diag.Diagnostics,
) (preflight.BatchResult, bool) {
	result, err := run.JudgeBundle(ctx, decoded, options)
	if _, isDone := errors.AsType[*preflight.ReportError](err); isDone {
		addMessage(preflight.Explain(err, form.subject, form.argument), diags)
	} else if err != nil {
		diags.AddAttributeError(bundlePath, noUsableResult, tcpconnect.Printable(err.Error()))
		return result, false
	}
	addMessages(result.Messages(form.title, "", form.isGate), diags)
	return result, true
}

// options returns how the spec is run.
func (m *specModel) options(ctx context.Context, diags *diag.Diagnostics) preflight.SpecOptions {
	timeout := knownDuration(m.Timeout, 0, path.Root("timeout"), diags)
	via := ""
	if !m.Via.IsNull() {
		via = viaValidator.value(viaPath, m.Via, diags)
	}
	return preflight.SpecOptions{
		Via:         via,
		Unsupported: m.unsupported(),
		Archive:     m.Archive.ValueString(),
		Timeout:     timeout,
		Retry:       m.retry(ctx, timeout, diags),
		Strict:      m.Strict.ValueBool(),
		Bundle:      m.Bundle.ValueString(),
		Terms:       m.terms(diags),
	}
}

// fillSkipped fills skipped.
func (m *specModel) fillSkipped(decoded spec.Spec) {
	skipped := make([]attr.Value, 0, len(decoded.Unsupported))
	for _, part := range decoded.Unsupported {
		skipped = append(skipped, types.StringValue(part.Path))
	}
	m.Skipped = types.ListValueMust(types.StringType, skipped)
}

// The types of the elements of results and collected.
var (
	findingType   = schema.NestedAttributeObject{Attributes: specFindingAttributes()}.Type()
	collectedType = schema.NestedAttributeObject{Attributes: collectedAttributes()}.Type()
)

// largeResults returns results and collected.
func largeResults(ctx context.Context, result preflight.BatchResult) map[string]tftypes.Value {
	return map[string]tftypes.Value{
		"results": findingsValue(ctx, result.Findings), "collected": collectedValue(ctx, result),
	}
}

func findingsValue(ctx context.Context, findings []tcpconnect.Finding) tftypes.Value {
	elementType := findingType.TerraformType(ctx)
	values := make([]tftypes.Value, len(findings))
	for i, finding := range findings {
		var status, reason string
		if finding.Result != nil {
			status, reason = string(finding.Result.Status), string(finding.Result.Reason)
		}
		values[i] = tftypes.NewValue(elementType, map[string]tftypes.Value{
			"title":          tftypes.NewValue(tftypes.String, finding.Title),
			"collector_name": rawOrNull(finding.CollectorName),
			"node":           rawOrNull(finding.Node),
			"address":        rawOrNull(finding.Address),
			"status":         rawOrNull(status),
			"reason":         rawOrNull(reason),
			"outcome":        tftypes.NewValue(tftypes.String, string(finding.Verdict)),
			"message":        tftypes.NewValue(tftypes.String, finding.Message),
			"uri":            rawOrNull(finding.URI),
			"explanation":    tftypes.NewValue(tftypes.String, finding.Explanation()),
			"matched":        tftypes.NewValue(tftypes.Bool, finding.Matched),
			"strict":         tftypes.NewValue(tftypes.Bool, finding.Strict),
		})
	}
	return tftypes.NewValue(tftypes.List{ElementType: elementType}, values)
}

func collectedValue(ctx context.Context, batch preflight.BatchResult) tftypes.Value {
	elementType := collectedType.TerraformType(ctx)
	values := make(map[string]tftypes.Value, len(batch.Checks))
	for i, check := range batch.Checks {
		result := batch.Results[i]
		duration := tftypes.NewValue(tftypes.Number, nil)
		if result.Attempts > 0 { // a bundle does not hold it
			duration = tftypes.NewValue(tftypes.Number, milliseconds(result.Duration))
		}
		values[check.CollectorName] = tftypes.NewValue(elementType, map[string]tftypes.Value{
			"address":     tftypes.NewValue(tftypes.String, check.Target.Address.String()),
			"status":      tftypes.NewValue(tftypes.String, string(result.Status)),
			"reason":      rawOrNull(string(result.Reason)),
			"message":     tftypes.NewValue(tftypes.String, result.Message),
			"duration_ms": duration,
		})
	}
	return tftypes.NewValue(tftypes.Map{ElementType: elementType}, values)
}
