// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// defaultCollectorName names the result file of a collector that has no name, as in Troubleshoot.
const defaultCollectorName = "connect"

var _ datasource.DataSourceWithConfigure = (*tcpConnectDataSource)(nil)

// tcpConnectDataSource is data "preflight_tcp_connect": the collector.
type tcpConnectDataSource struct {
	instance *instance
}

type tcpConnectModel struct {
	Address       types.String `tfsdk:"address"`
	Timeout       types.String `tfsdk:"timeout"`
	CollectorName types.String `tfsdk:"collector_name"`
	Exclude       types.Bool   `tfsdk:"exclude"`

	Status            types.String  `tfsdk:"status"`
	Connected         types.Bool    `tfsdk:"connected"`
	Reason            types.String  `tfsdk:"reason"`
	Message           types.String  `tfsdk:"message"`
	CollectedAt       types.String  `tfsdk:"collected_at"`
	RemoteAddress     types.String  `tfsdk:"remote_address"`
	LocalAddress      types.String  `tfsdk:"local_address"`
	ResolvedAddresses types.List    `tfsdk:"resolved_addresses"`
	DurationMS        types.Float64 `tfsdk:"duration_ms"`
	BundleDir         types.String  `tfsdk:"bundle_dir"`
	BundleFile        types.String  `tfsdk:"bundle_file"`
}

func (d *tcpConnectDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_tcp_connect"
}

func (d *tcpConnectDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Opens a TCP connection to an address and closes it at once, having sent nothing. " +
			"That the address can't be reached is an answer, not an error: the status says so, and `preflight_analysis` judges it. " +
			"The result is written to `<bundle_dir>/host-collectors/connect/<collector_name>.json`.",
		Attributes: map[string]schema.Attribute{
			"address": schema.StringAttribute{
				Required: true,
				MarkdownDescription: "What to connect to: `host:port`. The host is a name or an IP address; an IPv6 address stands in brackets. " +
					"The port is a number from 1 to 65535 or a service name that this machine knows. Unspecified hosts (`0.0.0.0`, `[::]`) are refused.",
				Validators: []validator.String{addressCheck},
			},
			"timeout": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: "Total timeout of the check: name resolution and every address that is tried. " + durationForm +
					" Default: the provider's `timeout`.",
				Validators: []validator.String{durationCheck},
			},
			"collector_name": schema.StringAttribute{
				Optional: true,
				Computed: true,
				MarkdownDescription: fmt.Sprintf("Names the result file. Two collectors of one provider configuration that dial differently need different names, "+
					"compared without regard to case. 1 to 128 letters, digits, spaces, `.`, `_` and `-`, beginning and ending with a letter or digit. Default `%s`.", defaultCollectorName),
				Validators: []validator.String{collectorNameCheck},
			},
			"exclude": schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "`true`: nothing is dialled or written. `connected` is false and the other results are null. " +
					"Exclude an analysis of this status too. Default `false`.",
			},
			"status": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The answer: " + listOf(tcpconnect.Statuses()) + ".",
			},
			"connected": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: fmt.Sprintf("Whether `status` is `%s`.", tcpconnect.Connected),
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Why the status is what it is: " + listOf(tcpconnect.Reasons()) + ".",
			},
			"message": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "What the operating system or the resolver said, of every address that was tried. Empty when connected.",
			},
			"collected_at": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "When the dial ended: RFC 3339, UTC.",
			},
			"remote_address": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`ip:port` of the other end of the connection. Null when not connected.",
			},
			"local_address": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "`ip:port` of this end of the connection. Null when not connected.",
			},
			"resolved_addresses": schema.ListAttribute{
				Computed:    true,
				ElementType: types.StringType,
				MarkdownDescription: "The `ip:port` pairs that were tried, in order. Empty when the name could not be resolved; " +
					"an address that was not needed, because an earlier one connected, is not in it.",
			},
			"duration_ms": schema.Float64Attribute{
				Computed:            true,
				MarkdownDescription: "How long the check took, in milliseconds with fractions.",
			},
			"bundle_dir": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "The support bundle that holds the result. Null when nothing was written.",
			},
			"bundle_file": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Path of the result file. Null when nothing was written.",
			},
		},
	}
}

