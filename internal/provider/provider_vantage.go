// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

var _ provider.ProviderWithValidateConfig = (*Provider)(nil)

// vantagePointModel is the block vantage_point.
type vantagePointModel struct {
	Name           types.String `tfsdk:"name"`
	Via            types.String `tfsdk:"via"`
	ConnectTimeout types.String `tfsdk:"connect_timeout"`
	Resolve        types.String `tfsdk:"resolve"`
	SSH            types.List   `tfsdk:"ssh"`
	Proxy          types.List   `tfsdk:"proxy"`
}

// sshModel is the block ssh.
type sshModel struct {
	Host                 types.String `tfsdk:"host"`
	User                 types.String `tfsdk:"user"`
	PrivateKey           types.String `tfsdk:"private_key"`
	PrivateKeyPassphrase types.String `tfsdk:"private_key_passphrase"`
	Certificate          types.String `tfsdk:"certificate"`
	Password             types.String `tfsdk:"password"`
	Agent                types.Bool   `tfsdk:"agent"`
	AgentIdentity        types.String `tfsdk:"agent_identity"`
	HostKey              types.String `tfsdk:"host_key"`
	KnownHosts           types.String `tfsdk:"known_hosts"`
}

// proxyModel is the block proxy.
type proxyModel struct {
	URL           types.String `tfsdk:"url"`
	Username      types.String `tfsdk:"username"`
	Password      types.String `tfsdk:"password"`
	CACertificate types.String `tfsdk:"ca_certificate"`
}

// invalidVantagePoint is the summary of errors of a vantage point.
const invalidVantagePoint = "Invalid Vantage Point"

var vantagePointPath = path.Root("vantage_point")

var (
	vantageNameValidator    = validate(invalidVantagePoint, "must be able to name a vantage point", vantage.ParseName)
	viaValidator            = validate(invalidVantagePoint, "must name a vantage point", vantage.ParseVia)
	resolveValidator        = validate(invalidVantagePoint, "must say who looks names up", vantage.ParseResolve)
	sshHostValidator        = validate(invalidVantagePoint, "must be the host of an SSH server", vantage.ParseSSHHost)
	hostKeyValidator        = validate(invalidVantagePoint, "must be public keys", vantage.ParseHostKeys)
	knownHostsValidator     = validate(invalidVantagePoint, "must be lines of known_hosts", vantage.ParseKnownHosts)
	proxyURLValidator       = validate(invalidVantagePoint, "must be the URL of a proxy", vantage.ParseProxyURL)
	caCertificatesValidator = validate(invalidVantagePoint, "must be certificates", vantage.ParseCACertificates)
)

// ValidateConfig adds errors if vantage points contradict each other or themselves, as far as they are known.
func (p *Provider) ValidateConfig(
	ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse,
) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		// Errors of single arguments are shown by their own validators.
		model.vantagePoints(ctx, new(diag.Diagnostics), &resp.Diagnostics)
	}
}

// vantagePoints returns the vantage points. Errors of single arguments, which their own validators show while Terraform
// validates, go apart from those of several.
func (m *providerModel) vantagePoints(ctx context.Context, single, several *diag.Diagnostics) preflight.VantagePoints {
	points := preflight.VantagePoints{Unknown: make(map[string]string)}
	if !isKnownList(m.VantagePoints) {
		points.AreUnknown = true
		return points
	}
	var models []vantagePointModel
	several.Append(m.VantagePoints.ElementsAs(ctx, &models, false)...)
	configs := make([]vantage.Config, len(models))
	unknown := make([]string, len(models)) // which argument of each is not known
	for i, model := range models {
		d := vantagePointDecoder{
			argumentDecoder: argumentDecoder{at: vantagePointPath.AtListIndex(i), diags: single},
			several:         several,
		}
		configs[i] = d.decode(ctx, model)
		unknown[i] = d.unknown
	}
	for _, problem := range vantage.Validate(configs) {
		at := vantagePointPath.AtListIndex(problem.Index).AtName(problem.Argument)
		several.AddAttributeError(at, invalidVantagePoint, problem.Text)
	}
	for i, config := range configs {
		switch {
		case config.Name == "":
			points.AreUnknown = true
		case unknown[i] != "":
			points.Unknown[config.Name] = unknown[i]
		case !isNamed(config.Via, configs):
			points.Unknown[config.Name] = "via" // it is the name of one whose name is not known
		default:
			points.Configs = append(points.Configs, config)
		}
	}
	return points
}

