// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// specAttributes describes arguments and results of all forms. strict says what strict does in the form.
func specAttributes(strict string) map[string]schema.Attribute {
	bundle := bundleAttributes("A support bundle to judge by the analyzers of the spec, a directory or a `.tar.gz`, " +
		"for example one that a customer sent. Nothing is dialled or written then, and the bundle must hold a result " +
		"of every collector of the spec. If null, the collectors dial. Conflicts with `archive`, `max_concurrency`, " +
		"`retry` and `via`; `timeout` has no effect.")
	return join(batchAttributes("spec", "collector", strict), bundle, map[string]schema.Attribute{
		"spec": schema.StringAttribute{
			Required: true,
			MarkdownDescription: "The spec, YAML or JSON, of one or several documents, for example " +
				"`file(\"preflight.yaml\")` or `yamlencode({...})`. A `Secret` or `ConfigMap` with the label " +
				"`troubleshoot.sh/kind` is read for what it holds. A field that does not exist is an error with its " +
				"line.",
			Validators: []validator.String{specValidator},
		},
		"unsupported": stringArgument("What to do with collectors, analyzers and fields that Troubleshoot knows and "+
			"this provider does not run, and with documents that are not a spec (what `helm template` "+
			"prints). `"+string(preflight.UnsupportedError)+
			"`: an error lists them. `"+string(preflight.UnsupportedWarn)+"`: the rest runs, and each one left out "+
			"is a warning in `results`, so that `outcome` is at best "+
			"`warn`. `"+string(preflight.UnsupportedSkip)+"`: the rest runs. Defaults "+
			"to `"+string(preflight.UnsupportedError)+"`.",
			unsupportedValidator),
		"via": stringArgument(viaDescription+" It is where all collectors dial from. Conflicts with `bundle`."+
			viaOfCheck, viaValidator),
		"results": objectsResult("What each analyzer says, in the order of the analyzers; with a `bundle` of several "+
			"nodes, what it says of each node. With `unsupported = \""+string(preflight.UnsupportedWarn)+
			"\"` a warning for each part that was left out follows.", specFindingAttributes()),
		"collected": schema.MapNestedAttribute{
			Computed: true,
			MarkdownDescription: "What each collector found, by its name; with a `bundle` of several nodes, what the " +
				"node found for which its analyzers have the worst verdict.",
			NestedObject: schema.NestedAttributeObject{Attributes: collectedAttributes()},
		},
		"skipped": listResult("What was left out, for example `hostCollectors[3].cpu`."),
	})
}

func specFindingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"title": stringResult("Title of the outcome that decided, or else the analyzer's `checkName`; for a " +
			"node followed by ` - Node ` and its name."),
		"collector_name": stringResult("Name of the collector that was judged."),
		"node": stringResult("The node of a cluster that the result in `bundle` is about. Null if the machine that " +
			"made the bundle dialled itself, and without `bundle`."),
		"address": stringResult("Its address in `spec`, also with `bundle`, which holds none. Null if the spec has " +
			"no such collector, or it is excluded."),
		"status": stringResult("Its status: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + ". Null if it did " +
			"not run, and for a node without a result (`missing_nodes`)."),
		"reason":      stringResult("Why the status is what it is. Null if it is not known."),
		"outcome":     stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"message":     stringResult("Message of the outcome that decided, or else the title and the status."),
		"uri":         stringResult("Where to read more. Null if the outcome has none."),
		"explanation": stringResult(explanationDescription),
		"matched":     boolResult("Whether an outcome matched."),
		"strict":      boolResult("Whether the analyzer is `strict`: then a `fail` is an error."),
	}
}

func collectedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address": stringResult("What was dialled. With `bundle`, the address in `spec`."),
		"status":  stringResult("The answer: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + "."),
		"reason": stringResult("Why the status is what it " +
			"is: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + ". Null if it is not known."),
		"message": stringResult("What the operating system or the resolver said. Empty when connected."),
		"duration_ms": floatResult("Time that the dial took, in milliseconds with fractions. Null with `bundle`, " +
			"which does not hold it."),
	}
}
