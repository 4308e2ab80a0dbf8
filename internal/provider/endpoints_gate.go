// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// endpointsArguments are the arguments of all forms of a gate over many endpoints.
type endpointsArguments struct {
	Endpoints     types.Dynamic `tfsdk:"endpoints"`
	Name          types.String  `tfsdk:"name"`
	AllAddresses  types.Bool    `tfsdk:"all_addresses"`
	IPFamily      types.String  `tfsdk:"ip_family"`
	SourceAddress types.String  `tfsdk:"source_address"`
	Via           types.String  `tfsdk:"via"`
	batchArguments
}

// endpointsModel adds the results of data source and ephemeral resource.
type endpointsModel struct {
	endpointsArguments

	batchResults
	Results types.Map  `tfsdk:"results"`
	Failed  types.List `tfsdk:"failed"`
}

var endpointsPath = path.Root("endpoints")

// endpointsValidator validates whatever is known of the endpoints.
type endpointsValidator struct{}

// ValidateDynamic adds an error for everything that is not an endpoint, and warnings for outcomes that hardly mean what
// they say.
func (endpointsValidator) ValidateDynamic(
	_ context.Context, req validator.DynamicRequest, resp *validator.DynamicResponse,
) {
	if req.ConfigValue.IsNull() {
		return // the framework says that it is required
	}
	endpoints, _ := decodeEndpoints(req.ConfigValue, preflight.EndpointDefaults{}, &resp.Diagnostics)
	for _, endpoint := range endpoints {
		if len(endpoint.Analyzer.Outcomes) > 0 {
			at := endpointsPath.AtMapKey(endpoint.Name).AtName("outcomes")
			warnOfOutcomes(endpoint.Analyzer.Outcomes, endpoint.Name+": ", at, &resp.Diagnostics)
		}
	}
}

// Description says in short what is validated.
func (endpointsValidator) Description(context.Context) string { return "must be a map of endpoints" }

