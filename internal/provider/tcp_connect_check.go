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
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The check is one thing with three faces: data source, ephemeral resource and action. Its arguments, results, defaults,
// descriptions and the function that runs it are here.

// checkArguments are what all three faces take.
type checkArguments struct {
	Address       types.String `tfsdk:"address"`
	Timeout       types.String `tfsdk:"timeout"`
	CollectorName types.String `tfsdk:"collector_name"`
	Exclude       types.Bool   `tfsdk:"exclude"`
	Triggers      types.Map    `tfsdk:"triggers"`
	AllAddresses  types.Bool   `tfsdk:"all_addresses"`
	IPFamily      types.String `tfsdk:"ip_family"`
	SourceAddress types.String `tfsdk:"source_address"`
	Retry         types.Object `tfsdk:"retry"`
	judgementArguments
}

// checkModel adds what data source and ephemeral resource give.
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
	judgementResults
}

// endpointModel is an element of addresses.
type endpointModel struct {
	Address    types.String  `tfsdk:"address"`
	Status     types.String  `tfsdk:"status"`
	Message    types.String  `tfsdk:"message"`
	DurationMS types.Float64 `tfsdk:"duration_ms"`
}

// endpointAttributes describes an element of addresses.
func endpointAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address":     schema.StringAttribute{Computed: true, MarkdownDescription: "`ip:port` that was dialled."},
		"status":      schema.StringAttribute{Computed: true, MarkdownDescription: "Its own status."},
		"message":     schema.StringAttribute{Computed: true, MarkdownDescription: "What the operating system said of it. Empty when connected."},
		"duration_ms": schema.Float64Attribute{Computed: true, MarkdownDescription: "How long its dial took, in milliseconds with fractions."},
	}
}

// checkAttributes describes arguments and results. strict says what strict does to the face.
func checkAttributes(strict string) map[string]schema.Attribute {
	return join(judgementAttributes(false, strict, "outcome_message"), map[string]schema.Attribute{
		"address": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "What to connect to: `host:port`. The host is a name or an IP address; an IPv6 address stands in brackets. " +
				"The port is a number from 1 to 65535 or a service name that this machine knows. Unspecified hosts (`0.0.0.0`, `[::]`) are refused.",
			Validators: []validator.String{addressValidator},
		},
		"timeout": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: "Total timeout of the check: name resolution, every address that is tried and every attempt. " + durationForm +
				" Default: the provider's `timeout`. Required with `retry`, where it says how long to wait in all.",
			Validators: []validator.String{durationValidator},
		},
		"collector_name": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: fmt.Sprintf("Names the result file. Two collectors of one provider configuration that dial differently need different names, "+
				"compared without regard to case. 1 to 128 letters, digits, spaces, `.`, `_` and `-`, beginning and ending with a letter or digit. Default `%s`.", tcpconnect.DefaultCollectorName),
			Validators: []validator.String{collectorNameValidator},
		},
		"exclude": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true`: nothing is dialled or written, and nothing fails. `proceed` is true, the other booleans of the verdict and `connected` are false, texts for people " +
				"(`message`, `outcome_message`, `title`) are not null, and all else is. Exclude an analysis of its status too. Default `false`.",
		},
		"triggers": schema.MapAttribute{
			Optional:            true,
			ElementType:         types.StringType,
			MarkdownDescription: "Values that must be known before the check is made, for example the id of what is to be checked. They have no other meaning.",
		},
		"all_addresses": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true`: every address that the name resolves to is dialled, side by side, and the status is the worst of theirs. " +
				"`false`: the first that connects is enough. Default `false`.",
		},
		"ip_family": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Dial only addresses of this family: " + listOf(tcpconnect.Families()) + ". Default `" + string(tcpconnect.AnyFamily) + "`.",
			Validators:          []validator.String{ipFamilyValidator},
		},
		"source_address": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "IP address of this machine to dial from. Only addresses of its family are dialled. Default: the system's choice.",
			Validators:          []validator.String{sourceAddressValidator},
		},
		"status": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The answer: " + listOf(tcpconnect.Statuses()) + ".",
		},
		"connected": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: fmt.Sprintf("Whether `status` is `%s`.", tcpconnect.Connected),
		},
		"ready": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Without `retry`, whether `connected`. With it, whether its last `consecutive` dials all ended in a status of `until`.",
		},
		"reason": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Why the status is what it is: " + listOf(tcpconnect.Reasons()) + ".",
		},
		"message": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What the operating system or the resolver said, of every address that was tried. Empty when connected, and when excluded.",
		},
		"attempts": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "How many dials were made: 1 without `retry`.",
		},
		"collected_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "When the last dial ended: RFC 3339, UTC.",
		},
		"remote_address": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`ip:port` of the other end of the connection. Null when not connected.",
		},
		"local_address": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`ip:port` of this end of the connection. Null when not connected, and when the peer reset the connection at once.",
		},
		"resolved_addresses": schema.ListAttribute{
			Computed:    true,
			ElementType: types.StringType,
			MarkdownDescription: "The `ip:port` pairs that were tried, in order. Empty when the name could not be resolved; " +
				"an address that was not needed, because an earlier one connected, is not in it.",
		},
		"addresses": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "With `all_addresses`: every address and its own status. Null without.",
			NestedObject:        schema.NestedAttributeObject{Attributes: endpointAttributes()},
		},
		"duration_ms": schema.Float64Attribute{
			Computed:            true,
			MarkdownDescription: "How long the check took in all, in milliseconds with fractions.",
		},
		"bundle_dir": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The support bundle that holds the result. Null when nothing was written.",
		},
		"bundle_file": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Path of the result file. Null when nothing was written.",
		},
	})
}

