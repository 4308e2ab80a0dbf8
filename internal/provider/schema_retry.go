// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// retryModel is the block retry.
type retryModel struct {
	Attempts       types.Int64  `tfsdk:"attempts"`
	AttemptTimeout types.String `tfsdk:"attempt_timeout"`
	MinDelay       types.String `tfsdk:"min_delay"`
	MaxDelay       types.String `tfsdk:"max_delay"`
	Until          types.List   `tfsdk:"until"`
	Consecutive    types.Int64  `tfsdk:"consecutive"`
	GiveUpOn       types.List   `tfsdk:"give_up_on"`
}

var countValidators = []validator.Int64{int64validator.AtLeast(1)}

// retryBlock describes it. It is a block because Terraform checks the arguments of a block, and drops unknown keys of
// an attribute.
func retryBlock() schema.SingleNestedBlock {
	const (
		connected, refused  = string(tcpconnect.Connected), string(tcpconnect.ConnectionRefused)
		noResponse, another = string(tcpconnect.ConnectionTimeout), string(tcpconnect.Error)
	)
	return schema.SingleNestedBlock{
		MarkdownDescription: "Dials again until the check is ready, for at most `timeout`, which is required. Names " +
			"are resolved anew for every dial. The status is that of the last dial. If that is a status of `until` " +
			"but there were not enough of them in a row, it is `" + noResponse + "` (or another that `until` does " +
			"not hold) for the reason `" +
			string(tcpconnect.ReasonNotReady) + "`.",
		Attributes: map[string]schema.Attribute{
			"attempts": countArgument("Maximum number of dials. If omitted, only `timeout` limits it."),
			"attempt_timeout": stringArgument(fmt.Sprintf("Timeout of one dial. Defaults to `%s`, or to `timeout` if "+
				"that is less.",
				tcpconnect.DefaultAttemptTimeout), durationValidator),
			"min_delay": stringArgument(fmt.Sprintf("Delay between the first two dials. It grows exponentially, with "+
				"jitter. Defaults to `%s`.", tcpconnect.DefaultMinDelay), durationValidator),
			"max_delay": stringArgument(fmt.Sprintf("Longest delay between two dials. Defaults to `%s`.",
				tcpconnect.DefaultMaxDelay), durationValidator),
			"until": listArgument("Statuses that a dial must end in: "+suggest.MarkdownChoice(tcpconnect.Statuses())+
				". Defaults to those that `outcomes` pass, without `outcomes` to `[\""+connected+"\"]`. `[\""+refused+
				"\"]` waits for a port to close. `outcomes` may pass no other status: the check would pass although "+
				"it is not ready. Not all of `"+refused+"`, `"+noResponse+"` and `"+another+"` may be listed, "+
				"since no status would be left for a check that is not ready. A reason that says nothing about "+
				"the peer, such as `"+
				string(tcpconnect.ReasonLocalLimit)+"`, never counts.",
				listvalidator.SizeAtLeast(1), listvalidator.NoNullValues(),
				listvalidator.ValueStringsAre(statusValidator)),
			"consecutive": countArgument(fmt.Sprintf("Number of dials in a row that must end so. Defaults to `%d`.",
				tcpconnect.DefaultConsecutive)),
			"give_up_on": listArgument("Reasons that end the wait at once, for example "+
				"`[\""+string(tcpconnect.ReasonNoSuchHost)+
				"\"]`: "+suggest.MarkdownChoice(tcpconnect.Reasons())+". If omitted, there are none.",
				listvalidator.NoNullValues(), listvalidator.ValueStringsAre(reasonValidator)),
		},
	}
}

var retryPath = path.Root("retry")

// waitArguments are the arguments of whatever can wait.
type waitArguments struct {
	Timeout types.String `tfsdk:"timeout"`
	Retry   types.Object `tfsdk:"retry"`
}

// retryModel returns the block, or nil if there is none.
func (a *waitArguments) retryModel(ctx context.Context, diags *diag.Diagnostics) *retryModel {
	if a.Retry.IsNull() || a.Retry.IsUnknown() {
		return nil
	}
	var model retryModel
	diags.Append(a.Retry.As(ctx, &model, basetypes.ObjectAsOptions{})...)
	return &model
}

