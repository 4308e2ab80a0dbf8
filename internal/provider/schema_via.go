// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// viaDescription describes the argument of that name.
const viaDescription = "Name of the vantage point of the provider's configuration (`vantage_point`) to dial from. `" +
	vantage.Here + "` is this machine. A name that is not configured is an error. If it is " +
	"part of an object that a variable holds, declare the variable with the type `any`: Terraform drops a misspelt " +
	"`via` of a typed object without a word, and the dial would be made from this machine."

// viaConflicts describes the argument beside source_address.
const viaConflicts = " Conflicts with `source_address`."

// viaOfCheck ends the description of via for what does not inherit it.
const viaOfCheck = " If omitted, the dial is made from this machine."

var viaPath = path.Root("via")

// addViaError adds the error on an argument, if there is one, that a target can't be dialled from where it says. What
// is excluded may name a vantage point that is not known yet.
func addViaError(err error, isExcluded bool, at path.Path, diags *diag.Diagnostics) {
	summary := invalidVantagePoint
	if _, isUnknown := errors.AsType[*preflight.UnknownVantagePointError](err); isUnknown {
		if isExcluded {
			return
		}
		summary = "Vantage Point Not Known Yet"
	}
	if err != nil {
		diags.AddAttributeError(at, summary, err.Error())
	}
}
