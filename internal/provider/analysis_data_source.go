// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

var (
	_ datasource.DataSourceWithConfigure      = (*analysisDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*analysisDataSource)(nil)
)

// analysisDataSource is data "preflight_analysis": the analyzer.
type analysisDataSource struct {
	instance *instance
}

type analysisModel struct {
	Status        types.String `tfsdk:"status"`
	Bundle        types.String `tfsdk:"bundle"`
	CollectorName types.String `tfsdk:"collector_name"`
	MaxAge        types.String `tfsdk:"max_age"`
	Exclude       types.Bool   `tfsdk:"exclude"`
	judgementArguments

	Message     types.String `tfsdk:"message"`
	CollectedAt types.String `tfsdk:"collected_at"`
	judgementResults
}

func (d *analysisDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_analysis"
}

func (d *analysisDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Judges a status by ordered outcomes: the first outcome whose `when` matches decides, and one without `when` always matches. " +
			"It fails closed: where no outcome matches, the outcome is `fail`. Ask `proceed` in a precondition.",
		Attributes: join(judgementAttributes(true, "`true`: a failing outcome is an error of this data source, so the plan stops without a precondition. "+
			"It stops `terraform destroy` too, which reads data sources first. Default `false`.", "message"), map[string]schema.Attribute{
			"status": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "The status to judge, normally `data.preflight_tcp_connect.NAME.status`: " + listOf(tcpconnect.Statuses()) +
					". Exactly one of `status` and `bundle` is set; with `bundle` this is the status that was found there.",
				Validators: []validator.String{statusCheck},
			},
			"bundle": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Directory of a support bundle to read the status from: one that a customer sent, that another stage wrote, or this run's own, " +
					"`data.preflight_tcp_connect.NAME.bundle_dir`. Of this provider's own bundle only results of this very run are read.",
				Validators: []validator.String{notBlankCheck},
			},
			"collector_name": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("Which result of the bundle to read, for example `data.preflight_tcp_connect.NAME.collector_name`. Of no effect with `status`. Default `%s`.", tcpconnect.DefaultCollectorName),
				Validators:          []validator.String{collectorNameCheck},
			},
			"max_age": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Oldest result that is taken, by the time of its file; an older one, or one from the future, is an error. " +
					durationForm + " Only with `bundle`. Default: any age.",
				Validators: []validator.String{durationCheck},
			},
			"exclude": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "`true`: nothing is judged. `outcome` and `uri` are null, `proceed` is true and the other booleans are false. " +
					"Default `false`.",
			},
			"collected_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "With `bundle`: when the result was written, by its file's time, RFC 3339, UTC. Null with `status`.",
			},
		}),
	}
}

func (d *analysisDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.instance, _ = req.ProviderData.(*instance) // nil while Terraform only validates
}

// ValidateConfig checks what concerns several arguments. Terraform calls it again before it reads, with every value known.
func (d *analysisDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model analysisModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.checkSource(&resp.Diagnostics)
	}
}

// checkSource checks that the status comes from exactly one place.
func (m *analysisModel) checkSource(diags *diag.Diagnostics) {
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
	if !bundleSet && !m.MaxAge.IsNull() && !mayBeExcluded {
		diags.AddAttributeError(path.Root("max_age"), "Max Age Without Bundle",
			"max_age limits the age of a result that is read from a bundle. A status of this run is never old: leave max_age out, or set bundle.")
	}
}

func (d *analysisDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model analysisModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	model.checkSource(&resp.Diagnostics)
	analyzer := model.analyzer(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if model.Exclude.ValueBool() {
		model.Message = types.StringValue(model.fillExcluded(analyzer.CheckName))
	} else {
		model.readStatus(d.instance, &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
		analysis := analyzer.Analyze(tcpconnect.Status(model.Status.ValueString()))
		model.fill(analysis)
		model.Message = types.StringValue(analysis.Message)
		report(analyzer.CheckName, analysis, model.Strict.ValueBool(), []string{"Status: " + model.Status.ValueString()}, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// readStatus sets the status from the bundle if that is where it comes from.
func (m *analysisModel) readStatus(i *instance, diags *diag.Diagnostics) {
	if m.Bundle.IsNull() {
		statusCheck.value(path.Root("status"), m.Status, diags)
		return
	}
	collectorName := cmp.Or(m.CollectorName.ValueString(), tcpconnect.DefaultCollectorName)
	status, collectedAt, err := i.readResult(m.Bundle.ValueString(), collectorName)
	if err == nil && !m.MaxAge.IsNull() {
		err = checkAge(time.Since(collectedAt), durationCheck.value(path.Root("max_age"), m.MaxAge, diags))
	}
	if err != nil {
		diags.AddAttributeError(path.Root("bundle"), "No Usable Result in the Bundle",
			fmt.Sprintf("Collector %q: %s", collectorName, err))
		return
	}
	m.Status = types.StringValue(string(status))
	m.CollectedAt = timeValue(collectedAt)
}

// clockSkew is how far in the future a result may be dated: the clocks of a network of machines differ a little.
const clockSkew = time.Minute

// checkAge tells whether a result is too old. One from the future proves nothing: a clock was wrong when it was written, or is now.
func checkAge(age, maxAge time.Duration) error {
	switch {
	case age > maxAge:
		return fmt.Errorf("the result is %s old, and max_age is %s. Run the check again, or use the status of this run: "+
			"status = data.preflight_tcp_connect.NAME.status.", age.Round(time.Second), maxAge)
	case age < -clockSkew:
		return fmt.Errorf("the result is dated %s in the future, so its age is not known. Compare the clocks of the machines that wrote and read it.", (-age).Round(time.Second))
	default:
		return nil
	}
}
