// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

var (
	_ datasource.DataSourceWithConfigure      = (*analysisDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*analysisDataSource)(nil)
)

// analysisDataSource is data "preflight_analysis": the analyzer.
type analysisDataSource struct {
	run *preflight.Run
}

type analysisModel struct {
	Status        types.String `tfsdk:"status"`
	Reason        types.String `tfsdk:"reason"`
	Bundle        types.String `tfsdk:"bundle"`
	CollectorName types.String `tfsdk:"collector_name"`
	MaxAge        types.String `tfsdk:"max_age"`
	MissingNodes  types.String `tfsdk:"missing_nodes"`
	Exclude       types.Bool   `tfsdk:"exclude"`
	outcomeArguments

	Message     types.String `tfsdk:"message"`
	CollectedAt types.String `tfsdk:"collected_at"`
	Results     types.List   `tfsdk:"results"`
	findingResults
}

func (d *analysisDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_analysis"
}

func (d *analysisDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Judges a status by ordered outcomes: the first outcome whose `when` matches decides, and one without `when` always matches. " +
			"It fails closed: where no outcome matches, the outcome is `fail`. Ask `proceed` in a precondition.",
		Attributes: join(findingAttributes(true, "`true`: a failing outcome is an error of this data source, so the plan stops without a precondition. "+
			"It stops `terraform destroy` too, which reads data sources first. Default `false`.", "message"), map[string]schema.Attribute{
			"status": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "The status to judge, normally `data.preflight_tcp_connect.NAME.status`: " + suggest.MarkdownChoice(tcpconnect.Statuses()) +
					". Exactly one of `status` and `bundle` is set; with `bundle` this is the status that was found there, null if a node without a result decides (`missing_nodes`).",
			},
			"reason": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Why the status is what it is, normally `data.preflight_tcp_connect.NAME.reason`. No `pass` matches a reason that says nothing about the peer, such as `" +
					string(tcpconnect.ReasonLocalLimit) + "`, so hand it on wherever another status than `" + string(tcpconnect.Connected) + "` passes. Only with `status`.",
			},
			"bundle": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A support bundle to read the status from, a directory or a `.tar.gz`: one that a customer sent, that another stage wrote, or this run's own, " +
					"`data.preflight_tcp_connect.NAME.bundle_dir`. Of this provider's own bundle directory only results of this very run are read. " +
					"Of a bundle that the nodes of a cluster made, the result of each is judged, and the worst decides.",
				Validators: []validator.String{notBlankValidator},
			},
			"collector_name": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("Which result of the bundle to read, for example `data.preflight_tcp_connect.NAME.collector_name`. With `status` it only names the check in warnings and errors if there is no `check_name`. Default `%s`.", tcpconnect.DefaultCollectorName),
				Validators:          []validator.String{collectorNameValidator},
			},
			"max_age": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Oldest result that is taken, by the time of its file; an older one, or one from the future, is an error. " +
					durationForm + " Only with `bundle`. Default: any age.",
				Validators: []validator.String{durationValidator},
			},
			"missing_nodes": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "What a node means that the bundle lists and holds nothing of, such as a tainted one, which the Troubleshoot tools do not reach: " +
					suggest.MarkdownChoice(missingNodesChoices) + ". `" + missingNodesError + "` is an error, the others are the verdict on that node. A node with other results but not this one, " +
					"and a list none of whose nodes has the result, are errors in any case. Only with `bundle`. Default `" + missingNodesError + "`.",
				Validators: []validator.String{missingNodesValidator},
			},
			"exclude": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "`true`: nothing is judged. `outcome` and `uri` are null, `proceed` is true and the other booleans are false. " +
					"Default `false`.",
			},
			"collected_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "With `bundle`: when the result was written, by its file's time, RFC 3339, UTC; of several nodes' results the oldest. Null with `status`.",
			},
			"results": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "What was judged: one element, or with a `bundle` of several nodes one for each. Null when excluded.",
				NestedObject:        schema.NestedAttributeObject{Attributes: nodeResultAttributes()},
			},
		}),
	}
}

func nodeResultAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"node":         schema.StringAttribute{Computed: true, MarkdownDescription: "The node of a cluster that the result is of. Null if the machine that made the bundle dialled itself."},
		"title":        schema.StringAttribute{Computed: true, MarkdownDescription: "Title of the outcome that decided, or else `check_name`; of a node with ` - Node ` and its name."},
		"status":       schema.StringAttribute{Computed: true, MarkdownDescription: "Its status. Null if the node has no result (`missing_nodes`)."},
		"reason":       schema.StringAttribute{Computed: true, MarkdownDescription: "Why the status is what it is. Null if that is not known."},
		"detail":       schema.StringAttribute{Computed: true, MarkdownDescription: "What the operating system said, by the result file. Empty with `status`, and if the file does not say."},
		"outcome":      schema.StringAttribute{Computed: true, MarkdownDescription: "The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."},
		"message":      schema.StringAttribute{Computed: true, MarkdownDescription: "Message of the outcome that decided, or else the title and the status."},
		"uri":          schema.StringAttribute{Computed: true, MarkdownDescription: "Where to read more. Null if the outcome has none."},
		"matched":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether an outcome matched."},
		"collected_at": schema.StringAttribute{Computed: true, MarkdownDescription: "When the result was written, RFC 3339, UTC. Null with `status`, and if the node has no result."},
	}
}