// isNamed reports whether via is this machine or the name of a vantage point that is known.
func isNamed(via string, configs []vantage.Config) bool {
	return via == "" || slices.ContainsFunc(configs, func(config vantage.Config) bool { return config.Name == via })
}

// isKnownList reports whether it is known how many elements a list has.
func isKnownList(list types.List) bool {
	if list.IsUnknown() {
		return false
	}
	for _, element := range list.Elements() {
		if element.IsUnknown() {
			return false
		}
	}
	return true
}

// argumentDecoder decodes the arguments of a block.
type argumentDecoder struct {
	at      path.Path
	label   string // goes before the names of arguments in unknown
	diags   *diag.Diagnostics
	unknown string // the first argument that is not known; empty: all are
}

// isSet reports whether an argument has a value. It notes one that is not known.
func (d *argumentDecoder) isSet(name string, value attr.Value) bool {
	if value.IsUnknown() {
		d.noteUnknown(d.label + name)
	}
	return hasValue(value)
}

// noteUnknown notes that an argument is not known, unless one before it is not.
func (d *argumentDecoder) noteUnknown(argument string) {
	if d.unknown == "" {
		d.unknown = argument
	}
}

// parsedValue returns what an argument means, or the zero value if it is not set, wrong or not known.
func parsedValue[T any](d *argumentDecoder, name string, value types.String, as stringValidator[T]) (meant T) {
	if d.isSet(name, value) {
		meant = as.value(d.at.AtName(name), value, d.diags)
	}
	return meant
}

// checkedText returns the text of an argument, and adds an error if it is wrong.
func checkedText[T any](d *argumentDecoder, name string, value types.String, as stringValidator[T]) string {
	parsedValue(d, name, value, as)
	return value.ValueString()
}

// vantagePointDecoder decodes a vantage point.
type vantagePointDecoder struct {
	argumentDecoder
	several *diag.Diagnostics
}

func (d *vantagePointDecoder) decode(ctx context.Context, model vantagePointModel) vantage.Config {
	config := vantage.Config{
		Name:           parsedValue(&d.argumentDecoder, "name", model.Name, vantageNameValidator),
		Via:            parsedValue(&d.argumentDecoder, "via", model.Via, viaValidator),
		ConnectTimeout: vantage.DefaultConnectTimeout,
		Resolve:        parsedValue(&d.argumentDecoder, "resolve", model.Resolve, resolveValidator),
	}
	if !model.ConnectTimeout.IsNull() {
		config.ConnectTimeout = parsedValue(&d.argumentDecoder, "connect_timeout", model.ConnectTimeout,
			durationValidator)
	}
	d.validateKinds(model)
	if block, model, exists := blockOf[sshModel](ctx, d, "ssh", model.SSH); exists {
		config.SSH = block.decodeSSH(model)
		d.finish(block, config.SSH.Validate)
	}
	if block, model, exists := blockOf[proxyModel](ctx, d, "proxy", model.Proxy); exists {
		config.Proxy = block.decodeProxy(model)
		d.finish(block, config.Proxy.Validate)
	}
	return config
}