// validateRetry adds an error if arguments contradict each other, as far as they are known. passes are the statuses
// that the outcomes pass, none if they are not known.
func (a *waitArguments) validateRetry(ctx context.Context, passes []tcpconnect.Status, diags *diag.Diagnostics) {
	model := a.retryModel(ctx, diags)
	if model == nil {
		return
	}
	if a.Timeout.IsNull() {
		diags.AddAttributeError(path.Root("timeout"), "Missing Timeout", "A check with retry must say in timeout how "+
			"long to wait in all, for example timeout = \"5m\". The provider's timeout is meant for one dial.")
	}
	var single diag.Diagnostics // shown by the arguments' own validators
	timeout := knownDuration(a.Timeout, 0, path.Root("timeout"), &single)
	retry := a.retry(ctx, timeout, &single)
	if single.HasError() {
		return
	}
	if model.Until.IsNull() {
		retry = retry.For(passes)
	}
	for _, contradiction := range retry.Contradictions(timeout, passes) {
		if model.Until.IsNull() && contradiction.Argument == "until" {
			contradiction.Text = "The statuses that outcomes pass are those to wait for if until is " +
				"omitted. " + contradiction.Text
		}
		diags.AddAttributeError(retryPath.AtName(contradiction.Argument), contradiction.Summary, contradiction.Text)
	}
}

// knownRetry returns what the block asks for and the timeout, or nil if there is none, something in it is wrong, or
// until is not known.
func (a *waitArguments) knownRetry(ctx context.Context) (*tcpconnect.Retry, time.Duration) {
	var diags diag.Diagnostics // shown by the arguments' own validators
	timeout := knownDuration(a.Timeout, 0, path.Root("timeout"), &diags)
	model := a.retryModel(ctx, &diags)
	if model == nil || model.Until.IsUnknown() || diags.HasError() {
		return nil, timeout
	}
	retry := a.retry(ctx, timeout, &diags)
	if diags.HasError() || retry.Until == nil && !model.Until.IsNull() {
		return nil, timeout
	}
	return retry, timeout
}

// retry returns what the block asks for, nil if there is none. What is not known is zero, and so is until if omitted.
func (a *waitArguments) retry(
	ctx context.Context, timeout time.Duration, diags *diag.Diagnostics,
) *tcpconnect.Retry {
	model := a.retryModel(ctx, diags)
	if model == nil {
		return nil
	}
	attemptTimeout, consecutive := tcpconnect.DefaultAttemptTimeout, int64(tcpconnect.DefaultConsecutive)
	if timeout > 0 {
		attemptTimeout = min(attemptTimeout, timeout)
	}
	return &tcpconnect.Retry{
		Attempts:       knownCount(model.Attempts, 0, retryPath.AtName("attempts"), diags),
		AttemptTimeout: knownDuration(model.AttemptTimeout, attemptTimeout, retryPath.AtName("attempt_timeout"), diags),
		MinDelay:       knownDuration(model.MinDelay, tcpconnect.DefaultMinDelay, retryPath.AtName("min_delay"), diags),
		MaxDelay:       knownDuration(model.MaxDelay, tcpconnect.DefaultMaxDelay, retryPath.AtName("max_delay"), diags),
		Until:          knownList(ctx, model.Until, statusValidator, retryPath.AtName("until"), diags),
		Consecutive:    knownCount(model.Consecutive, consecutive, retryPath.AtName("consecutive"), diags),
		GiveUpOn:       knownList(ctx, model.GiveUpOn, reasonValidator, retryPath.AtName("give_up_on"), diags),
	}
}

// knownDuration returns the value of an argument or its default, 0 if it is not known.
func knownDuration(text types.String, defaultValue time.Duration, at path.Path, diags *diag.Diagnostics) time.Duration {
	switch {
	case text.IsUnknown():
		return 0
	case text.IsNull():
		return defaultValue
	default:
		return durationValidator.value(at, text, diags)
	}
}

// knownCount returns the value of an argument that is at least 1, or its default, 0 if it is not known.
func knownCount(value types.Int64, defaultValue int64, at path.Path, diags *diag.Diagnostics) int64 {
	switch {
	case value.IsUnknown():
		return 0
	case value.IsNull():
		return defaultValue
	}
	// The schema's validator has checked it, but Terraform does not ask it again when it invokes an action.
	if value.ValueInt64() < 1 {
		text := fmt.Sprintf("The value must be at least 1, got: %d.", value.ValueInt64())
		diags.AddAttributeError(at, "Invalid Count", text)
	}
	return value.ValueInt64()
}

// knownList returns what the elements of a list mean. It returns nil if the list is null or not wholly known.
func knownList[T any](
	ctx context.Context, list types.List, element stringValidator[T], at path.Path, diags *diag.Diagnostics,
) []T {
	if list.IsNull() || list.IsUnknown() {
		return nil
	}
	var texts []types.String
	diags.Append(list.ElementsAs(ctx, &texts, false)...)
	values := make([]T, 0, len(texts))
	for i, text := range texts {
		if text.IsUnknown() {
			return nil
		}
		values = append(values, element.value(at.AtListIndex(i), text, diags))
	}
	return values
}