func (d *analysisDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

// ValidateConfig checks what concerns several arguments. Terraform calls it again before it reads, with every value known.
func (d *analysisDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model analysisModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validateSource(&resp.Diagnostics)
		model.warnWithoutReason(&resp.Diagnostics)
	}
}

// validateSource checks that the status comes from exactly one place.
func (m *analysisModel) validateSource(diags *diag.Diagnostics) {
	statusSet, bundleSet := !m.Status.IsNull(), !m.Bundle.IsNull()
	mayBeExcluded := m.Exclude.IsUnknown() || m.Exclude.ValueBool()
	const whichToUse = "Use status for a check of this configuration (status = data.preflight_tcp_connect.NAME.status), " +
		"and bundle for a result that another run or a customer left on disk."
	switch mayBeNull := m.Status.IsUnknown() || m.Bundle.IsUnknown(); {
	case statusSet && bundleSet && !mayBeNull:
		diags.AddAttributeError(path.Root("bundle"), "Two Sources of a Status", "Both status and bundle are set. "+whichToUse)
	case !statusSet && !bundleSet && !mayBeExcluded:
		diags.AddAttributeError(path.Root("status"), "No Status to Judge", "Neither status nor bundle has a value. "+whichToUse+
			"\n\nThe status of a collector with exclude = true is null: set exclude on this analysis too, by the same expression. "+
			"Its bundle_dir is null then, and also with emit_bundle = false: use status.")
	}
	if hasValue(m.Bundle) && hasValue(m.Reason) && !mayBeExcluded {
		diags.AddAttributeError(path.Root("reason"), "Reason Without Status",
			"reason belongs to status. A result that is read from a bundle has its own: leave reason out.")
	}
	if !bundleSet && hasValue(m.MaxAge) && !mayBeExcluded {
		diags.AddAttributeError(path.Root("max_age"), "Max Age Without Bundle",
			"max_age limits the age of a result that is read from a bundle. A status of this run is never old: leave max_age out, or set bundle.")
	}
	if !bundleSet && hasValue(m.MissingNodes) && !mayBeExcluded {
		diags.AddAttributeError(path.Root("missing_nodes"), "Missing Nodes Without Bundle",
			"missing_nodes is about the nodes of a cluster that made a bundle. Leave missing_nodes out, or set bundle.")
	}
}

// hasValue reports whether an argument has a value. An unknown one may be null in the end.
func hasValue(value types.String) bool {
	return !value.IsNull() && !value.IsUnknown()
}

// warnWithoutReason warns where another status than connected passes, whatever its reason.
func (m *analysisModel) warnWithoutReason(diags *diag.Diagnostics) {
	if m.Status.IsNull() || !m.Reason.IsNull() || m.Exclude.ValueBool() {
		return
	}
	outcomes, isWhole := decodeOutcomes(m.Outcomes, new(diag.Diagnostics)) // its own validator shows what is wrong
	if !isWhole {
		return
	}
	passes := slices.DeleteFunc(tcpconnect.Analyzer{Outcomes: outcomes}.Passes(), func(status tcpconnect.Status) bool { return status == tcpconnect.Connected })
	if len(passes) > 0 {
		diags.AddAttributeWarning(path.Root("outcomes"), "Pass Without a Reason",
			fmt.Sprintf("The status %s passes, also for a reason that says nothing about the peer, such as a limit of this machine. Hand the reason on, so that such a check fails: "+
				"reason = data.preflight_tcp_connect.NAME.reason.", suggest.Choice(passes)))
	}
}

