// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
)

// batchArguments are the arguments of whatever makes many checks.
type batchArguments struct {
	Archive        types.String `tfsdk:"archive"`
	MaxConcurrency types.Int64  `tfsdk:"max_concurrency"`
	Strict         types.Bool   `tfsdk:"strict"`
	Exclude        types.Bool   `tfsdk:"exclude"`
	Triggers       types.Map    `tfsdk:"triggers"`
	waitArguments
}

// batchResults are the results of whatever makes many checks, but for those that are large.
type batchResults struct {
	verdictResults
	Message     types.String `tfsdk:"message"`
	Explanation types.String `tfsdk:"explanation"`
	BundleDir   types.String `tfsdk:"bundle_dir"`
}

// batchAttributes describes both. what is the whole that is checked, such as "spec", and each one of its checks. strict
// describes the argument of that name.
func batchAttributes(what, each, strict string) map[string]schema.Attribute {
	return join(verdictAttributes(), map[string]schema.Attribute{
		"archive": stringArgument("Path of a `.tar.gz` (or `.tgz`) to write results and analysis of this "+what+" "+
			"into as well, below one directory that is named after it. A relative path starts at the working "+
			"directory. The Troubleshoot tools read it if the provider's `bundle_format` is `json`; another is a "+
			"warning.",
			archiveValidator),
		"max_concurrency": countArgument(fmt.Sprintf("Maximum number of dials in flight. The timeout of a check "+
			"begins when it has its turn. What the process may open is shared by all checks of a provider. Defaults "+
			"to `%d`.", preflight.DefaultMaxConcurrency)),
		"timeout": stringArgument("Total timeout of each "+each+" that sets none. "+durationForm+" Defaults "+
			"to the provider's `timeout`. Required with `retry`: it limits the whole wait, and the timeout that "+
			"the "+each+" itself sets limits one dial.", durationValidator),
		"strict": boolArgument(strict),
		"exclude": boolArgument("If `true`, nothing is dialled, judged or written, `proceed` is true, `message` says " +
			"so, and the results are empty. The arguments are validated all the same. Defaults to `false`."),
		"triggers": triggersAttribute(),
		"message": stringResult("The texts of what is not a pass, one in a line, the failures first, at most 20. " +
			"Never empty, so that it can be an `error_message`."),
		"explanation": stringResult("For people: a paragraph for each check that is not a pass, the failures first, " +
			"at most 20, with address, status and reason, what the operating system said, what to do and where to " +
			"read more; and where all results are. Never empty, so that it can be an `error_message`."),
		"bundle_dir": stringResult("The support bundle that holds the results, `version.yaml` and `analysis.json`. " +
			"Null if nothing was written."),
	})
}

// batchForm is how a batch is made by one of its forms.
type batchForm struct {
	subject  string       // names the batch in sentences, such as "the spec"
	title    string       // names it in summaries, such as "Preflight Spec"
	argument string       // holds the names of its collectors
	isGate   bool         // a failure is an error in any case
	progress func(string) // is called every second with how far the batch is; may be nil
}

// perform makes a batch. Errors and warnings are in diags. It returns false if the batch was not made.
func (a *batchArguments) perform(
	ctx context.Context, run *preflight.Run, batch preflight.Batch, form batchForm, diags *diag.Diagnostics,
) (preflight.BatchResult, bool) {
	if !a.MaxConcurrency.IsNull() {
		batch.MaxConcurrency = int(min(a.MaxConcurrency.ValueInt64(), math.MaxInt32)) // an int may have 32 bits
	}
	batch.Progress = func(progress preflight.Progress) {
		tflog.Info(ctx, form.title+": "+progress.String())
		if form.progress != nil {
			form.progress(progress.String())
		}
	}
	tflog.Debug(ctx, "dialling the addresses of "+form.subject, map[string]any{
		"addresses": len(batch.Checks), "max_concurrency": batch.MaxConcurrency,
	})
	batch.IsGate = form.isGate
	result, err := run.Batch(ctx, batch)
	if err != nil {
		addMessage(preflight.Explain(err, form.subject, form.argument), diags)
		if _, isDone := errors.AsType[*preflight.ReportError](err); !isDone {
			return result, false
		}
	}
	tflog.Debug(ctx, "dialled the addresses of "+form.subject, map[string]any{"outcome": string(result.Verdict)})
	addMessages(run.ArchiveMessages(batch.Archive), diags)
	addMessages(result.Messages(form.title, batch.Archive, form.isGate), diags)
	return result, true
}

// skip says that a batch is excluded, and keeps what lies at its archive's path from being judged.
func (a *batchArguments) skip(run *preflight.Run, title, key string, form batchForm, diags *diag.Diagnostics) {
	explain := func(err error) {
		if err != nil {
			addMessage(preflight.Explain(err, form.subject, form.argument), diags)
		}
	}
	explain(run.RecordExcludedBatch(title, key))
	if !a.Archive.IsNull() {
		explain(run.ExcludeArchive(a.Archive.ValueString()))
	}
}

func (r *batchResults) fillBatch(result preflight.BatchResult, archive string) {
	r.fillVerdict(result.Verdict)
	r.Message = types.StringValue(result.Message)
	r.Explanation = types.StringValue(result.Explanation(archive))
	r.BundleDir = stringOrNull(result.BundleDir)
}

// fillExcludedBatch opens the gate on purpose.
func (r *batchResults) fillExcludedBatch(message string) {
	r.fillBatch(preflight.BatchResult{Message: message}, "")
	r.Outcome = types.StringNull()
	r.Proceed = types.BoolValue(true)
}

// state is where the results of a data source or an ephemeral resource go.
type state interface {
	Set(ctx context.Context, model any) diag.Diagnostics
}

// setState sets a state to a model, and its attributes that are large to their values. State.Set takes ten times as
// long for these as it takes to build their values by hand (make bench). raw is the value of the state.
func setState(
	ctx context.Context, state state, raw *tftypes.Value, model any, large map[string]tftypes.Value,
) diag.Diagnostics {
	diags := state.Set(ctx, model)
	var attributes map[string]tftypes.Value
	if err := raw.As(&attributes); err != nil || diags.HasError() {
		diags.AddError("State Not Set", fmt.Sprintf("The state is not an object: %v.", err))
		return diags
	}
	for name, value := range large {
		attributes[name] = value
	}
	*raw = tftypes.NewValue(raw.Type(), attributes)
	return diags
}

// rawOrNull is stringOrNull without the framework.
func rawOrNull(text string) tftypes.Value {
	if text == "" {
		return tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(tftypes.String, text)
}
