// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action"
	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
)

// The three forms of a gate over many endpoints: data source, ephemeral resource and action.

var (
	_ datasource.DataSourceWithConfigure            = (*endpointsDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig       = (*endpointsDataSource)(nil)
	_ ephemeral.EphemeralResourceWithConfigure      = (*endpointsEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithValidateConfig = (*endpointsEphemeralResource)(nil)
	_ action.ActionWithConfigure                    = (*endpointsAction)(nil)
	_ action.ActionWithValidateConfig               = (*endpointsAction)(nil)
)

// endpointsDataSource is data "preflight_endpoints": many checks with one verdict.
type endpointsDataSource struct {
	run *preflight.Run
}

func (d *endpointsDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_endpoints"
}

func (d *endpointsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Checks many endpoints side by side and gives one verdict: the worst of theirs. The " +
			"message lists every endpoint that is not ready, and why. With `strict` a failure stops the plan; " +
			"without it, use `proceed` as the condition of a precondition.",
		Attributes: endpointsAttributes(strictDataSource("a failing endpoint")),
		Blocks:     map[string]schema.Block{"retry": retryBlock()},
	}
}

func (d *endpointsDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (d *endpointsDataSource) ValidateConfig(
	ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse,
) {
	var model endpointsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (d *endpointsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config endpointsModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model, large := config.perform(ctx, d.run, false, nil, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(setState(ctx, &resp.State, &resp.State.Raw, model, large)...)
	}
}

// endpointsEphemeralResource is ephemeral "preflight_endpoints": the gate again in every phase.
type endpointsEphemeralResource struct {
	run *preflight.Run
}

func (r *endpointsEphemeralResource) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_endpoints"
}

func (r *endpointsEphemeralResource) Schema(
	_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse,
) {
	resp.Schema = ephemeralschema.Schema{
		MarkdownDescription: "Makes the checks of the data source `preflight_endpoints` again in every phase, in the " +
			"plan and when a saved plan is applied, and stores nothing in the state. It is a gate by itself: a " +
			"failing endpoint is an error, and whatever has `depends_on` on it waits. Needs Terraform 1.10 or " +
			"OpenTofu 1.11.",
		Attributes: ephemeralAttributes(endpointsAttributes(alwaysStrict)),
		Blocks:     map[string]ephemeralschema.Block{"retry": ephemeralBlock(retryBlock())},
	}
}

func (r *endpointsEphemeralResource) Configure(
	_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse,
) {
	r.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (r *endpointsEphemeralResource) ValidateConfig(
	ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse,
) {
	var model endpointsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (r *endpointsEphemeralResource) Open(
	ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse,
) {
	var config endpointsModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model, large := config.perform(ctx, r.run, true, nil, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(setState(ctx, &resp.Result, &resp.Result.Raw, model, large)...)
	}
}

// endpointsAction is action "preflight_endpoints": the gate on demand or by a trigger, with progress.
type endpointsAction struct {
	run *preflight.Run
}

func (a *endpointsAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_endpoints"
}

func (a *endpointsAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = actionschema.Schema{
		MarkdownDescription: "Makes the checks of the data source `preflight_endpoints` when a lifecycle trigger or " +
			"`-invoke` asks for it, and reports every second how many are ready. A failing endpoint is an error. A " +
			"`before_*` trigger holds back its own event; an `after_*` trigger only reports. Needs Terraform 1.14.",
		Attributes: actionAttributes(endpointsAttributes(alwaysStrict)),
		Blocks:     map[string]actionschema.Block{"retry": actionBlock(retryBlock())},
	}
}

func (a *endpointsAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (a *endpointsAction) ValidateConfig(
	ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse,
) {
	var config endpointsArguments
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		config.validate(ctx, &resp.Diagnostics)
	}
}

func (a *endpointsAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config endpointsArguments
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	config.perform(ctx, a.run, true, func(message string) {
		resp.SendProgress(action.InvokeProgressEvent{Message: message})
	}, &resp.Diagnostics)
}
