// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// viaDescription describes the argument of that name.
const viaDescription = "Name of the vantage point of the provider's configuration (`vantage_point`) to dial from. `" +
	vantage.Here + "` is this machine. A name that is not configured is an error. If it is " +
	"part of an object that a variable holds, declare the variable with the type `any`: Terraform drops a misspelt " +
	"`via` of a typed object without an error, and the dial would be made from this machine."

// viaConflicts describes the argument beside source_address.
const viaConflicts = " Conflicts with `source_address`."

// viaOfCheck ends the description of via for what does not inherit it.
const viaOfCheck = " If omitted, the dial is made from this machine."

var viaPath = path.Root("via")
