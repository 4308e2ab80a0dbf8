// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action"
	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The three forms of a check: data source, ephemeral resource and action.

var (
	_ datasource.DataSourceWithConfigure            = (*tcpConnectDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig       = (*tcpConnectDataSource)(nil)
	_ ephemeral.EphemeralResourceWithConfigure      = (*tcpConnectEphemeralResource)(nil)
	_ ephemeral.EphemeralResourceWithValidateConfig = (*tcpConnectEphemeralResource)(nil)
	_ action.ActionWithConfigure                    = (*tcpConnectAction)(nil)
	_ action.ActionWithValidateConfig               = (*tcpConnectAction)(nil)
)

// tcpConnectDataSource is data "preflight_tcp_connect": the check as an answer.
type tcpConnectDataSource struct {
	run *preflight.Run
}

func (d *tcpConnectDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (d *tcpConnectDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens a TCP connection to an address and closes it at once, without sending anything. " +
			"That the address cannot be reached is an answer, not an error: the status says so, and `outcomes` here " +
			"or in `preflight_analysis` judge it. The result is written to " +
			"`<bundle_dir>/host-collectors/connect/<collector_name>.json`.",
		Attributes: checkAttributes(strictDataSource("a failing outcome, or without `outcomes` a check that is not " +
			"`ready`,")),
		Blocks: map[string]schema.Block{"retry": retryBlock()},
	}
}

func (d *tcpConnectDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (d *tcpConnectDataSource) ValidateConfig(
	ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse,
) {
	var model checkModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (d *tcpConnectDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config checkModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model := config.perform(ctx, d.run, false, nil, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	}
}

// tcpConnectEphemeralResource is ephemeral "preflight_tcp_connect": the check as a gate, made again in every phase.
type tcpConnectEphemeralResource struct {
	run *preflight.Run
}

func (r *tcpConnectEphemeralResource) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (r *tcpConnectEphemeralResource) Schema(
	_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse,
) {
	resp.Schema = ephemeralschema.Schema{
		MarkdownDescription: "Makes the check of the data source `preflight_tcp_connect` again in every phase, in " +
			"the plan and when a saved plan is applied, and stores nothing in the state. It is a gate by itself: a " +
			"failing outcome, or without `outcomes` a check that is not `ready`, is an error, and whatever has " +
			"`depends_on` on it waits. Needs Terraform 1.10 or OpenTofu 1.11.",
		Attributes: ephemeralAttributes(checkAttributes(alwaysStrict)),
		Blocks:     map[string]ephemeralschema.Block{"retry": ephemeralBlock(retryBlock())},
	}
}

// alwaysStrict describes strict of a form in which a failed check is always an error.
const alwaysStrict = "Has no effect here: a failed check is always an error. It is accepted so that a check can be " +
	"moved from the data source as it stands."

func (r *tcpConnectEphemeralResource) Configure(
	_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse,
) {
	r.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (r *tcpConnectEphemeralResource) ValidateConfig(
	ctx context.Context, req ephemeral.ValidateConfigRequest, resp *ephemeral.ValidateConfigResponse,
) {
	var model checkModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.validate(ctx, &resp.Diagnostics)
	}
}

func (r *tcpConnectEphemeralResource) Open(
	ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse,
) {
	var config checkModel
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if model := config.perform(ctx, r.run, true, nil, &resp.Diagnostics); model != nil {
		resp.Diagnostics.Append(resp.Result.Set(ctx, model)...)
	}
}

// tcpConnectAction is action "preflight_tcp_connect": the check on demand or by a trigger, with progress.
type tcpConnectAction struct {
	run *preflight.Run
}

func (a *tcpConnectAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (a *tcpConnectAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = actionschema.Schema{
		MarkdownDescription: "Makes the check of the data source `preflight_tcp_connect` when a lifecycle trigger or " +
			"`-invoke` asks for it, and reports every dial. A failing outcome, or without `outcomes` a check that is " +
			"not `ready`, is an error. A `before_*` trigger holds back its own event; an `after_*` trigger only " +
			"reports: other resources may have been created meanwhile, and a later run does not repeat it. Needs " +
			"Terraform 1.14.",
		Attributes: actionAttributes(checkAttributes(alwaysStrict)),
		Blocks:     map[string]actionschema.Block{"retry": actionBlock(retryBlock())},
	}
}

func (a *tcpConnectAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (a *tcpConnectAction) ValidateConfig(
	ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse,
) {
	var config checkArguments
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if !resp.Diagnostics.HasError() {
		config.validate(ctx, &resp.Diagnostics)
	}
}

func (a *tcpConnectAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var config checkArguments
	resp.Diagnostics.Append(getKnown(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	progress := func(attempt tcpconnect.Attempt) {
		resp.SendProgress(action.InvokeProgressEvent{Message: describeAttempt(attempt)})
	}
	config.perform(ctx, a.run, true, progress, &resp.Diagnostics)
}

// describeAttempt describes a dial in a line, such as "attempt 3: connection-refused, next try in 4s, 41s left".
func describeAttempt(attempt tcpconnect.Attempt) string {
	text := fmt.Sprintf("attempt %d: %s", attempt.Number, attempt.Result.Status)
	if attempt.Next == 0 {
		return text
	}
	next, left := tcpconnect.Rounded(attempt.Next), tcpconnect.Rounded(attempt.Left)
	return fmt.Sprintf("%s, next try in %s, %s left", text, next, left)
}
