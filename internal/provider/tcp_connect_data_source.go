// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
)

var (
	_ datasource.DataSourceWithConfigure      = (*tcpConnectDataSource)(nil)
	_ datasource.DataSourceWithValidateConfig = (*tcpConnectDataSource)(nil)
)

// tcpConnectDataSource is data "preflight_tcp_connect": the check as an answer.
type tcpConnectDataSource struct {
	run *preflight.Run
}

func (d *tcpConnectDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (d *tcpConnectDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens a TCP connection to an address and closes it at once, having sent nothing. " +
			"That the address can't be reached is an answer, not an error: the status says so, and `outcomes` here or in `preflight_analysis` judge it. " +
			"The result is written to `<bundle_dir>/host-collectors/connect/<collector_name>.json`.",
		Attributes: checkAttributes("`true`: a failing outcome, or without `outcomes` a check that is not `ready`, is an error of this data source, so the plan stops without a precondition. " +
			"It stops `terraform destroy` too, which reads data sources first. Default `false`."),
		Blocks: map[string]schema.Block{"retry": retryBlock()},
	}
}

func (d *tcpConnectDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.run, _ = req.ProviderData.(*preflight.Run) // nil while Terraform only validates
}

func (d *tcpConnectDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
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
