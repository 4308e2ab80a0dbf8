// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package preflight is what one configured provider does from its start to its end: a Run.
//
// A Run makes checks, single ones and batches, judges their results, keeps them in a support bundle, and reads bundles.
// It knows which collector names are taken and what it has written itself, so that no result is overwritten and nothing
// of an older run is judged. It imports no package of Terraform.
package preflight
