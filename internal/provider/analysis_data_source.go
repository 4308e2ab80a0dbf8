// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
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
	CollectorName types.String `tfsdk:"collector_name"`
	Exclude       types.Bool   `tfsdk:"exclude"`
	bundleArguments
	outcomeArguments

	Message     types.String `tfsdk:"message"`
	Explanation types.String `tfsdk:"explanation"`
	CollectedAt types.String `tfsdk:"collected_at"`
	Results     types.List   `tfsdk:"results"`
	findingResults
}

func (d *analysisDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_analysis"
}

func (d *analysisDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	status := stringArgument("The status to judge, normally `data.preflight_tcp_connect.NAME.status`: " +
		suggest.MarkdownChoice(tcpconnect.Statuses()) + ". Exactly one of `status` and `bundle` is required. With " +
		"`bundle` this is the status that was found there, null if a node without a result decides " +
		"(`missing_nodes`).")
	status.Computed = true
	strict := strictDataSource("a failing outcome")
	arguments := map[string]schema.Attribute{
		"status": status,
		"reason": stringArgument("Why the status is what it is, normally `data.preflight_tcp_connect.NAME.reason`. " +
			"No `pass` matches a reason that says nothing about the peer, such " +
			"as `" + string(tcpconnect.ReasonLocalLimit) + "`: hand the reason on if another status " +
			"than `" + string(tcpconnect.Connected) + "` passes. Conflicts with `bundle`."),
		"collector_name": stringArgument("Which result of the bundle to read, for example "+
			"`data.preflight_tcp_connect.NAME.collector_name`. With `status` it only names the check in warnings and "+
			"errors if there is no `check_name`. Defaults "+
			"to `"+tcpconnect.DefaultCollectorName+"`.", collectorNameValidator),
		"exclude": boolArgument("If `true`, nothing is judged. `outcome` and `uri` are null, `proceed` is true and " +
			"the other booleans are false. Defaults to `false`."),
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Judges a status by ordered outcomes: the first outcome whose `when` matches decides, " +
			"and an outcome without `when` always matches. It fails closed: if no outcome matches, the outcome is " +
			"`fail`. Use `proceed` as the condition of a precondition.",
		Attributes: join(findingAttributes(true, strict, "message"), bundleAttributes("A support bundle to read the "+
			"status from, a directory or a `.tar.gz`: one that a customer sent, that another stage wrote, or this "+
			"run's own, `data.preflight_tcp_connect.NAME.bundle_dir`."), arguments, map[string]schema.Attribute{
			"explanation": stringResult(explanationDescription),
			"collected_at": stringResult("With `bundle`: when the result was written, by its file's time, RFC 3339, " +
				"UTC. If there are several nodes, the oldest time. Null with `status`."),
			"results": objectsResult("What was judged: one element, or one for each node of a `bundle` of several "+
				"nodes. Null when excluded.", nodeFindingAttributes()),
		}),
	}
}

// strictDataSource describes strict of a data source.
func strictDataSource(failure string) string {
	return "If `true`, " + failure + " is an error of this data source, so the plan stops without a precondition. It " +
		"also stops `terraform destroy`, which reads data sources first. Defaults to `false`."
}

func nodeFindingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"node": stringResult("The node of a cluster that the result is about. Null if the machine that made the " +
			"bundle dialled itself."),
		"title": stringResult("Title of the outcome that decided, or else `check_name`; for a node followed by ` - " +
			"Node ` and its name."),
		"status": stringResult("Its status. Null if the node has no result (`missing_nodes`)."),
		"reason": stringResult("Why the status is what it is. Null if it is not known."),
		"detail": stringResult("What the operating system said, by the result file. Empty with `status`, and if it " +
			"is not known."),
		"outcome":     stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"message":     stringResult("Message of the outcome that decided, or else the title and the status."),
		"uri":         stringResult("Where to read more. Null if the outcome has none."),
		"explanation": stringResult(explanationDescription),
		"matched":     boolResult("Whether an outcome matched."),
		"collected_at": stringResult("When the result was written, RFC 3339, UTC. Null with `status`, and for a " +
			"node without a result."),
	}
}

func (d *analysisDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

// ValidateConfig checks what concerns several arguments. Terraform calls it again before it reads, with every value
// known.
func (d *analysisDataSource) ValidateConfig(
	ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse,
) {
	var model analysisModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validateSource(&resp.Diagnostics)
		model.warnWithoutReason(&resp.Diagnostics)
	}
}

// validateSource checks that the status comes from exactly one place.
func (m *analysisModel) validateSource(diags *diag.Diagnostics) {
	isStatusSet, isBundleSet := !m.Status.IsNull(), !m.Bundle.IsNull()
	mayBeExcluded := m.Exclude.IsUnknown() || m.Exclude.ValueBool()
	const whichToUse = "Use status for a check of this configuration (status = " +
		"data.preflight_tcp_connect.NAME.status), and bundle for a result that another run or a customer left on disk."
	switch mayBeNull := m.Status.IsUnknown() || m.Bundle.IsUnknown(); {
	case isStatusSet && isBundleSet && !mayBeNull:
		diags.AddAttributeError(path.Root("bundle"), "Two Sources of a Status", "Both status and bundle are "+
			"set. "+whichToUse)
	case !isStatusSet && !isBundleSet && !mayBeExcluded:
		diags.AddAttributeError(path.Root("status"), "No Status to Judge", "Neither status nor bundle has a "+
			"value. "+whichToUse+
			"\n\nThe status of a collector with exclude = true is null: set exclude on this analysis too, by the "+
			"same expression. Its bundle_dir is null then, and also with emit_bundle = false: use status.")
	}
	if mayBeExcluded {
		return
	}
	if hasValue(m.Bundle) && hasValue(m.Reason) {
		diags.AddAttributeError(path.Root("reason"), "Reason Without Status",
			"reason belongs to status. A result that is read from a bundle has its own: leave reason out.")
	}
	m.validateBundle(diags)
}

