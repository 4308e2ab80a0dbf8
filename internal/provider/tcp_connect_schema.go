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

// The check has three forms: data source, ephemeral resource and action. Their arguments and attributes are described here,
// once.

// endpointAttributes describes an element of addresses.
func endpointAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address":     schema.StringAttribute{Computed: true, MarkdownDescription: "`ip:port` that was dialled."},
		"status":      schema.StringAttribute{Computed: true, MarkdownDescription: "Its own status."},
		"message":     schema.StringAttribute{Computed: true, MarkdownDescription: "What the operating system said of it. Empty when connected."},
		"duration_ms": schema.Float64Attribute{Computed: true, MarkdownDescription: "How long its dial took, in milliseconds with fractions."},
	}
}

// checkAttributes describes arguments and results. strict says what strict does to the face.
func checkAttributes(strict string) map[string]schema.Attribute {
	return join(findingAttributes(false, strict, "outcome_message"), checkResults(), map[string]schema.Attribute{
		"address": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "What to connect to: `host:port`. The host is a name or an IP address; an IPv6 address stands in brackets. " +
				"The port is a number from 1 to 65535 or a service name that this machine knows. Unspecified hosts (`0.0.0.0`, `[::]`) are refused.",
			Validators: []validator.String{addressValidator},
		},
		"timeout": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: "Total timeout of the check: name resolution, every address that is tried and every attempt. " + durationForm +
				" Default: the provider's `timeout`. Required with `retry`, where it says how long to wait in all.",
			Validators: []validator.String{durationValidator},
		},
		"collector_name": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: fmt.Sprintf("Names the result file. Two collectors of one provider configuration that dial differently need different names, "+
				"compared without regard to case. 1 to 128 letters, digits, spaces, `.`, `_` and `-`, beginning and ending with a letter or digit. Default `%s`.", tcpconnect.DefaultCollectorName),
			Validators: []validator.String{collectorNameValidator},
		},
		"exclude": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true`: nothing is dialled or written, and nothing fails. `proceed` is true, the other booleans of the verdict and `connected` are false, texts for people " +
				"(`message`, `outcome_message`, `title`) are not null, and all else is. Exclude an analysis of its status too. Default `false`.",
		},
		"triggers": schema.MapAttribute{
			Optional:            true,
			ElementType:         types.StringType,
			MarkdownDescription: "Values that must be known before the check is made, for example the id of what is to be checked. They have no other meaning.",
		},
		"all_addresses": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "`true`: every address that the name resolves to is dialled, side by side, and the status is the worst of theirs. " +
				"`false`: the first that connects is enough. Default `false`.",
		},
		"ip_family": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Dial only addresses of this family: " + suggest.MarkdownChoice(tcpconnect.Families()) + ". Default `" + string(tcpconnect.AnyFamily) + "`.",
			Validators:          []validator.String{ipFamilyValidator},
		},
		"source_address": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "IP address of this machine to dial from. Only addresses of its family are dialled. Default: the system's choice.",
			Validators:          []validator.String{sourceAddressValidator},
		},
	})
}

// checkResults describes what data source and ephemeral resource return.
func checkResults() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"status": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + ".",
		},
		"connected": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: fmt.Sprintf("Whether `status` is `%s`.", tcpconnect.Connected),
		},
		"ready": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Without `retry`, whether `connected`. With it, whether its last `consecutive` dials all ended in a status of `until`.",
		},
		"reason": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Why the status is what it is: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + ".",
		},
		"message": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What the operating system or the resolver said, of every address that was tried. Empty when connected, and when excluded.",
		},
		"attempts": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "How many dials were made: 1 without `retry`.",
		},
		"collected_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "When the last dial ended: RFC 3339, UTC.",
		},
		"remote_address": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`ip:port` of the other end of the connection. Null when not connected.",
		},
		"local_address": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`ip:port` of this end of the connection. Null when not connected, and when the peer reset the connection at once.",
		},
		"resolved_addresses": schema.ListAttribute{
			Computed:    true,
			ElementType: types.StringType,
			MarkdownDescription: "The `ip:port` pairs that were tried, in order. Empty when the name could not be resolved; " +
				"an address that was not needed, because an earlier one connected, is not in it.",
		},
		"addresses": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "With `all_addresses`: every address and its own status. Null without.",
			NestedObject:        schema.NestedAttributeObject{Attributes: endpointAttributes()},
		},
		"duration_ms": schema.Float64Attribute{
			Computed:            true,
			MarkdownDescription: "How long the check took in all, in milliseconds with fractions.",
		},
		"bundle_dir": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The support bundle that holds the result. Null when nothing was written.",
		},
		"bundle_file": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Path of the result file. Null when nothing was written.",
		},
	}
}