func (d *tcpConnectDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.instance, _ = req.ProviderData.(*instance) // nil while Terraform only validates
}

func (d *tcpConnectDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model tcpConnectModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	dial := model.resolve(d.instance, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	model.clear()
	if !model.Exclude.ValueBool() {
		result, file, err := d.instance.check(ctx, model.CollectorName.ValueString(), dial)
		if err != nil {
			addCheckError(dial.address, err, &resp.Diagnostics)
			return
		}
		tflog.Debug(ctx, "dialled", map[string]any{"address": dial.address.String(), "status": result.Status, "reason": result.Reason})
		resp.Diagnostics.Append(model.fill(ctx, result)...)
		if file != "" {
			model.BundleDir = types.StringValue(d.instance.bundleDir)
			model.BundleFile = types.StringValue(file)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// resolve gives arguments that are not set their defaults and returns what to dial.
func (m *tcpConnectModel) resolve(i *instance, diags *diag.Diagnostics) dialArguments {
	if m.Timeout.IsNull() {
		m.Timeout = types.StringValue(i.timeout.String())
	}
	if m.CollectorName.IsNull() {
		m.CollectorName = types.StringValue(defaultCollectorName)
	}
	collectorNameCheck.value(path.Root("collector_name"), m.CollectorName, diags)
	return dialArguments{
		address: addressCheck.value(path.Root("address"), m.Address, diags),
		timeout: durationCheck.value(path.Root("timeout"), m.Timeout, diags),
	}
}

// clear makes the results those of a check that was not made.
func (m *tcpConnectModel) clear() {
	*m = tcpConnectModel{
		Address:           m.Address,
		Timeout:           m.Timeout,
		CollectorName:     m.CollectorName,
		Exclude:           m.Exclude,
		Connected:         types.BoolValue(false),
		ResolvedAddresses: types.ListNull(types.StringType),
	}
}

func (m *tcpConnectModel) fill(ctx context.Context, result tcpconnect.Result) diag.Diagnostics {
	m.Status = types.StringValue(string(result.Status))
	m.Connected = types.BoolValue(result.Status == tcpconnect.Connected)
	m.Reason = types.StringValue(string(result.Reason))
	m.Message = types.StringValue(result.Message)
	m.CollectedAt = timeValue(result.CollectedAt)
	m.RemoteAddress = endpointValue(result.Remote)
	m.LocalAddress = endpointValue(result.Local)
	m.DurationMS = types.Float64Value(float64(result.Duration) / float64(time.Millisecond))
	tried := make([]string, 0, len(result.Tried))
	for _, endpoint := range result.Tried {
		tried = append(tried, endpoint.String())
	}
	var diags diag.Diagnostics
	m.ResolvedAddresses, diags = types.ListValueFrom(ctx, types.StringType, tried)
	return diags
}

func endpointValue(endpoint netip.AddrPort) types.String {
	if !endpoint.IsValid() {
		return types.StringNull()
	}
	return types.StringValue(endpoint.String())
}

func timeValue(t time.Time) types.String {
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// addCheckError tells why a check has no result.
func addCheckError(address tcpconnect.Address, err error, diags *diag.Diagnostics) {
	switch _, isClaim := errors.AsType[*claimError](err); {
	case isClaim:
		diags.AddAttributeError(path.Root("collector_name"), "Collector Name Used Twice", err.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		diags.AddError("Check Interrupted", fmt.Sprintf("The run was stopped while %s was dialled. Nothing is known about it, and no result was written.", address))
	default:
		diags.AddError("Result Not Written", fmt.Sprintf("%s was dialled, but the result could not be kept in the support bundle: %s. "+
			"Make the directory writable, choose another with bundle_dir, or set emit_bundle = false.", address, err))
	}
}
