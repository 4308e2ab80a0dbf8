// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
)

var (
	_ ephemeral.EphemeralResourceWithConfigure      = (*tcpConnectEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithValidateConfig = (*tcpConnectEphemeralResource)(nil)
)

// tcpConnectEphemeralResource is ephemeral "preflight_tcp_connect": the check as a gate, made again in every phase.
type tcpConnectEphemeralResource struct {
	run *preflight.Run
}

func (r *tcpConnectEphemeralResource) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (r *tcpConnectEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Makes the check of the data source `preflight_tcp_connect` again in every phase, in the plan and when a saved plan is applied, and stores nothing in the state. " +
			"It is a gate by itself: a failing outcome, or without `outcomes` a check that is not `ready`, is an error, and whatever has `depends_on` on it waits. Needs Terraform 1.10 or OpenTofu 1.11.",
		Attributes: ephemeralAttributes(checkAttributes(alwaysStrict)),
		Blocks:     map[string]schema.Block{"retry": ephemeralBlock(retryBlock())},
	}
}

// alwaysStrict describes strict where a failed check is an error in any case.
const alwaysStrict = "Has no effect here, where a failed check is always an error. It is taken so that a check can be moved from the data source as it stands."

func (r *tcpConnectEphemeralResource) Configure(_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse) {
	r.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (r *tcpConnectEphemeralResource) ValidateConfig(ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse) {
	var model checkModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (r *tcpConnectEphemeralResource) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var config checkModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model := config.perform(ctx, r.run, true, nil, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(resp.Result.Set(ctx, model)...)
	}
}
