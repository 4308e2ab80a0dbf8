// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

var (
	_ datasource.DataSourceWithConfigure      = (*specDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*specDataSource)(nil)
)

// specDataSource is data "preflight_spec": all tcpConnect collectors and analyzers of a Troubleshoot spec.
type specDataSource struct {
	run *preflight.Run
}

type specModel struct {
	Spec        types.String `tfsdk:"spec"`
	Unsupported types.String `tfsdk:"unsupported"`
	batchArguments

	batchResults
	Results   types.List `tfsdk:"results"`
	Collected types.Map  `tfsdk:"collected"`
	Skipped   types.List `tfsdk:"skipped"`
}

func (d *specDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_spec"
}

func (d *specDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	strict := "If `true`, every analyzer is `strict`: a `fail` is an error of this data source. It also stops " +
		"`terraform destroy`, which reads data sources first. If omitted, each analyzer says so for itself."
	arguments := map[string]schema.Attribute{
		"spec": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The spec, YAML or JSON, of one or several documents, for example " +
				"`file(\"preflight.yaml\")` or `yamlencode({...})`. A `Secret` or `ConfigMap` with the label " +
				"`troubleshoot.sh/kind` is read for what it holds. A field that does not exist is an error with its " +
				"line.",
			Validators: []validator.String{specValidator},
		},
		"unsupported": stringArgument("What to do with collectors, analyzers and fields that Troubleshoot knows and "+
			"this provider does not run, and with documents that are not a spec (what `helm template` "+
			"prints). `"+string(preflight.UnsupportedError)+
			"`: an error lists them. `"+string(preflight.UnsupportedWarn)+"`: the rest runs, and each one left out "+
			"is a warning in `results`, so that `outcome` is at best "+
			"`warn`. `"+string(preflight.UnsupportedSkip)+"`: the rest runs. Defaults "+
			"to `"+string(preflight.UnsupportedError)+"`.",
			unsupportedValidator),
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Runs a Troubleshoot spec as it stands: all its `tcpConnect` collectors, side by side, " +
			"and all its `tcpConnect` analyzers. It reads the kinds `SupportBundle` (`hostCollectors`, " +
			"`hostAnalyzers`) and `HostPreflight` (`collectors`, `analyzers`), and beside them `HostCollector` " +
			"(`collectors`) and `Analyzer` (`hostAnalyzers`). It fails closed: an analyzer whose collector is " +
			"missing or excluded fails, and a spec with nothing to judge is an error. Use `proceed` as the condition " +
			"of a precondition.",
		Blocks: map[string]schema.Block{"retry": retryBlock()},
		Attributes: join(batchAttributes("spec", "collector", strict), arguments, map[string]schema.Attribute{
			"results": objectsResult("What each analyzer says, in the order of the analyzers. With `unsupported = \""+
				string(preflight.UnsupportedWarn)+"\"` a warning for each part that was left out "+
				"follows.", specFindingAttributes()),
			"collected": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What each collector found, by its name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: collectedAttributes()},
			},
			"skipped": listResult("What was left out, for example `hostCollectors[3].cpu`."),
		}),
	}
}

func specFindingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"title":          stringResult("Title of the outcome that decided, or else the analyzer's `checkName`."),
		"collector_name": stringResult("Name of the collector that was judged."),
		"address":        stringResult("Its address. Null if the spec has no such collector, or it is excluded."),
		"status": stringResult("Its status: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + ". Null if it did " +
			"not run."),
		"reason":      stringResult("Why the status is what it is."),
		"outcome":     stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"message":     stringResult("Message of the outcome that decided, or else the title and the status."),
		"uri":         stringResult("Where to read more. Null if the outcome has none."),
		"explanation": stringResult(explanationDescription),
		"matched":     boolResult("Whether an outcome matched."),
		"strict":      boolResult("Whether the analyzer is `strict`: then a `fail` is an error of this data source."),
	}
}

func collectedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address": stringResult("What was dialled."),
		"status":  stringResult("The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + "."),
		"reason": stringResult("Why the status is what it " +
			"is: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + "."),
		"message":     stringResult("What the operating system or the resolver said. Empty when connected."),
		"duration_ms": floatResult("Time that the dial took, in milliseconds with fractions."),
	}
}

