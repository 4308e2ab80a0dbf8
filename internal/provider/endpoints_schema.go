// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// endpointsAttributes describes arguments and results of all forms. strict says what strict does in the form.
func endpointsAttributes(strict string) map[string]schema.Attribute {
	return join(batchAttributes("gate", "endpoint", strict), targetArguments(), map[string]schema.Attribute{
		"endpoints": schema.DynamicAttribute{
			Required: true,
			MarkdownDescription: "What must be reachable, by name: a map or an object with at least one element. " +
				"Each is an address, `host:port`, or an object with `address` (required), `timeout`, " +
				"`all_addresses`, `ip_family`, `source_address`, `via`, `check_name` (a title; defaults to the " +
				"name), " +
				"`severity` (what it means if the endpoint is not ready: " +
				suggest.MarkdownChoice(preflight.Severities()) + "; defaults to `" + string(tcpconnect.Fail) +
				"`), `message` and `uri` (for people, in that case), " +
				"and `outcomes` (as in `preflight_analysis`, instead of `severity`, `message` and `uri`). An unknown " +
				"key is an error, and so is a null element. A null in an object counts as absent. The name of an " +
				"endpoint is that of its collector: 1 to 128 letters, digits, spaces, `.`, `_` and `-`, beginning " +
				"and ending with a letter or digit, different without regard to case.",
			Validators: []validator.Dynamic{endpointsValidator{}},
		},
		"name": stringArgument("Title of the gate in messages and reports. The collectors of its endpoints are named "+
			"`<name>.<endpoint>`, without it `<endpoint>`. Needed if another gate of the same provider configuration "+
			"has endpoints of the same names, for example in a module that is used twice.", gateNameValidator),
		"results": schema.MapNestedAttribute{
			Computed:            true,
			MarkdownDescription: "What was found about each endpoint, by its name.",
			NestedObject:        schema.NestedAttributeObject{Attributes: endpointResultAttributes()},
		},
		"failed": listResult("Names of the endpoints whose outcome is `" + string(tcpconnect.Fail) + "`, sorted."),
	})
}

// targetArguments describes how endpoints are dialled that say nothing else.
func targetArguments() map[string]schema.Attribute {
	const ofEach = " Applies to each endpoint that does not set it."
	return map[string]schema.Attribute{
		"all_addresses": boolArgument(allAddressesDescription + ofEach),
		"ip_family":     stringArgument(ipFamilyDescription+ofEach, ipFamilyValidator),
		"source_address": stringArgument(sourceAddressDescription+ofEach,
			sourceAddressValidator),
		"via": stringArgument(viaDescription+viaConflicts+ofEach+" An endpoint with `via = \""+vantage.Here+"\"` is "+
			"dialled from this machine in any case. If omitted, endpoints without `via` are dialled from this machine.",
			viaValidator),
	}
}

// endpointResultAttributes describes an element of results.
func endpointResultAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"title":   stringResult("Title of the outcome that decided, or else `check_name`, or else the name."),
		"address": stringResult("What was dialled."),
		"status":  stringResult("The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + "."),
		"reason": stringResult("Why the status is what it " +
			"is: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + "."),
		"outcome":     stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"message":     stringResult("Message of the outcome that decided, or else the title and the status."),
		"explanation": stringResult(explanationDescription),
		"uri":         stringResult("Where to read more. Null if the outcome has none."),
		"matched":     boolResult("Whether an outcome matched."),
		"duration_ms": floatResult("Time that the check took in all, in milliseconds with fractions."),
		"attempts": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of dials made: 1 without `retry`.",
		},
		"ready": boolResult("Whether the endpoint is connected, or what `retry` waits for."),
	}
}
