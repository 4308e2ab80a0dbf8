// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
)

// The two forms of a Troubleshoot spec: data source and ephemeral resource.

var (
	_ datasource.DataSourceWithConfigure            = (*specDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig       = (*specDataSource)(nil)
	_ ephemeral.EphemeralResourceWithConfigure      = (*specEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithValidateConfig = (*specEphemeralResource)(nil)
)

// specDataSource is data "preflight_spec": all tcpConnect collectors and analyzers of a Troubleshoot spec.
type specDataSource struct {
	run *preflight.Run
}

func (d *specDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_spec"
}

func (d *specDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Runs a Troubleshoot spec as it stands: all its `tcpConnect` collectors, side by side, " +
			"and all its `tcpConnect` analyzers. It reads the kinds `SupportBundle` (`hostCollectors`, " +
			"`hostAnalyzers`) and `HostPreflight` (`collectors`, `analyzers`), and beside them `HostCollector` " +
			"(`collectors`) and `Analyzer` (`hostAnalyzers`). With `bundle`, it judges what a support bundle holds " +
			"instead of dialling. It fails closed: an analyzer whose collector is missing or excluded fails, and a " +
			"spec with nothing to judge is an error. Use `proceed` as the condition of a precondition.",
		Attributes: specAttributes("If `true`, every analyzer is `strict`: a `fail` is an error of this data source. " +
			"It also stops `terraform destroy`, which reads data sources first. If omitted, each analyzer says so " +
			"for itself."),
		Blocks: map[string]schema.Block{"retry": retryBlock()},
	}
}

func (d *specDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (d *specDataSource) ValidateConfig(
	ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse,
) {
	var model specModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (d *specDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config specModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model, large := config.perform(ctx, d.run, false, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(setState(ctx, &resp.State, &resp.State.Raw, model, large)...)
	}
}

// specEphemeralResource is ephemeral "preflight_spec": the spec again in every phase.
type specEphemeralResource struct {
	run *preflight.Run
}

func (r *specEphemeralResource) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_spec"
}

func (r *specEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = ephemeralschema.Schema{
		MarkdownDescription: "Runs a spec as the data source `preflight_spec` does, again in every phase, in the " +
			"plan and when a saved plan is applied, and stores nothing in the state. It is a gate by itself: a " +
			"failing analyzer is an error, `strict` or not, and whatever has `depends_on` on it waits. Needs " +
			"Terraform 1.10 or OpenTofu 1.11.",
		Attributes: ephemeralAttributes(specAttributes(alwaysStrict)),
		Blocks:     map[string]ephemeralschema.Block{"retry": ephemeralBlock(retryBlock())},
	}
}

func (r *specEphemeralResource) Configure(
	_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse,
) {
	r.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (r *specEphemeralResource) ValidateConfig(
	ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse,
) {
	var model specModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (r *specEphemeralResource) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config specModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model, large := config.perform(ctx, r.run, true, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(setState(ctx, &resp.Result, &resp.Result.Raw, model, large)...)
	}
}
