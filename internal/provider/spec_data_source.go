// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
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

// defaultMaxConcurrency is how many dials of a spec are under way at once.
const defaultMaxConcurrency = 1000

// What is to be done with what a spec asks for beside tcpConnect.
const (
	unsupportedError = "error"
	unsupportedWarn  = "warn"
	unsupportedSkip  = "skip"
)

var unsupportedChoices = []string{unsupportedError, unsupportedWarn, unsupportedSkip}

func parseUnsupported(text string) (string, error) {
	if !slices.Contains(unsupportedChoices, text) {
		return "", fmt.Errorf("%q is not a way to go on. Use one of %s.%s", text, suggest.Choice(unsupportedChoices), suggest.Question(text, unsupportedChoices))
	}
	return text, nil
}

func (d *specDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_spec"
}

func (d *specDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Runs a Troubleshoot spec as it stands: every `tcpConnect` collector of it, all dials side by side, and every `tcpConnect` analyzer. " +
			"It takes the kinds `SupportBundle` (`hostCollectors`, `hostAnalyzers`) and `HostPreflight` (`collectors`, `analyzers`), " +
			"and beside them `HostCollector` (`collectors`) and `Analyzer` (`hostAnalyzers`). " +
			"It fails closed: an analyzer whose collector is missing or excluded fails, and a spec with nothing to judge is an error. Ask `proceed` in a precondition.",
		Attributes: join(verdictAttributes(), map[string]schema.Attribute{
			"spec": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "The spec, YAML or JSON: one or several documents, for example `file(\"preflight.yaml\")` or `yamlencode({...})`. " +
					"A `Secret` or `ConfigMap` with the label `troubleshoot.sh/kind` is taken for what it holds. A field that does not exist is an error with its line.",
				Validators: []validator.String{specValidator},
			},
			"unsupported": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What to do with collectors, analyzers and fields that Troubleshoot knows and this provider does not run, " +
					"and with documents that are not a spec (what `helm template` prints). `" + unsupportedError + "`: an error lists them. " +
					"`" + unsupportedWarn + "`: the rest runs, and each one left out is a warning in `results`, so that `outcome` is at best `warn`. " +
					"`" + unsupportedSkip + "`: the rest runs. Default `" + unsupportedError + "`.",
				Validators: []validator.String{unsupportedValidator},
			},
			"archive": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Path of a `.tar.gz` (or `.tgz`) that the whole bundle is also written to, below one directory that is named after it. A relative path starts at the working directory.",
				Validators:          []validator.String{archiveValidator},
			},
			"max_concurrency": schema.Int64Attribute{
				Optional: true,
				MarkdownDescription: fmt.Sprintf("Most dials under way at once. What waits for its turn has not started its timeout. It is lowered to the files that the process may open. Default `%d`.",
					defaultMaxConcurrency),
				Validators: []validator.Int64{int64validator.AtLeast(1)},
			},
			"exclude": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "`true`: nothing is dialled, judged or written, `proceed` is true, `message` says so, and the lists are empty. " +
					"The arguments are validated all the same. Default `false`.",
			},
			"message": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The texts of what is not a pass, one on a line, the failures first. Never empty, so that it can be an `error_message`.",
			},
			"results": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What each analyzer says, in the order of the analyzers; with `unsupported = \"" + unsupportedWarn + "\"` then a warning for each thing that was left out.",
				NestedObject:        schema.NestedAttributeObject{Attributes: specFindingAttributes()},
			},
			"collected": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What each collector found, by its name.",
				NestedObject:        schema.NestedAttributeObject{Attributes: collectedAttributes()},
			},
			"skipped": schema.ListAttribute{
				Computed:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "What was left out, for example `hostCollectors[3].cpu`.",
			},
			"bundle_dir": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The support bundle that holds the results, `version.yaml` and `analysis.json`. Null when nothing was written.",
			},
		}),
	}
}

func specFindingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"title":          schema.StringAttribute{Computed: true, MarkdownDescription: "Title of the outcome that decided, or else the analyzer's `checkName`."},
		"collector_name": schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the collector that was judged."},
		"address":        schema.StringAttribute{Computed: true, MarkdownDescription: "Its address. Null if the spec has no such collector, or it is excluded."},
		"status":         schema.StringAttribute{Computed: true, MarkdownDescription: "Its status: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + ". Null if it did not run."},
		"reason":         schema.StringAttribute{Computed: true, MarkdownDescription: "Why the status is what it is."},
		"outcome":        schema.StringAttribute{Computed: true, MarkdownDescription: "The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."},
		"message":        schema.StringAttribute{Computed: true, MarkdownDescription: "Message of the outcome that decided, or else the title and the status."},
		"uri":            schema.StringAttribute{Computed: true, MarkdownDescription: "Where to read more. Null if the outcome has none."},
		"matched":        schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether an outcome matched."},
		"strict":         schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the analyzer is `strict`: then a `fail` is an error of this data source."},
	}
}

func collectedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address":     schema.StringAttribute{Computed: true, MarkdownDescription: "What was dialled."},
		"status":      schema.StringAttribute{Computed: true, MarkdownDescription: "The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + "."},
		"reason":      schema.StringAttribute{Computed: true, MarkdownDescription: "Why the status is what it is: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + "."},
		"message":     schema.StringAttribute{Computed: true, MarkdownDescription: "What the operating system or the resolver said. Empty when connected."},
		"duration_ms": schema.Float64Attribute{Computed: true, MarkdownDescription: "How long the dial took, in milliseconds with fractions."},
	}
}