func (d *specDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

// ValidateConfig validates what concerns several arguments, and warns of outcomes that never decide.
func (d *specDataSource) ValidateConfig(
	ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse,
) {
	var model specModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	model.validateRetry(ctx, nil, &resp.Diagnostics)
	if model.Spec.IsUnknown() || model.Unsupported.IsUnknown() {
		return
	}
	decoded, err := preflight.DecodeSpec(model.Spec.ValueString())
	if err != nil {
		return // the attribute's own validator says why
	}
	model.validateUnsupported(decoded, &resp.Diagnostics)
	model.validateSpecRetry(ctx, decoded, &resp.Diagnostics)
	for _, analyzer := range decoded.Analyzers {
		for i, earlier := range analyzer.Unreachable() {
			text := neverReachedText(analyzer.Position.String()+": ", i, earlier)
			resp.Diagnostics.AddAttributeWarning(path.Root("spec"), neverReached, text)
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

func (d *specDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model specModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	decoded := specValidator.value(path.Root("spec"), model.Spec, &resp.Diagnostics)
	model.validateUnsupported(decoded, &resp.Diagnostics)
	model.validateRetry(ctx, nil, &resp.Diagnostics)
	model.validateSpecRetry(ctx, decoded, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.Exclude.ValueBool() {
		model.excludeArchive(d.run, specForm.subject, &resp.Diagnostics)
		model.fillSkipped(spec.Spec{})
		model.fillExcludedBatch("The spec is excluded: nothing was dialled or judged.")
		resp.Diagnostics.Append(model.set(ctx, &resp.State, &resp.State.Raw, preflight.BatchResult{})...)
		return
	}
	options := model.options(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	batch := d.run.SpecBatch(model.Spec.ValueString(), decoded, options)
	result, ok := model.perform(ctx, d.run, batch, specForm, &resp.Diagnostics)
	if !ok {
		return
	}
	model.fillBatch(result)
	model.fillSkipped(decoded)
	resp.Diagnostics.Append(model.set(ctx, &resp.State, &resp.State.Raw, result)...)
}

var specForm = batchForm{subject: "the spec", title: "Preflight Spec", argument: "spec"}

// options returns how the spec is run.
func (m *specModel) options(ctx context.Context, diags *diag.Diagnostics) preflight.SpecOptions {
	timeout := knownDuration(m.Timeout, 0, path.Root("timeout"), diags)
	return preflight.SpecOptions{
		Unsupported: m.unsupported(),
		Archive:     m.Archive.ValueString(),
		Timeout:     timeout,
		Retry:       m.retry(ctx, timeout, diags),
		Strict:      m.Strict.ValueBool(),
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

// set sets the state, with results and collected of a batch.
func (m *specModel) set(
	ctx context.Context, state state, raw *tftypes.Value, result preflight.BatchResult,
) diag.Diagnostics {
	m.Results, m.Collected = types.ListNull(findingType), types.MapNull(collectedType)
	return setState(ctx, state, raw, m, map[string]tftypes.Value{
		"results": findingsValue(ctx, result.Findings), "collected": collectedValue(ctx, result),
	})
}

// The types of the elements of results and collected.
var (
	findingType   = schema.NestedAttributeObject{Attributes: specFindingAttributes()}.Type()
	collectedType = schema.NestedAttributeObject{Attributes: collectedAttributes()}.Type()
)

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
		values[check.CollectorName] = tftypes.NewValue(elementType, map[string]tftypes.Value{
			"address":     tftypes.NewValue(tftypes.String, check.Target.Address.String()),
			"status":      tftypes.NewValue(tftypes.String, string(result.Status)),
			"reason":      tftypes.NewValue(tftypes.String, string(result.Reason)),
			"message":     tftypes.NewValue(tftypes.String, result.Message),
			"duration_ms": tftypes.NewValue(tftypes.Number, milliseconds(result.Duration)),
		})
	}
	return tftypes.NewValue(tftypes.Map{ElementType: elementType}, values)
}