// warnWithoutReason adds a warning if another status than connected passes, whatever its reason.
func (m *analysisModel) warnWithoutReason(diags *diag.Diagnostics) {
	if m.Status.IsNull() || !m.Reason.IsNull() || m.Exclude.ValueBool() {
		return
	}
	outcomes, isWhole := decodeOutcomes(m.Outcomes, new(diag.Diagnostics)) // its own validator shows what is wrong
	if !isWhole {
		return
	}
	passes := slices.DeleteFunc(tcpconnect.Analyzer{Outcomes: outcomes}.Passes(), func(status tcpconnect.Status) bool {
		return status == tcpconnect.Connected
	})
	if len(passes) > 0 {
		diags.AddAttributeWarning(path.Root("outcomes"), "Pass Without a Reason",
			fmt.Sprintf("The status %s passes, also for a reason that says nothing about the peer, such as a limit "+
				"of this machine. Hand the reason on, so that such a check fails: reason = "+
				"data.preflight_tcp_connect.NAME.reason.",
				suggest.Choice(passes)))
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
		model.Explanation = model.Message
		model.record(d.run, nil, &resp.Diagnostics)
		model.Results = types.ListNull(nodeFindingType)
	} else {
		results := model.read(ctx, d.run, terms, &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
		findings := preflight.JudgeNodes(analyzer, results, terms)
		model.fillFindings(findings, &resp.Diagnostics)
		model.record(d.run, findings, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// record adds the analysis to the reports.
func (m *analysisModel) record(run *preflight.Run, findings []preflight.NodeFinding, diags *diag.Diagnostics) {
	err := run.RecordAnalysis(preflight.Analysis{
		Of: m.subject(), Findings: findings, Title: m.checkName(), IsGate: m.Strict.ValueBool(),
	})
	if err != nil {
		addMessage(preflight.Explain(err, m.subject(), "collector_name"), diags)
	}
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

// read returns what is to be judged, at least one result: that of the status, or those of the bundle. A status of this
// run has no time.
func (m *analysisModel) read(
	ctx context.Context, run *preflight.Run, terms preflight.Terms, diags *diag.Diagnostics,
) []bundle.NodeResult {
	if m.Bundle.IsNull() {
		return []bundle.NodeResult{{Result: m.statusOfThisRun(diags)}}
	}
	collectorName := cmp.Or(m.CollectorName.ValueString(), tcpconnect.DefaultCollectorName)
	results, err := run.ReadResults(ctx, m.Bundle.ValueString(), collectorName, terms)
	if err != nil {
		diags.AddAttributeError(bundlePath, noUsableResult,
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
			fmt.Sprintf("The reason %q does not belong to the status %q. Take both from the same check.",
				reason, status))
	}
	return bundle.Result{Status: string(status), Reason: string(reason)}
}

// fillFindings fills the results: the worst finding is that of the whole.
func (m *analysisModel) fillFindings(findings []preflight.NodeFinding, diags *diag.Diagnostics) {
	elements := make([]attr.Value, len(findings))
	for i, finding := range findings {
		elements[i] = nodeFindingValue(finding)
	}
	worst, message := preflight.Worst(findings)
	whole := findings[worst].Finding
	m.fill(whole)
	m.Status = stringOrNull(findings[worst].Status)
	m.Message = types.StringValue(message)
	m.Results = types.ListValueMust(nodeFindingType, elements)
	if !m.Bundle.IsNull() {
		m.CollectedAt = timeValue(preflight.Oldest(findings))
	}
	whole.Message = message
	details := preflight.DetailsOf(findings, whole)
	m.Explanation = types.StringValue(strings.Join(append([]string{whole.Line()}, details...), "\n"))
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

// nodeFindingType is the type of an element of results.
var nodeFindingType = schema.NestedAttributeObject{Attributes: nodeFindingAttributes()}.Type().(basetypes.ObjectType)

func nodeFindingValue(finding preflight.NodeFinding) attr.Value {
	collectedAt := types.StringNull()
	if !finding.CollectedAt.IsZero() {
		collectedAt = timeValue(finding.CollectedAt)
	}
	return types.ObjectValueMust(nodeFindingType.AttrTypes, map[string]attr.Value{
		"node":         stringOrNull(finding.NodeResult.Node),
		"title":        types.StringValue(finding.Title),
		"status":       stringOrNull(finding.Status),
		"reason":       stringOrNull(finding.Reason),
		"detail":       types.StringValue(finding.NodeResult.Message),
		"outcome":      types.StringValue(string(finding.Verdict)),
		"message":      types.StringValue(finding.Message),
		"uri":          stringOrNull(finding.URI),
		"matched":      types.BoolValue(finding.Matched),
		"explanation":  types.StringValue(finding.Explanation()),
		"collected_at": collectedAt,
	})
}