// MarkdownDescription says in short what is validated.
func (v endpointsValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

// decodeEndpoints returns the endpoints that are whole, and whether all are. It adds an error for everything that is
// not an endpoint.
func decodeEndpoints(
	value attr.Value, defaults preflight.EndpointDefaults, diags *diag.Diagnostics,
) ([]preflight.Endpoint, bool) {
	endpoints, problems, isWhole := preflight.DecodeEndpoints(plain(value), defaults)
	addEndpointProblems(problems, diags)
	return endpoints, isWhole
}

// mostProblems keeps the output readable if one mistake is made for each of many endpoints.
const mostProblems = 20

func addEndpointProblems(problems []preflight.EndpointProblem, diags *diag.Diagnostics) {
	for i, problem := range problems {
		at := endpointsPath
		if i == mostProblems {
			text := fmt.Sprintf("The endpoints have %d more errors like these.", len(problems)-i)
			diags.AddAttributeError(at, "Invalid Endpoints", text)
			return
		}
		if problem.Name != "" {
			at = at.AtMapKey(problem.Name)
		}
		diags.AddAttributeError(at, "Invalid Endpoints", problem.Text)
	}
}

// validate adds errors if arguments contradict each other, as far as they are known.
func (a *endpointsArguments) validate(ctx context.Context, diags *diag.Diagnostics) {
	a.validateRetry(ctx, nil, diags)
	var single diag.Diagnostics // shown by the arguments' own validators
	before := diags.ErrorsCount()
	defaults := a.defaults(&single, diags)
	if diags.ErrorsCount() > before {
		return
	}
	// Without defaults, the validator of endpoints has shown what is wrong.
	_, problems, _ := preflight.DecodeEndpoints(plain(a.Endpoints), preflight.EndpointDefaults{})
	if len(problems) > 0 {
		return
	}
	var several diag.Diagnostics
	endpoints, _ := decodeEndpoints(a.Endpoints, defaults, &several)
	if !single.HasError() {
		diags.Append(several...)
	}
	gate := preflight.Endpoints{Title: a.Name.ValueString(), Endpoints: endpoints}
	gate.Retry, gate.Timeout = a.knownRetry(ctx)
	if hasValue(a.Name) {
		gateNameValidator.value(path.Root("name"), a.Name, &single)
	}
	if !a.Name.IsUnknown() && !single.HasError() {
		addEndpointProblems(gate.Validate(), diags)
	}
}

// defaults returns what counts for endpoints that say nothing else. What is not known is zero. Errors of single
// arguments go apart from those of several.
func (a *endpointsArguments) defaults(single, several *diag.Diagnostics) (defaults preflight.EndpointDefaults) {
	defaults.AllAddresses = a.AllAddresses.ValueBool()
	if hasValue(a.IPFamily) {
		defaults.Family = ipFamilyValidator.value(path.Root("ip_family"), a.IPFamily, single)
	}
	if hasValue(a.SourceAddress) {
		defaults.Source = sourceAddressValidator.value(path.Root("source_address"), a.SourceAddress, single)
	}
	if hasValue(a.Via) {
		defaults.Via = viaValidator.value(viaPath, a.Via, single)
	}
	target := tcpconnect.Target{Via: defaults.Via, Source: defaults.Source}
	if err := target.Validate(); err != nil {
		several.AddAttributeError(path.Root("source_address"), contradictingAddresses, err.Error())
	}
	return defaults
}

// gate returns the gate that the arguments describe, all of which are known, or adds an error.
func (a *endpointsArguments) gate(ctx context.Context, diags *diag.Diagnostics) preflight.Endpoints {
	a.validateRetry(ctx, nil, diags)
	if !a.Name.IsNull() {
		gateNameValidator.value(path.Root("name"), a.Name, diags)
	}
	defaults := a.defaults(diags, diags)
	if diags.HasError() {
		return preflight.Endpoints{}
	}
	endpoints, _ := decodeEndpoints(a.Endpoints, defaults, diags) // whole, or there is an error
	timeout := knownDuration(a.Timeout, 0, path.Root("timeout"), diags)
	gate := preflight.Endpoints{
		Title:     a.Name.ValueString(),
		Endpoints: endpoints,
		Timeout:   timeout,
		Retry:     a.retry(ctx, timeout, diags),
		Strict:    a.Strict.ValueBool(),
		Archive:   a.Archive.ValueString(),
	}
	if !diags.HasError() {
		addEndpointProblems(gate.Validate(), diags)
	}
	return gate
}

// perform makes the checks, unless they are excluded, and returns the whole model and the values of its large
// attributes. Errors and warnings are in diags; if isGate or with strict, so are endpoints that failed. progress, if
// not nil, is called every second.
func (a *endpointsArguments) perform(
	ctx context.Context, run *preflight.Run, isGate bool, progress func(string), diags *diag.Diagnostics,
) (*endpointsModel, map[string]tftypes.Value) {
	gate := a.gate(ctx, diags)
	if diags.HasError() {
		return nil, nil
	}
	form := batchForm{
		subject:  "the endpoints",
		title:    "Preflight Endpoints",
		argument: "endpoints",
		isGate:   isGate,
		progress: progress,
	}
	if gate.Title != "" {
		form.subject, form.title = "the endpoints of "+gate.Title, gate.Title
	}
	if a.validateVia(run, gate, form, diags); diags.HasError() {
		return nil, nil
	}
	model := &endpointsModel{endpointsArguments: *a, Results: types.MapNull(endpointResultType)}
	if a.Exclude.ValueBool() {
		batch := gate.Batch(run.Timeout)
		a.skip(run, batch.Title, batch.Key, form, diags)
		model.fillExcludedBatch(form.title + ": excluded, so nothing was dialled or judged.")
		model.Failed = types.ListValueMust(types.StringType, nil)
		return model, map[string]tftypes.Value{"results": endpointResultsValue(ctx, gate, preflight.BatchResult{})}
	}
	result, ok := a.batchArguments.perform(ctx, run, gate.Batch(run.Timeout), form, diags)
	if !ok {
		return nil, nil
	}
	model.fillBatch(result, model.Archive.ValueString())
	failed, more := types.ListValueFrom(ctx, types.StringType, gate.Failed(result.Findings))
	diags.Append(more...)
	model.Failed = failed
	return model, map[string]tftypes.Value{"results": endpointResultsValue(ctx, gate, result)}
}

// validateVia adds an error for each endpoint that can't be dialled from its vantage point, but no error twice.
func (a *endpointsArguments) validateVia(
	run *preflight.Run, gate preflight.Endpoints, form batchForm, diags *diag.Diagnostics,
) {
	all, _ := vantage.ParseVia(a.Via.ValueString()) // empty if it is not set
	validate := run.ValidateVia
	if a.Exclude.ValueBool() {
		validate = run.ValidateExcludedVia
	}
	said := make(map[string]bool)
	for i, check := range gate.Batch(run.Timeout).Checks {
		err := validate(check)
		if err == nil || said[err.Error()] || len(said) == mostProblems {
			continue
		}
		said[err.Error()] = true
		at, text := viaPath, err.Error()
		if check.Target.Via != all {
			// Not its via: Terraform would show the line of the via of all endpoints.
			at = endpointsPath.AtMapKey(gate.Endpoints[i].Name)
			text = fmt.Sprintf("endpoints[%q]: %s", gate.Endpoints[i].Name, text)
		}
		diags.AddAttributeError(at, preflight.Explain(err, form.subject, form.argument).Summary, text)
	}
}

// endpointResultType is the type of an element of results.
var endpointResultType = schema.NestedAttributeObject{Attributes: endpointResultAttributes()}.Type()

func endpointResultsValue(
	ctx context.Context, gate preflight.Endpoints, batch preflight.BatchResult,
) tftypes.Value {
	elementType := endpointResultType.TerraformType(ctx)
	values := make(map[string]tftypes.Value, len(batch.Findings))
	for i, finding := range batch.Findings {
		result := finding.Result
		values[gate.Endpoints[i].Name] = tftypes.NewValue(elementType, map[string]tftypes.Value{
			"title":       tftypes.NewValue(tftypes.String, finding.Title),
			"address":     tftypes.NewValue(tftypes.String, finding.Address),
			"status":      tftypes.NewValue(tftypes.String, string(result.Status)),
			"reason":      tftypes.NewValue(tftypes.String, string(result.Reason)),
			"outcome":     tftypes.NewValue(tftypes.String, string(finding.Verdict)),
			"message":     tftypes.NewValue(tftypes.String, finding.Message),
			"explanation": tftypes.NewValue(tftypes.String, finding.Explanation()),
			"uri":         rawOrNull(finding.URI),
			"matched":     tftypes.NewValue(tftypes.Bool, finding.Matched),
			"duration_ms": tftypes.NewValue(tftypes.Number, milliseconds(result.Duration)),
			"attempts":    tftypes.NewValue(tftypes.Number, result.Attempts),
			"ready":       tftypes.NewValue(tftypes.Bool, result.Ready),
		})
	}
	return tftypes.NewValue(tftypes.Map{ElementType: elementType}, values)
}

// gateNameValidator validates the name of a gate, with which the names of its collectors begin.
var gateNameValidator = validate("Invalid Name", "must be able to name files", parseCollectorName)