// check is what the arguments ask for.
type check struct {
	collectorName string
	dial          dialArguments
	analyzer      *tcpconnect.Analyzer // nil: no outcomes
}

// validate checks what concerns several arguments, as far as they are known.
func (a *checkArguments) validate(ctx context.Context, diags *diag.Diagnostics) {
	a.target(new(diag.Diagnostics), diags)
	a.validateRetry(ctx, diags)
}

// target returns what to dial. Errors of single arguments, which their own validators show, go apart from those of several. An unknown
// argument is an error of that kind.
func (a *checkArguments) target(single, several *diag.Diagnostics) tcpconnect.Target {
	target := tcpconnect.Target{Address: addressValidator.value(path.Root("address"), a.Address, single), AllAddresses: a.AllAddresses.ValueBool()}
	if !a.IPFamily.IsNull() {
		target.Family = ipFamilyValidator.value(path.Root("ip_family"), a.IPFamily, single)
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
		several.AddAttributeError(at, "Contradicting Addresses", err.Error())
	}
	return target
}

// resolve gives arguments that are not set their defaults and returns what they ask for.
func (a *checkArguments) resolve(ctx context.Context, i *instance, diags *diag.Diagnostics) check {
	a.validateRetry(ctx, diags)
	if a.Timeout.IsNull() {
		a.Timeout = types.StringValue(i.timeout.String())
	}
	a.validateCheckName(diags)
	if a.CollectorName.IsNull() {
		a.CollectorName = types.StringValue(tcpconnect.DefaultCollectorName)
	}
	c := check{
		collectorName: collectorNameValidator.value(path.Root("collector_name"), a.CollectorName, diags),
		dial: dialArguments{
			target:  a.target(diags, diags),
			timeout: durationValidator.value(path.Root("timeout"), a.Timeout, diags),
		},
	}
	c.dial.retry = a.resolveRetry(ctx, c.dial.timeout, diags)
	if a.hasOutcomes() {
		analyzer := a.analyzer(diags)
		c.analyzer = &analyzer
	}
	return c
}

// judge turns the result into a verdict: that of the outcomes, or without any whether the check is ready.
func (c check) judge(checkName string, result tcpconnect.Result) tcpconnect.Analysis {
	if c.analyzer != nil {
		return c.analyzer.Analyze(result.Status, result.Reason)
	}
	analysis := tcpconnect.Analysis{Verdict: tcpconnect.Fail, Title: checkName, Message: fmt.Sprintf("%s: %s", checkName, result.Status), Matched: true}
	if result.Ready {
		analysis.Verdict = tcpconnect.Pass
	}
	return analysis
}

