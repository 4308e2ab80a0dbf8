// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The check has three forms: data source, ephemeral resource and action. Their arguments and results are described
// here, once.

// checkAttributes describes arguments and results. strict says what strict does in the form.
func checkAttributes(strict string) map[string]schema.Attribute {
	timeout := stringArgument("Total timeout of the check: name resolution, every address that is tried and every "+
		"attempt. "+
		durationForm+" Defaults to the provider's `timeout`. Required with `retry`: it says how long to wait in all.",
		durationValidator)
	collectorName := stringArgument(fmt.Sprintf("Names the result file. Two collectors of one provider configuration "+
		"that dial differently need different names, compared without regard to case. 1 to 128 letters, digits, "+
		"spaces, `.`, `_` and `-`, beginning and ending with a letter or digit. Defaults to "+
		"`%s`.", tcpconnect.DefaultCollectorName),
		collectorNameValidator)
	timeout.Computed, collectorName.Computed = true, true // the default shows
	arguments := map[string]schema.Attribute{
		"address": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "What to connect to: `host:port`. The host is a name or an IP address; write an " +
				"IPv6 address in brackets. The port is a number from 1 to 65535 or a service name that this machine " +
				"knows. Unspecified hosts (`0.0.0.0`, `[::]`) are errors.",
			Validators: []validator.String{addressValidator},
		},
		"timeout":        timeout,
		"collector_name": collectorName,
		"exclude": boolArgument("If `true`, nothing is dialled or written, and nothing fails. `proceed` is true, " +
			"`connected` and the other booleans of the verdict are false, texts for people (`message`, " +
			"`outcome_message`, `title`) are not null, and all other results are. Exclude an analysis of its status " +
			"too. Defaults to `false`."),
		"triggers":       triggersAttribute(),
		"all_addresses":  boolArgument(allAddressesDescription),
		"ip_family":      stringArgument(ipFamilyDescription, ipFamilyValidator),
		"source_address": stringArgument(sourceAddressDescription, sourceAddressValidator),
		"via":            stringArgument(viaDescription+viaConflicts+viaOfCheck, viaValidator),
	}
	return join(findingAttributes(false, strict, "outcome_message"), checkResults(), arguments)
}

// Descriptions of arguments that say how an address is dialled.
var (
	allAddressesDescription = "If `true`, every address that the name resolves to is dialled, side by side, and the " +
		"status is the worst of theirs. If `false`, the first one that connects is enough. " + needsLookup +
		" Defaults to `false`."
	ipFamilyDescription = "Dial only addresses of this family: " + suggest.MarkdownChoice(tcpconnect.Families()) +
		". " + needsLookup + " Defaults to `" + string(tcpconnect.AnyFamily) + "`."
	sourceAddressDescription = "IP address of this machine to dial from. Only addresses of its family are dialled. " +
		"Conflicts with `via`. If omitted, the system chooses."
)

// needsLookup describes what needs to know the addresses of a name.
const needsLookup = "With `via` and a name, the vantage point must not look names up itself: see its `resolve`."

// triggersAttribute describes triggers.
func triggersAttribute() schema.MapAttribute {
	return schema.MapAttribute{
		Optional:    true,
		ElementType: types.StringType,
		MarkdownDescription: "Values that must be known before the check is made, for example the id of what is " +
			"checked. They have no other meaning.",
	}
}

// checkResults describes what data source and ephemeral resource return.
func checkResults() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"status":    stringResult("The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + "."),
		"connected": boolResult("Whether `status` is `" + string(tcpconnect.Connected) + "`."),
		"ready": boolResult("Without `retry`, whether `connected`. With it, whether the last `consecutive` dials all " +
			"ended in a status of `until`."),
		"reason": stringResult("Why the status is what it is: " +
			suggest.MarkdownChoice(tcpconnect.Reasons()) + "."),
		"explanation": stringResult(explanationDescription),
		"message": stringResult("What the operating system or the resolver said, for every address that was tried. " +
			"Empty when connected, and when excluded."),
		"attempts": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of dials made: 1 without `retry`.",
		},
		"collected_at": stringResult("When the last dial ended: RFC 3339, UTC."),
		"remote_address": stringResult("`ip:port` of the other end of the connection. Null when not connected, and " +
			"if the vantage point looked the name up."),
		"local_address": stringResult("`ip:port` of this end of the connection. Null when not connected, with a " +
			"vantage point, and when the peer reset the connection at once."),
		"resolved_addresses": listResult("The `ip:port` pairs that were tried, in order. Empty if the name was not " +
			"resolved, null if the vantage point looked it up. An address that was not needed, because an earlier " +
			"one connected, is not in it."),
		"addresses": objectsResult("With `all_addresses`: every address and its own status. Null without.",
			endpointAttributes()),
		"duration_ms": floatResult("Time that the check took in all, in milliseconds with fractions."),
		"bundle_dir":  stringResult("The support bundle that holds the result. Null if nothing was written."),
		"bundle_file": stringResult("Path of the result file. Null if nothing was written."),
	}
}

// endpointAttributes describes an element of addresses.
func endpointAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address":     stringResult("`ip:port` that was dialled."),
		"status":      stringResult("Its own status."),
		"message":     stringResult("What the operating system said. Empty when connected."),
		"duration_ms": floatResult("Time that its dial took, in milliseconds with fractions."),
	}
}
