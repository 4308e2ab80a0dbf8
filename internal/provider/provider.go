// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package provider is what Terraform and OpenTofu see: schemas, validation, models and diagnostics. What a provider
// does is in package preflight.
package provider

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Address is the provider's source address.
const Address = "registry.terraform.io/terraform-preflight/preflight"

var (
	_ provider.ProviderWithEphemeralResources = (*Provider)(nil)
	_ provider.ProviderWithActions            = (*Provider)(nil)
)

// Provider is the preflight provider.
type Provider struct {
	version  string
	resolver tcpconnect.Resolver // nil: the system's
	runs     runs
}

// New returns a function that makes a provider of the given version, which dials through this machine's network.
func New(version string) func() provider.Provider {
	return func() provider.Provider {
		return &Provider{version: version}
	}
}

// runs are the runs that a provider has begun, one for each time that it was configured. The zero value has none.
type runs struct {
	mu   sync.Mutex
	runs []*preflight.Run
}

func (r *runs) add(run *preflight.Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, run)
}

func (r *runs) close() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range r.runs {
		err = errors.Join(err, run.Close())
	}
	return err
}

type providerModel struct {
	BundleDir    types.String `tfsdk:"bundle_dir"`
	BundleFormat types.String `tfsdk:"bundle_format"`
	EmitBundle   types.Bool   `tfsdk:"emit_bundle"`
	Timeout      types.String `tfsdk:"timeout"`
	ControlHost  types.String `tfsdk:"control_host"`
	Reports      types.Set    `tfsdk:"reports"`

	VantagePoints types.List `tfsdk:"vantage_point"`
}

// Metadata names the provider.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "preflight"
	resp.Version = p.version
}

// Schema describes the provider's configuration.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Checks whether addresses accept TCP connections, and stops the plan if one does not, " +
			"before a rollout changes anything. The results are files of a Troubleshoot support bundle.",
		Attributes: map[string]schema.Attribute{
			bundleDirSetting.attribute: stringSetting(bundleDirSetting, "Root directory of the support bundle. It is "+
				"created when the first result is written. A relative path starts at the working directory; `~` is "+
				"not expanded, use `pathexpand()`. Give each alias of the provider a directory of its own: aliases "+
				"do not know each other's results.",
				notBlankValidator),
			bundleFormatSetting.attribute: stringSetting(bundleFormatSetting, "Form of the result files. `status`: "+
				"the status alone, without a newline. `json`: "+
				"`{\"status\":\"...\",\"message\":\"...\",\"reason\":\"...\"}`, which the Troubleshoot tools "+
				"read.", bundleFormatValidator),
			emitBundleSetting.attribute: schema.BoolAttribute{
				Optional: true,
				MarkdownDescription: "Whether results are written at all. If `false`, no file and no directory is " +
					"created. " +
					emitBundleSetting.describe(),
			},
			timeoutSetting.attribute: stringSetting(timeoutSetting, "Total timeout of a check that sets "+
				"none. "+durationForm,
				durationValidator),
			reportsSetting.attribute: schema.SetAttribute{
				Optional:    true,
				ElementType: types.StringType,
				MarkdownDescription: "Reports for people and CI to write into the bundle: " +
					suggest.MarkdownChoice(report.Kinds()) + ", as `" +
					strings.Join(preflight.ReportNames(report.Kinds()), "`, `") + "`. They cover what this " +
					"provider configuration has done so far, and are there when the gate has closed, too. An empty " +
					"set overrides the environment variable, whose words are separated by commas. Conflicts with " +
					"`emit_bundle = false`. " + reportsSetting.describe(),
				Validators: []validator.Set{reportsValidator{}},
			},
			controlHostSetting.attribute: stringSetting(controlHostSetting, "IP address at which nothing answers "+
				"from this machine, for example `192.0.2.1` of TEST-NET-1 unless that network is on-link. Something "+
				"on the way may accept connections for every address: a mesh sidecar, a transparent proxy. If set, "+
				"the port of a check is also dialled at this address, once in a run, before the first answer. If "+
				"that connects within a second, every check of the port is `error` for the "+
				"reason `"+string(tcpconnect.ReasonIntercepted)+"`, which no `pass` matches.",
				controlHostValidator),
		},
		Blocks: map[string]schema.Block{"vantage_point": vantagePointBlock()},
	}
}

func stringSetting(of setting, description string, validate validator.String) schema.StringAttribute {
	return schema.StringAttribute{
		Optional:            true,
		MarkdownDescription: description + " " + of.describe(),
		Validators:          []validator.String{validate},
	}
}

// Configure begins the run that everything of this provider configuration receives.
func (p *Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	config := preflight.Config{
		Version: p.version,
		Collector: &tcpconnect.Collector{
			Resolver:    p.resolver,
			ControlHost: resolve(controlHostSetting, model.ControlHost, parseControlHost, &resp.Diagnostics),
		},
		Timeout:   resolve(timeoutSetting, model.Timeout, tcpconnect.ParseDuration, &resp.Diagnostics),
		BundleDir: resolve(bundleDirSetting, model.BundleDir, parseNotBlank, &resp.Diagnostics),
	}
	format := resolve(bundleFormatSetting, model.BundleFormat, parseBundleFormat, &resp.Diagnostics)
	config.Reports = resolveReports(model.Reports, &resp.Diagnostics)
	emits := resolve(emitBundleSetting, model.EmitBundle, parseBool, &resp.Diagnostics)
	// Terraform does not validate again what was unknown then.
	config.VantagePoints = model.vantagePoints(ctx, &resp.Diagnostics, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	switch {
	case emits:
		config.Writer = bundle.NewWriter(config.BundleDir, format, preflight.ReportNames(config.Reports)...)
	case len(config.Reports) > 0:
		model.rejectReports(&resp.Diagnostics)
		return
	}
	run := preflight.New(config)
	p.runs.add(run)
	resp.DataSourceData = run
	resp.EphemeralResourceData = run
	resp.ActionData = run
}

// DataSources lists the data sources.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		func() datasource.DataSource { return &tcpConnectDataSource{} },
		func() datasource.DataSource { return &analysisDataSource{} },
		func() datasource.DataSource { return &specDataSource{} },
		func() datasource.DataSource { return &endpointsDataSource{} },
	}
}

// EphemeralResources lists the ephemeral resources.
func (p *Provider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{
		func() ephemeral.EphemeralResource { return &tcpConnectEphemeralResource{} },
		func() ephemeral.EphemeralResource { return &endpointsEphemeralResource{} },
		func() ephemeral.EphemeralResource { return &specEphemeralResource{} },
	}
}

// Actions lists the actions.
func (p *Provider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{
		func() action.Action { return &tcpConnectAction{} },
		func() action.Action { return &endpointsAction{} },
	}
}

// Resources lists the managed resources, of which there are none.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	return nil
}