func (d *analysisDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model analysisModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	model.validateSource(&resp.Diagnostics)
	analyzer := model.analyzer(&resp.Diagnostics)
	terms := model.terms(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.Exclude.ValueBool() {
		model.Message = types.StringValue(model.fillExcluded(analyzer.CheckName))
		model.Results = types.ListNull(nodeResultType)
	} else {
		results := model.read(ctx, d.run, terms, &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
		model.fillFindings(preflight.JudgeNodes(analyzer, results, terms), &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// terms returns what results in a bundle must be.
func (m *analysisModel) terms(diags *diag.Diagnostics) (terms preflight.Terms) {
	if !m.MaxAge.IsNull() {
		terms.MaxAge = durationValidator.value(path.Root("max_age"), m.MaxAge, diags)
	}
	if choice := cmp.Or(m.MissingNodes.ValueString(), missingNodesError); choice != missingNodesError {
		terms.MissingNodes = tcpconnect.Verdict(choice)
	}
	return terms
}

// read returns what is to be judged, at least one result: that of the status, or those of the bundle. A status of this run
// has no time.
func (m *analysisModel) read(
	ctx context.Context, run *preflight.Run, terms preflight.Terms, diags *diag.Diagnostics,
) []bundle.NodeResult {
	if m.Bundle.IsNull() {
		return []bundle.NodeResult{{Result: m.statusOfThisRun(diags)}}
	}
	collectorName := cmp.Or(m.CollectorName.ValueString(), tcpconnect.DefaultCollectorName)
	results, err := run.ReadResults(ctx, m.Bundle.ValueString(), collectorName, terms)
	if err != nil {
		diags.AddAttributeError(path.Root("bundle"), "No Usable Result in the Bundle",
			tcpconnect.Printable(fmt.Sprintf("Collector %q: %s", collectorName, err)))
	}
	return results
}

// statusOfThisRun returns status and reason. They are parsed here and not at validation: under mock providers Terraform
// validates texts that it has made up.
func (m *analysisModel) statusOfThisRun(diags *diag.Diagnostics) bundle.Result {
	status := statusValidator.value(path.Root("status"), m.Status, diags)
	if m.Reason.IsNull() || diags.HasError() {
		return bundle.Result{Status: string(status)}
	}
	reason := reasonValidator.value(path.Root("reason"), m.Reason, diags)
	if !diags.HasError() && !reason.Explains(status) {
		diags.AddAttributeError(path.Root("reason"), "Reason of Another Status",
			fmt.Sprintf("The reason %q does not belong to the status %q. Take both from the same check.", reason, status))
	}
	return bundle.Result{Status: string(status), Reason: string(reason)}
}

// fillFindings fills the results: the worst finding is that of the whole.
func (m *analysisModel) fillFindings(findings []preflight.NodeFinding, diags *diag.Diagnostics) {
	elements := make([]attr.Value, len(findings))
	details := make([]string, len(findings))
	for i, finding := range findings {
		elements[i] = nodeResultValue(finding)
		details[i] = finding.StatusLine()
	}
	worst, message := preflight.Worst(findings)
	whole := findings[worst].Finding
	m.fill(whole)
	m.Status = stringOrNull(findings[worst].Status)
	m.Message = types.StringValue(message)
	m.Results = types.ListValueMust(nodeResultType, elements)
	if !m.Bundle.IsNull() {
		m.CollectedAt = timeValue(preflight.Oldest(findings))
	}
	whole.Message = message
	details = append([]string{tcpconnect.JoinFirst(details, "\n")}, whole.Details()...)
	m.report(m.subject(), whole, m.Strict.ValueBool(), details, diags)
}

// subject names what is judged, as well as the arguments say.
func (m *analysisModel) subject() string {
	collectorName := m.CollectorName.ValueString()
	if m.Bundle.IsNull() {
		return cmp.Or(collectorName, tcpconnect.DefaultCheckName)
	}
	return fmt.Sprintf("%s in %s", cmp.Or(collectorName, tcpconnect.DefaultCollectorName), m.Bundle.ValueString())
}

// What a listed node means that a bundle holds nothing of.
const missingNodesError = "error"

var (
	missingNodesChoices   = []string{missingNodesError, string(tcpconnect.Fail), string(tcpconnect.Warn)}
	missingNodesValidator = stringValidator[string]{"Invalid Choice", "must be what a missing node means", parseMissingNodes}
)

func parseMissingNodes(text string) (string, error) {
	if !slices.Contains(missingNodesChoices, text) {
		return "", fmt.Errorf("%q is not what a missing node can mean. Use one of %s.%s", text, suggest.Choice(missingNodesChoices), suggest.Question(text, missingNodesChoices))
	}
	return text, nil
}

// nodeResultType is the type of an element of results.
var nodeResultType = schema.NestedAttributeObject{Attributes: nodeResultAttributes()}.Type().(basetypes.ObjectType)

func nodeResultValue(finding preflight.NodeFinding) attr.Value {
	collectedAt := types.StringNull()
	if !finding.CollectedAt.IsZero() {
		collectedAt = timeValue(finding.CollectedAt)
	}
	return types.ObjectValueMust(nodeResultType.AttrTypes, map[string]attr.Value{
		"node":         stringOrNull(finding.Node),
		"title":        types.StringValue(finding.Title),
		"status":       stringOrNull(finding.Status),
		"reason":       stringOrNull(finding.Reason),
		"detail":       types.StringValue(finding.NodeResult.Message),
		"outcome":      types.StringValue(string(finding.Verdict)),
		"message":      types.StringValue(finding.Finding.Message),
		"uri":          stringOrNull(finding.URI),
		"matched":      types.BoolValue(finding.Matched),
		"collected_at": collectedAt,
	})
}
