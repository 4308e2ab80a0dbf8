// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

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
	Spec           types.String `tfsdk:"spec"`
	Unsupported    types.String `tfsdk:"unsupported"`
	Archive        types.String `tfsdk:"archive"`
	MaxConcurrency types.Int64  `tfsdk:"max_concurrency"`
	Exclude        types.Bool   `tfsdk:"exclude"`

	verdictResults
	Message   types.String `tfsdk:"message"`
	Results   types.List   `tfsdk:"results"`
	Collected types.Map    `tfsdk:"collected"`
	Skipped   types.List   `tfsdk:"skipped"`
	BundleDir types.String `tfsdk:"bundle_dir"`
}

func (d *specDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_spec"
}

func (d *specDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
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
		"archive": stringArgument("Path of a `.tar.gz` (or `.tgz`) to write results and analysis of this spec into "+
			"as well, below one directory that is named after it. A relative path starts at the working "+
			"directory.", archiveValidator),
		"max_concurrency": countArgument(fmt.Sprintf("Maximum number of dials in flight. The timeout of a check "+
			"begins when it has its turn. What the process may open is shared by all specs of a provider. Defaults "+
			"to `%d`.",
			preflight.DefaultMaxConcurrency)),
		"exclude": boolArgument("If `true`, nothing is dialled, judged or written, `proceed` is true, `message` says " +
			"so, and the lists are empty. The arguments are validated all the same. Defaults to `false`."),
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Runs a Troubleshoot spec as it stands: all its `tcpConnect` collectors, side by side, " +
			"and all its `tcpConnect` analyzers. It reads the kinds `SupportBundle` (`hostCollectors`, " +
			"`hostAnalyzers`) and `HostPreflight` (`collectors`, `analyzers`), and beside them `HostCollector` " +
			"(`collectors`) and `Analyzer` (`hostAnalyzers`). It fails closed: an analyzer whose collector is " +
			"missing or excluded fails, and a spec with nothing to judge is an error. Use `proceed` as the condition " +
			"of a precondition.",
		Attributes: join(verdictAttributes(), arguments, map[string]schema.Attribute{
			"message": stringResult("The texts of what is not a pass, one in a line, the failures first. Never " +
				"empty, so that it can be an `error_message`."),
			"results": objectsResult("What each analyzer says, in the order of the analyzers. With `unsupported = \""+
				string(preflight.UnsupportedWarn)+"\"` a warning for each part that was left out "+
				"follows.", specFindingAttributes()),
			"collected": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What each collector found, by its name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: collectedAttributes()},
			},
			"skipped": listResult("What was left out, for example `hostCollectors[3].cpu`."),
			"bundle_dir": stringResult("The support bundle that holds the results, `version.yaml` and " +
				"`analysis.json`. Null if nothing was written."),
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
		"reason":  stringResult("Why the status is what it is."),
		"outcome": stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"message": stringResult("Message of the outcome that decided, or else the title and the status."),
		"uri":     stringResult("Where to read more. Null if the outcome has none."),
		"matched": boolResult("Whether an outcome matched."),
		"strict":  boolResult("Whether the analyzer is `strict`: then a `fail` is an error of this data source."),
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
	if resp.Diagnostics.HasError() || model.Spec.IsUnknown() || model.Unsupported.IsUnknown() {
		return
	}
	decoded, err := preflight.DecodeSpec(model.Spec.ValueString())
	if err != nil {
		return // the attribute's own validator says why
	}
	model.validateUnsupported(decoded, &resp.Diagnostics)
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
	if resp.Diagnostics.HasError() {
		return
	}
	if model.Exclude.ValueBool() {
		if err := model.excludeArchive(d.run); err != nil {
			addMessage(preflight.Explain(err, "the spec", "spec"), &resp.Diagnostics)
			return
		}
		resp.Diagnostics.Append(model.setExcluded(ctx, &resp.State)...)
		return
	}
	batch := d.run.SpecBatch(model.Spec.ValueString(), decoded, model.unsupported(), model.Archive.ValueString())
	if !model.MaxConcurrency.IsNull() {
		batch.MaxConcurrency = int(min(model.MaxConcurrency.ValueInt64(), math.MaxInt32)) // an int may have 32 bits
	}
	tflog.Debug(ctx, "dialling the addresses of a spec", map[string]any{
		"addresses": len(batch.Checks), "max_concurrency": batch.MaxConcurrency,
	})
	result, err := d.run.Batch(ctx, batch)
	if err != nil {
		addMessage(preflight.Explain(err, "the spec", "spec"), &resp.Diagnostics)
		return
	}
	tflog.Debug(ctx, "dialled the addresses of a spec", map[string]any{"outcome": string(result.Verdict)})
	for _, message := range result.Messages("Preflight Spec", batch.Archive) {
		addMessage(message, &resp.Diagnostics)
	}
	model.fill(decoded, result)
	resp.Diagnostics.Append(model.set(ctx, &resp.State, result)...)
}

// excludeArchive keeps what lies at the archive's path from being judged.
func (m *specModel) excludeArchive(run *preflight.Run) error {
	if m.Archive.IsNull() {
		return nil
	}
	return run.ExcludeArchive(m.Archive.ValueString())
}

// setExcluded opens the gate on purpose.
func (m *specModel) setExcluded(ctx context.Context, state *tfsdk.State) diag.Diagnostics {
	nothing := preflight.BatchResult{Message: "The spec is excluded: nothing was dialled or judged."}
	m.fill(spec.Spec{}, nothing)
	m.Outcome = types.StringNull()
	m.Proceed = types.BoolValue(true)
	return m.set(ctx, state, nothing)
}

func (m *specModel) fill(decoded spec.Spec, result preflight.BatchResult) {
	m.fillVerdict(result.Verdict)
	m.Message = types.StringValue(result.Message)
	skipped := make([]attr.Value, 0, len(decoded.Unsupported))
	for _, part := range decoded.Unsupported {
		skipped = append(skipped, types.StringValue(part.Path))
	}
	m.Skipped = types.ListValueMust(types.StringType, skipped)
	m.BundleDir = stringOrNull(result.BundleDir)
}

// set sets the state. State.Set takes ten times as long for results and collected of a large spec as it takes to build
// their values by hand (make bench).
func (m *specModel) set(ctx context.Context, state *tfsdk.State, result preflight.BatchResult) diag.Diagnostics {
	m.Results, m.Collected = types.ListNull(findingType), types.MapNull(collectedType)
	diags := state.Set(ctx, m)
	var attributes map[string]tftypes.Value
	if err := state.Raw.As(&attributes); err != nil || diags.HasError() {
		diags.AddError("State Not Set", fmt.Sprintf("The state of the spec is not an object: %v.", err))
		return diags
	}
	attributes["results"] = findingsValue(ctx, result.Findings)
	attributes["collected"] = collectedValue(ctx, result)
	state.Raw = tftypes.NewValue(state.Raw.Type(), attributes)
	return diags
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

// rawOrNull is stringOrNull without the framework.
func rawOrNull(text string) tftypes.Value {
	if text == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, text)
}