func (d *specDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

// ValidateConfig checks what concerns both the spec and what to do with the unsupported.
func (d *specDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model specModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || model.Spec.IsUnknown() || model.Unsupported.IsUnknown() {
		return
	}
	decoded, err := parseSpec(model.Spec.ValueString())
	if err != nil {
		return // the attribute's own check tells
	}
	model.validateUnsupported(decoded, &resp.Diagnostics)
	for _, analyzer := range decoded.Analyzers {
		for i, earlier := range analyzer.Unreachable() {
			resp.Diagnostics.AddAttributeWarning(path.Root("spec"), neverReached, neverReachedText(analyzer.Position.String()+": ", i, earlier))
		}
	}
}

// validateUnsupported adds an error if the spec asks for more than is run, unless that is wanted.
func (m *specModel) validateUnsupported(decoded spec.Spec, diags *diag.Diagnostics) {
	if len(decoded.Unsupported) > 0 && m.unsupported() == unsupportedError {
		diags.AddAttributeError(path.Root("spec"), "Unsupported Parts of the Spec",
			fmt.Sprintf("This provider runs tcpConnect collectors and analyzers only, and the spec has more:\n\n%s\n\nTake them out, or set unsupported = %q to run the rest and be warned of each, or %q to run the rest.",
				strings.Join(decoded.UnsupportedPaths(), "\n"), unsupportedWarn, unsupportedSkip))
	}
}

func (m *specModel) unsupported() string {
	if m.Unsupported.IsNull() {
		return unsupportedError
	}
	return m.Unsupported.ValueString()
}

// parseSpec reads a spec whose collectors can all be kept in a bundle.
func parseSpec(text string) (spec.Spec, error) {
	decoded, err := spec.Decode(text)
	if err != nil {
		return decoded, err
	}
	var problems spec.Problems
	for _, collector := range decoded.Included() {
		if err := bundle.ValidateCollectorName(collector.Name); err != nil {
			problems = append(problems, spec.Problem{Position: collector.Position, Text: err.Error()})
		}
	}
	if len(problems) > 0 {
		return spec.Spec{}, problems
	}
	return decoded, nil
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
		model.fillExcluded()
		resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
		return
	}
	batch := model.batch(decoded, d.run.Timeout)
	tflog.Debug(ctx, "dialling the addresses of a spec", map[string]any{
		"addresses": len(batch.Checks), "max_concurrency": batch.MaxConcurrency,
	})
	result, err := d.run.Batch(ctx, batch)
	if err != nil {
		addBatchError(err, &resp.Diagnostics)
		return
	}
	tflog.Debug(ctx, "dialled the addresses of a spec", map[string]any{"outcome": string(result.Verdict)})
	model.fill(decoded, result)
	model.report(result, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// batch returns what the arguments ask for.
func (m *specModel) batch(decoded spec.Spec, defaultTimeout time.Duration) preflight.Batch {
	batch := preflight.Batch{
		Key:            m.Spec.ValueString(),
		MaxConcurrency: defaultMaxConcurrency,
		Archive:        m.Archive.ValueString(),
		Judge: func(results []tcpconnect.Result) []tcpconnect.Finding {
			findings := decoded.Judge(results)
			if m.unsupported() == unsupportedWarn {
				findings = append(findings, decoded.WarnOfUnsupported()...)
			}
			return findings
		},
	}
	for _, collector := range decoded.Included() {
		batch.Checks = append(batch.Checks, preflight.Check{
			CollectorName: collector.Name,
			Check:         collector.Check(defaultTimeout),
		})
	}
	if !m.MaxConcurrency.IsNull() {
		batch.MaxConcurrency = int(min(m.MaxConcurrency.ValueInt64(), math.MaxInt32)) // an int may have 32 bits
	}
	return batch
}

// fillExcluded opens the gate on purpose.
func (m *specModel) fillExcluded() {
	m.fill(spec.Spec{}, preflight.BatchResult{Message: "The spec is excluded: nothing was dialled or judged."})
	m.Outcome = types.StringNull()
	m.Proceed = types.BoolValue(true)
}

func (m *specModel) fill(decoded spec.Spec, result preflight.BatchResult) {
	m.fillVerdict(result.Verdict)
	m.Message = types.StringValue(result.Message)
	m.Results = findingsValue(result.Findings)
	m.Collected = collectedValue(result)
	skipped := make([]attr.Value, 0, len(decoded.Unsupported))
	for _, part := range decoded.Unsupported {
		skipped = append(skipped, types.StringValue(part.Path))
	}
	m.Skipped = types.ListValueMust(types.StringType, skipped)
	m.BundleDir = stringOrNull(result.BundleDir)
}

// The types of the elements of results and collected.
var (
	findingType   = schema.NestedAttributeObject{Attributes: specFindingAttributes()}.Type().(basetypes.ObjectType)
	collectedType = schema.NestedAttributeObject{Attributes: collectedAttributes()}.Type().(basetypes.ObjectType)
)

// findingsValue builds the value by hand: by reflection, as ListValueFrom does, it would take several times as long (make
// bench).
func findingsValue(findings []tcpconnect.Finding) types.List {
	values := make([]attr.Value, 0, len(findings))
	for _, finding := range findings {
		status, reason := types.StringNull(), types.StringNull()
		if finding.Result != nil {
			status = types.StringValue(string(finding.Result.Status))
			reason = types.StringValue(string(finding.Result.Reason))
		}
		values = append(values, types.ObjectValueMust(findingType.AttrTypes, map[string]attr.Value{
			"title":          types.StringValue(finding.Title),
			"collector_name": stringOrNull(finding.CollectorName),
			"address":        stringOrNull(finding.Address),
			"status":         status,
			"reason":         reason,
			"outcome":        types.StringValue(string(finding.Verdict)),
			"message":        types.StringValue(finding.Message),
			"uri":            stringOrNull(finding.URI),
			"matched":        types.BoolValue(finding.Matched),
			"strict":         types.BoolValue(finding.Strict),
		}))
	}
	return types.ListValueMust(findingType, values)
}

func collectedValue(batch preflight.BatchResult) types.Map {
	values := make(map[string]attr.Value, len(batch.Checks))
	for i, check := range batch.Checks {
		result := batch.Results[i]
		values[check.CollectorName] = types.ObjectValueMust(collectedType.AttrTypes, map[string]attr.Value{
			"address":     types.StringValue(check.Target.Address.String()),
			"status":      types.StringValue(string(result.Status)),
			"reason":      types.StringValue(string(result.Reason)),
			"message":     types.StringValue(result.Message),
			"duration_ms": millisecondsValue(result.Duration),
		})
	}
	return types.MapValueMust(collectedType, values)
}

// report adds one warning for all warnings, one for all parts that are not run, and if a strict analyzer failed one error
// for all failures.
func (m *specModel) report(result preflight.BatchResult, diags *diag.Diagnostics) {
	var warnings, unsupported, strictFailures, failures []string
	for _, finding := range result.Findings {
		switch {
		case finding.Verdict == tcpconnect.Pass:
		case finding.CollectorName == "":
			unsupported = append(unsupported, finding.Title)
		case finding.Verdict == tcpconnect.Warn:
			warnings = append(warnings, paragraph(finding))
		case finding.Strict:
			strictFailures = append(strictFailures, paragraph(finding))
		default:
			failures = append(failures, paragraph(finding))
		}
	}
	checks := counted(len(result.Findings)-len(unsupported), "Check", "Checks")
	if len(warnings) > 0 {
		diags.AddWarning(fmt.Sprintf("Preflight Spec: %d of %s Warn", len(warnings), checks), tcpconnect.JoinFirst(warnings, "\n\n"))
	}
	if len(unsupported) > 0 {
		diags.AddWarning("Preflight Spec: "+counted(len(unsupported), "Part", "Parts")+" Left Out",
			"This provider runs tcpConnect collectors and analyzers only. The spec has more:\n\n"+tcpconnect.JoinFirst(unsupported, "\n"))
	}
	if len(strictFailures) == 0 {
		return
	}
	where := ""
	switch {
	case !m.Archive.IsNull():
		where = fmt.Sprintf("\n\nThe archive %s holds all results. Send it to those who support you.", m.Archive.ValueString())
	case result.BundleDir != "":
		where = fmt.Sprintf("\n\nThe support bundle %s holds all results.", result.BundleDir)
	}
	all := slices.Concat(strictFailures, failures)
	diags.AddError(fmt.Sprintf("Preflight Spec Failed: %d of %s", len(all), checks), tcpconnect.JoinFirst(all, "\n\n")+where)
}

// counted is a number with its noun, in the form that the number asks for.
func counted(number int, one, many string) string {
	if number == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", number, many)
}

// paragraph describes a finding in a paragraph.
func paragraph(finding tcpconnect.Finding) string {
	return strings.Join(append([]string{finding.Line()}, finding.Details()...), "\n  ")
}

// addBatchError says why a batch has no results.
func addBatchError(err error, diags *diag.Diagnostics) {
	_, isForeign := errors.AsType[*bundle.ForeignFileError](err)
	_, isArchive := errors.AsType[*preflight.ArchiveError](err)
	switch _, isClaim := errors.AsType[*preflight.ClaimError](err); {
	case isClaim:
		diags.AddAttributeError(path.Root("spec"), "Results Would Be Overwritten", err.Error())
	case errors.Is(err, preflight.ErrArchiveWithoutBundle):
		diags.AddAttributeError(path.Root("archive"), "Archive Without a Bundle", err.Error())
	case errors.Is(err, preflight.ErrOlderArchive):
		diags.AddAttributeError(path.Root("archive"), "Archive Was Read Before", err.Error())
	case errors.Is(err, preflight.ErrArchiveTaken):
		diags.AddAttributeError(path.Root("archive"), "Archive Would Be Overwritten", err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		diags.AddError("Check Interrupted", "The run was stopped while the addresses of the spec were checked. "+
			"Nothing is known about them, and no result was written.")
	case isForeign:
		diags.AddError("File of Another Program", err.Error()+". Give the bundle a directory of its own, for example "+
			"bundle_dir = \"support-bundle\" in the provider's configuration, or move the file.")
	case isArchive:
		diags.AddAttributeError(path.Root("archive"), "Archive Not Written", fmt.Sprintf("The addresses of the spec were "+
			"dialled, and the bundle was written, but not the archive: %s. Look at the path, its permissions and the free "+
			"space, or leave archive out.", err))
	default:
		diags.AddError("Result Not Written", fmt.Sprintf("The addresses of the spec were dialled, but the results could not be "+
			"kept: %s. "+notWrittenAdvice, err))
	}
}
