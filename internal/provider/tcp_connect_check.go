// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// checkArguments are the arguments of all forms of a check.
type checkArguments struct {
	Address       types.String `tfsdk:"address"`
	CollectorName types.String `tfsdk:"collector_name"`
	Exclude       types.Bool   `tfsdk:"exclude"`
	Triggers      types.Map    `tfsdk:"triggers"`
	AllAddresses  types.Bool   `tfsdk:"all_addresses"`
	IPFamily      types.String `tfsdk:"ip_family"`
	SourceAddress types.String `tfsdk:"source_address"`
	Via           types.String `tfsdk:"via"`
	waitArguments
	outcomeArguments
}

// checkModel adds the results of data source and ephemeral resource.
type checkModel struct {
	checkArguments

	Status            types.String  `tfsdk:"status"`
	Connected         types.Bool    `tfsdk:"connected"`
	Ready             types.Bool    `tfsdk:"ready"`
	Reason            types.String  `tfsdk:"reason"`
	Message           types.String  `tfsdk:"message"`
	Attempts          types.Int64   `tfsdk:"attempts"`
	CollectedAt       types.String  `tfsdk:"collected_at"`
	RemoteAddress     types.String  `tfsdk:"remote_address"`
	LocalAddress      types.String  `tfsdk:"local_address"`
	ResolvedAddresses types.List    `tfsdk:"resolved_addresses"`
	Addresses         types.List    `tfsdk:"addresses"`
	DurationMS        types.Float64 `tfsdk:"duration_ms"`
	BundleDir         types.String  `tfsdk:"bundle_dir"`
	BundleFile        types.String  `tfsdk:"bundle_file"`
	OutcomeMessage    types.String  `tfsdk:"outcome_message"`
	Explanation       types.String  `tfsdk:"explanation"`
	findingResults
}

// endpointModel is an element of addresses.
type endpointModel struct {
	Address    types.String  `tfsdk:"address"`
	Status     types.String  `tfsdk:"status"`
	Message    types.String  `tfsdk:"message"`
	DurationMS types.Float64 `tfsdk:"duration_ms"`
}

// validate adds errors if arguments contradict each other, as far as they are known.
func (a *checkArguments) validate(ctx context.Context, diags *diag.Diagnostics) {
	a.target(new(diag.Diagnostics), diags)
	a.validateRetry(ctx, a.passes(), diags)
}

// contradictingAddresses is the summary if address, source_address, ip_family and via contradict each other.
const contradictingAddresses = "Contradicting Addresses"

// target returns what to dial. Errors of single arguments, which their own validators show, go apart from those of
// several. An unknown argument is an error of that kind.
func (a *checkArguments) target(single, several *diag.Diagnostics) tcpconnect.Target {
	target := tcpconnect.Target{
		Address:      addressValidator.value(path.Root("address"), a.Address, single),
		AllAddresses: a.AllAddresses.ValueBool(),
	}
	if !a.IPFamily.IsNull() {
		target.Family = ipFamilyValidator.value(path.Root("ip_family"), a.IPFamily, single)
		if target.Family == tcpconnect.AnyFamily {
			target.Family = "" // the same check as without the argument
		}
	}
	if !a.Via.IsNull() {
		target.Via = viaValidator.value(viaPath, a.Via, single)
	}
	at := path.Root("ip_family")
	if !a.SourceAddress.IsNull() {
		at = path.Root("source_address")
		target.Source = sourceAddressValidator.value(at, a.SourceAddress, single)
	}
	if single.HasError() {
		return target
	}
	if err := target.Validate(); err != nil {
		several.AddAttributeError(at, contradictingAddresses, err.Error())
	}
	return target
}

// resolve gives arguments that are not set their defaults, and returns the check and the analyzer that they describe.
func (a *checkArguments) resolve(
	ctx context.Context, run *preflight.Run, diags *diag.Diagnostics,
) (preflight.Check, tcpconnect.Analyzer) {
	a.validateRetry(ctx, a.passes(), diags)
	if a.Timeout.IsNull() {
		a.Timeout = types.StringValue(run.Timeout.String())
	}
	a.validateCheckName(diags)
	if a.CollectorName.IsNull() {
		a.CollectorName = types.StringValue(tcpconnect.DefaultCollectorName)
	}
	timeout := durationValidator.value(path.Root("timeout"), a.Timeout, diags)
	check := preflight.Check{
		CollectorName: collectorNameValidator.value(path.Root("collector_name"), a.CollectorName, diags),
		Check: tcpconnect.Check{
			Target:  a.target(diags, diags),
			Timeout: timeout,
		},
	}
	if retry := a.retry(ctx, timeout, diags); retry != nil {
		check.Retry = retry.For(a.passes())
	}
	analyzer := tcpconnect.Analyzer{CheckName: a.checkName()}
	if a.hasOutcomes() {
		analyzer = a.analyzer(diags)
	}
	return check, analyzer
}

