// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// bundleArguments are the arguments of whatever can judge results of a bundle.
type bundleArguments struct {
	Bundle       types.String `tfsdk:"bundle"`
	MaxAge       types.String `tfsdk:"max_age"`
	MissingNodes types.String `tfsdk:"missing_nodes"`
}

var bundlePath = path.Root("bundle")

// noUsableResult is the summary of errors of a bundle whose results may not be judged.
const noUsableResult = "No Usable Result in the Bundle"

// bundleAttributes describes them. what begins the description of bundle.
func bundleAttributes(what string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"bundle": stringArgument(what+" `~` is not expanded; use `pathexpand()`. If it is this provider's own bundle, "+
			"only results of this very run are read. If the nodes of a cluster made it, the result of each node is "+
			"judged, and the worst decides.", notBlankValidator),
		"max_age": stringArgument("Maximum age of a result, by the time of its file. An older result, or one from "+
			"the future, is an error. "+durationForm+" Requires `bundle`. If omitted, any age is "+
			"accepted.", durationValidator),
		"missing_nodes": stringArgument("What it means if the bundle lists a node and holds nothing of it, for "+
			"example of a tainted node, which the Troubleshoot tools do not "+
			"reach: "+suggest.MarkdownChoice(missingNodesChoices)+". `"+
			missingNodesError+"` is an error, the others are the verdict on that node. A node with other results but "+
			"not this one, and a list none of whose nodes has the result, are always errors. Requires `bundle`. "+
			"Defaults to `"+
			missingNodesError+"`.", missingNodesValidator),
	}
}

// validateBundle adds errors on arguments that need bundle if there is none.
func (a *bundleArguments) validateBundle(diags *diag.Diagnostics) {
	if !a.Bundle.IsNull() {
		return
	}
	if hasValue(a.MaxAge) {
		diags.AddAttributeError(path.Root("max_age"), "Max Age Without Bundle", "max_age limits the age of a result "+
			"that is read from a bundle. A result of this run is never old: leave max_age out, or set bundle.")
	}
	if hasValue(a.MissingNodes) {
		diags.AddAttributeError(path.Root("missing_nodes"), "Missing Nodes Without Bundle",
			"missing_nodes is about the nodes of a cluster that made a bundle. Leave missing_nodes out, or set bundle.")
	}
}

// hasValue reports whether an argument has a value. An unknown one may be null in the end.
func hasValue(value attr.Value) bool {
	return !value.IsNull() && !value.IsUnknown()
}

// terms returns what results in a bundle must be.
func (a *bundleArguments) terms(diags *diag.Diagnostics) (terms preflight.Terms) {
	if !a.MaxAge.IsNull() {
		terms.MaxAge = durationValidator.value(path.Root("max_age"), a.MaxAge, diags)
	}
	if choice := cmp.Or(a.MissingNodes.ValueString(), missingNodesError); choice != missingNodesError {
		terms.MissingNodes = tcpconnect.Verdict(choice)
	}
	return terms
}

// What a listed node means that a bundle holds nothing of.
const missingNodesError = "error"

var (
	missingNodesChoices   = []string{missingNodesError, string(tcpconnect.Fail), string(tcpconnect.Warn)}
	missingNodesValidator = validate("Invalid Choice", "must be what a missing node means", parseMissingNodes)
)

func parseMissingNodes(text string) (string, error) {
	return suggest.Choose(text, "is not what a missing node can mean", missingNodesChoices)
}