// run makes the check, unless it is excluded, and returns the whole model. Errors and warnings are in diags; if isGate or with
// strict, so is a check that failed. progress, if not nil, is told of each dial.
func (a *checkArguments) run(ctx context.Context, i *instance, isGate bool, progress func(tcpconnect.Attempt), diags *diag.Diagnostics) *checkModel {
	c := a.resolve(ctx, i, diags)
	if diags.HasError() {
		return nil
	}
	model := newCheckModel(*a)
	if a.Exclude.ValueBool() {
		model.Message = types.StringValue("")
		model.OutcomeMessage = types.StringValue(model.fillExcluded(a.checkName()))
		return model
	}
	address := c.dial.target.Address
	tflog.Debug(ctx, "dialling", map[string]any{"address": address.String()})
	result, file, err := i.check(ctx, c, func(attempt tcpconnect.Attempt) {
		tflog.Debug(ctx, "dialled", map[string]any{
			"address": address.String(), "attempt": attempt.Number, "status": attempt.Result.Status, "reason": attempt.Result.Reason, "next": attempt.Next.String(),
		})
		if progress != nil {
			progress(attempt)
		}
	})
	if err != nil {
		addCheckError(address, err, diags)
		return nil
	}
	diags.Append(model.fillResult(ctx, result)...)
	if file != "" {
		model.BundleDir = types.StringValue(i.bundleDir)
		model.BundleFile = types.StringValue(file)
	}
	analysis := c.judge(a.checkName(), result)
	model.fill(analysis)
	model.OutcomeMessage = types.StringValue(analysis.Message)
	checked := fmt.Sprintf("%s at %s", c.collectorName, address)
	a.report(checked, analysis, isGate || a.Strict.ValueBool(), factsOf(address.String(), result), diags)
	return model
}

// getKnown reads a configuration that something is to be dialled or judged by. Terraform asks for neither before everything is known;
// an unknown argument that counted as absent could open a gate.
func getKnown(ctx context.Context, config tfsdk.Config, target any) diag.Diagnostics {
	diags := config.Get(ctx, target)
	if !config.Raw.IsFullyKnown() {
		diags.AddError("Unknown Argument", "An argument is not known yet, so nothing can be dialled or judged. Use values that are known when the check is made.")
	}
	return diags
}

// factsOf lists what is known of a result, and what to do about it.
func factsOf(address string, result tcpconnect.Result) []string {
	facts := []string{
		"Address: " + address,
		fmt.Sprintf("Status: %s, reason: %s, after %d attempts", result.Status, result.Reason, result.Attempts),
	}
	if result.Attempts == 1 {
		facts[1] = fmt.Sprintf("Status: %s, reason: %s", result.Status, result.Reason)
	}
	if result.Message != "" {
		facts = append(facts, "Message: "+result.Message)
	}
	if advice := result.Reason.Advice(); advice != "" {
		facts = append(facts, advice)
	}
	return facts
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
	return types.Float64Value(float64(duration) / float64(time.Millisecond))
}

// addCheckError tells why a check has no result.
func addCheckError(address tcpconnect.Address, err error, diags *diag.Diagnostics) {
	switch _, isClaim := errors.AsType[*claimError](err); {
	case isClaim:
		diags.AddAttributeError(path.Root("collector_name"), "Collector Name Used Twice", err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		diags.AddError("Check Interrupted", fmt.Sprintf("The run was stopped while %s was checked. Nothing is known about it, and no result was written.", address))
	default:
		diags.AddError("Result Not Written", fmt.Sprintf("%s was dialled, but the result could not be kept in the support bundle: %s. "+notWrittenAdvice, address, err))
	}
}

const notWrittenAdvice = "Look at the path, its permissions and the free space, choose another directory with bundle_dir, or set emit_bundle = false."
