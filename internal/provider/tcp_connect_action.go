// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

var (
	_ action.ActionWithConfigure      = (*tcpConnectAction)(nil)
	_ action.ActionWithValidateConfig = (*tcpConnectAction)(nil)
)

// tcpConnectAction is action "preflight_tcp_connect": the check on demand or by a trigger, with progress.
type tcpConnectAction struct {
	run *preflight.Run
}

func (a *tcpConnectAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (a *tcpConnectAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Makes the check of the data source `preflight_tcp_connect` when a lifecycle trigger or `-invoke` asks for it, and reports every dial. " +
			"A failing outcome, or without `outcomes` a check that is not `ready`, is an error. A `before_*` trigger holds back its own event; an `after_*` trigger only reports: " +
			"other resources may have been created meanwhile, and a later run does not repeat it. Needs Terraform 1.14.",
		Attributes: actionAttributes(checkAttributes(alwaysStrict)),
		Blocks:     map[string]schema.Block{"retry": actionBlock(retryBlock())},
	}
}

func (a *tcpConnectAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (a *tcpConnectAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
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

// describeAttempt tells of a dial in a line, such as "attempt 3: connection-refused, next try in 4s, 41s left".
func describeAttempt(attempt tcpconnect.Attempt) string {
	text := fmt.Sprintf("attempt %d: %s", attempt.Number, attempt.Result.Status)
	if attempt.Next == 0 {
		return text
	}
	return fmt.Sprintf("%s, next try in %s, %s left", text, tcpconnect.Rounded(attempt.Next), tcpconnect.Rounded(attempt.Left))
}