// perform makes the check, unless it is excluded, and returns the whole model. Errors and warnings are in diags; if
// isGate or with strict, so is a check that failed. progress, if not nil, is called after each dial.
func (a *checkArguments) perform(
	ctx context.Context, run *preflight.Run, isGate bool, progress func(tcpconnect.Attempt), diags *diag.Diagnostics,
) *checkModel {
	check, analyzer := a.resolve(ctx, run, diags)
	if diags.HasError() {
		return nil
	}
	model := newCheckModel(*a)
	if a.Exclude.ValueBool() {
		if err := run.ValidateExcludedVia(check); err != nil {
			addMessage(preflight.Explain(err, check.Target.Address.String(), "collector_name"), diags)
			return nil
		}
		model.Message = types.StringValue("")
		model.OutcomeMessage = types.StringValue(model.fillExcluded(a.checkName()))
		model.Explanation = model.OutcomeMessage
		if err := run.RecordExcludedCheck(check, a.checkName()); err != nil {
			addMessage(preflight.Explain(err, check.Target.Address.String(), "collector_name"), diags)
		}
		return model
	}
	address := check.Target.Address.String()
	tflog.Debug(ctx, "dialling", map[string]any{"address": address})
	log := tflog.Debug
	if check.Retry != nil {
		log = tflog.Info // Terraform itself shows only that it waits
	}
	isGate = isGate || a.Strict.ValueBool()
	finding, file, err := run.Check(ctx, check, analyzer, isGate, func(attempt tcpconnect.Attempt) {
		log(ctx, "dialled "+check.CollectorName+" at "+address+", "+describeAttempt(attempt), map[string]any{
			"collector_name": check.CollectorName, "address": address, "attempt": attempt.Number,
			"status": string(attempt.Result.Status), "reason": string(attempt.Result.Reason),
			"next": attempt.Next.String(), "left": attempt.Left.String(),
		})
		if progress != nil {
			progress(attempt)
		}
	})
	if err != nil {
		addMessage(preflight.Explain(err, address, "collector_name"), diags)
		if _, isDone := errors.AsType[*preflight.ReportError](err); !isDone {
			return nil
		}
	}
	diags.Append(model.fillResult(ctx, *finding.Result)...)
	if len(finding.Result.Tried) == 0 && run.ResolvesNames(check.Target.Via) {
		model.ResolvedAddresses = types.ListNull(types.StringType)
	}
	if file != "" {
		model.BundleDir = types.StringValue(run.BundleDir)
		model.BundleFile = types.StringValue(file)
	}
	model.fill(finding)
	model.OutcomeMessage = types.StringValue(finding.Message)
	model.Explanation = types.StringValue(finding.Explanation())
	checked := fmt.Sprintf("%s at %s", check.CollectorName, address)
	a.report(checked, finding, isGate, finding.Details(), diags)
	return model
}

// getKnown reads a configuration that something is to be dialled or judged by. Terraform asks for neither before
// everything is known; an unknown argument that counted as absent could open a gate.
func getKnown(ctx context.Context, config tfsdk.Config, target any) diag.Diagnostics {
	diags := config.Get(ctx, target)
	if !config.Raw.IsFullyKnown() {
		diags.AddError("Unknown Argument", "An argument is not known yet, so nothing can be dialled or judged. Use "+
			"values that are known when the check is made.")
	}
	return diags
}

// newCheckModel returns the model of a check that was not made.
func newCheckModel(arguments checkArguments) *checkModel {
	return &checkModel{
		checkArguments:    arguments,
		Connected:         types.BoolValue(false),
		ResolvedAddresses: types.ListNull(types.StringType),
		Addresses:         types.ListNull(endpointType),
	}
}

// endpointType is the type of an element of addresses.
var endpointType = schema.NestedAttributeObject{Attributes: endpointAttributes()}.Type()

func (m *checkModel) fillResult(ctx context.Context, result tcpconnect.Result) (diags diag.Diagnostics) {
	m.Status = types.StringValue(string(result.Status))
	m.Connected = types.BoolValue(result.Status == tcpconnect.Connected)
	m.Ready = types.BoolValue(result.Ready)
	m.Reason = types.StringValue(string(result.Reason))
	m.Message = types.StringValue(result.Message)
	m.Attempts = types.Int64Value(result.Attempts)
	m.CollectedAt = timeValue(result.CollectedAt)
	m.RemoteAddress = endpointValue(result.Remote)
	m.LocalAddress = endpointValue(result.Local)
	m.DurationMS = millisecondsValue(result.Duration)
	tried := make([]string, 0, len(result.Tried))
	for _, endpoint := range result.Tried {
		tried = append(tried, endpoint.String())
	}
	m.ResolvedAddresses, diags = types.ListValueFrom(ctx, types.StringType, tried)
	if m.AllAddresses.ValueBool() {
		endpoints := make([]endpointModel, 0, len(result.Endpoints))
		for _, endpoint := range result.Endpoints {
			endpoints = append(endpoints, endpointModel{
				Address:    endpointValue(endpoint.Endpoint),
				Status:     types.StringValue(string(endpoint.Status)),
				Message:    types.StringValue(endpoint.Message),
				DurationMS: millisecondsValue(endpoint.Duration),
			})
		}
		var more diag.Diagnostics
		m.Addresses, more = types.ListValueFrom(ctx, endpointType, endpoints)
		diags.Append(more...)
	}
	return diags
}

func endpointValue(endpoint netip.AddrPort) types.String {
	if !endpoint.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(endpoint.String())
}

func timeValue(t time.Time) types.String {
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

func millisecondsValue(duration time.Duration) types.Float64 {
	return types.Float64Value(milliseconds(duration))
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}