// validateKinds adds an error unless there is exactly one block that says what the vantage point is, as far as that is
// known.
func (d *vantagePointDecoder) validateKinds(model vantagePointModel) {
	ssh, proxy := len(model.SSH.Elements()), len(model.Proxy.Elements())
	areKnown := isKnownList(model.SSH) && isKnownList(model.Proxy)
	for _, kind := range []struct {
		name  string
		count int
	}{{"ssh", ssh}, {"proxy", proxy}} {
		if kind.count > 1 {
			d.several.AddAttributeError(d.at.AtName(kind.name).AtListIndex(1), invalidVantagePoint,
				fmt.Sprintf("A vantage_point block holds one %s block, and this one holds %d. Write a vantage_point "+
					"block for each.", kind.name, kind.count))
		}
	}
	switch {
	case ssh > 0 && proxy > 0:
		d.several.AddAttributeError(d.at.AtName("proxy").AtListIndex(0), invalidVantagePoint,
			"A vantage_point block holds either an ssh block or a proxy block, and this one holds both. Write a "+
				"vantage_point block for each. If one is reached from the other, name the other in via.")
	case areKnown && ssh == 0 && proxy == 0:
		// Terraform shows the line of the provider block, so the name says which it is.
		d.several.AddAttributeError(d.at, invalidVantagePoint, fmt.Sprintf("A vantage_point block says in an ssh "+
			"block or in a proxy block what it is, and that of %q holds neither. Add one of them.",
			model.Name.ValueString()))
	}
}

// blockDecoder decodes a block that says what the vantage point is.
type blockDecoder struct {
	argumentDecoder
	found diag.Diagnostics // the errors of its arguments
}

// blockOf returns the first block of a list, and whether there is one that is known.
func blockOf[T any](
	ctx context.Context, d *vantagePointDecoder, name string, list types.List,
) (block *blockDecoder, model T, exists bool) {
	if !isKnownList(list) {
		d.noteUnknown(name)
		return nil, model, false
	}
	var models []T
	d.several.Append(list.ElementsAs(ctx, &models, false)...)
	if len(models) == 0 {
		return nil, model, false
	}
	block = &blockDecoder{argumentDecoder: argumentDecoder{at: d.at.AtName(name).AtListIndex(0), label: name + "."}}
	block.diags = &block.found
	return block, models[0], true
}

// finish adds what is wrong with a block. Its arguments are judged together if all are known and right.
func (d *vantagePointDecoder) finish(block *blockDecoder, validate func() []vantage.Problem) {
	d.diags.Append(block.found...)
	if block.unknown != "" {
		d.noteUnknown(block.unknown)
		return
	}
	if block.found.HasError() {
		return
	}
	for _, problem := range validate() {
		d.several.AddAttributeError(block.at.AtName(problem.Argument), invalidVantagePoint, problem.Text)
	}
}

func (b *blockDecoder) decodeSSH(model sshModel) *vantage.SSH {
	d := &b.argumentDecoder
	ssh := &vantage.SSH{
		Host:                 checkedText(d, "host", model.Host, sshHostValidator),
		User:                 checkedText(d, "user", model.User, notBlankValidator),
		PrivateKey:           checkedText(d, "private_key", model.PrivateKey, notBlankValidator),
		PrivateKeyPassphrase: checkedText(d, "private_key_passphrase", model.PrivateKeyPassphrase, notBlankValidator),
		Certificate:          checkedText(d, "certificate", model.Certificate, notBlankValidator),
		Password:             checkedText(d, "password", model.Password, notBlankValidator),
		AgentIdentity:        checkedText(d, "agent_identity", model.AgentIdentity, notBlankValidator),
		HostKey:              checkedText(d, "host_key", model.HostKey, hostKeyValidator),
		KnownHosts:           checkedText(d, "known_hosts", model.KnownHosts, knownHostsValidator),
	}
	if d.isSet("agent", model.Agent) {
		ssh.Agent = model.Agent.ValueBoolPointer()
	}
	return ssh
}

func (b *blockDecoder) decodeProxy(model proxyModel) *vantage.Proxy {
	d := &b.argumentDecoder
	return &vantage.Proxy{
		URL:           checkedText(d, "url", model.URL, proxyURLValidator),
		Username:      checkedText(d, "username", model.Username, notBlankValidator),
		Password:      checkedText(d, "password", model.Password, notBlankValidator),
		CACertificate: checkedText(d, "ca_certificate", model.CACertificate, caCertificatesValidator),
	}
}
