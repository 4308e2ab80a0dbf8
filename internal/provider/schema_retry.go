// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
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

// retryBlock describes it. It is a block because Terraform checks the arguments of a block, and drops unknown keys of an attribute.
func retryBlock() schema.SingleNestedBlock {
	return schema.SingleNestedBlock{
		MarkdownDescription: "Dials again until the check is ready, for `timeout` in all, which must be set. Names are resolved anew for every dial. The status is that of the last dial; " +
			"where that is one of `until` but there were not enough in a row, it is `" + string(tcpconnect.ConnectionTimeout) + "` (or another that `until` does not hold) for the reason `" + string(tcpconnect.ReasonNotReady) + "`.",
		Attributes: map[string]schema.Attribute{
			"attempts": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: "Most dials made. Default: no limit but `timeout`.",
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"attempt_timeout": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("Timeout of one dial. Default `%s`, or `timeout` if that is less.", tcpconnect.DefaultAttemptTimeout),
				Validators:          []validator.String{durationValidator},
			},
			"min_delay": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("Delay between two dials at first; it grows exponentially, with jitter. Default `%s`.", tcpconnect.DefaultMinDelay),
				Validators:          []validator.String{durationValidator},
			},
			"max_delay": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("Longest delay between two dials. Default `%s`.", tcpconnect.DefaultMaxDelay),
				Validators:          []validator.String{durationValidator},
			},
			"until": schema.ListAttribute{
				Optional:    true,
				ElementType: types.StringType,
				MarkdownDescription: "Statuses that a dial must end in: " + suggest.MarkdownChoice(tcpconnect.Statuses()) + ". Defaults to those that `outcomes` pass, without `outcomes` to `[\"" + string(tcpconnect.Connected) + "\"]`. " +
					"`[\"" + string(tcpconnect.ConnectionRefused) + "\"]` waits for a port to close. `outcomes` may pass no other status: the check would pass when the wait has failed. Not all of `" +
					string(tcpconnect.ConnectionRefused) + "`, `" + string(tcpconnect.ConnectionTimeout) + "` and `" + string(tcpconnect.Error) + "`, since no status would be left for a check that is not ready. " +
					"A reason that says nothing about the peer, such as `" + string(tcpconnect.ReasonLocalLimit) + "`, never counts.",
				Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.NoNullValues(), listvalidator.ValueStringsAre(statusValidator)},
			},
			"consecutive": schema.Int64Attribute{
				Optional:            true,
				MarkdownDescription: fmt.Sprintf("How many dials in a row must end so. Default `%d`.", tcpconnect.DefaultConsecutive),
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
			},
			"give_up_on": schema.ListAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Reasons that end the wait at once, for example `[\"" + string(tcpconnect.ReasonNoSuchHost) + "\"]`: " + suggest.MarkdownChoice(tcpconnect.Reasons()) + ". Default: none.",
				Validators:          []validator.List{listvalidator.NoNullValues(), listvalidator.ValueStringsAre(reasonValidator)},
			},
		},
	}
}

var retryPath = path.Root("retry")

// decodeRetry returns the block, or nil if there is none.
func decodeRetry(ctx context.Context, object types.Object, diags *diag.Diagnostics) *retryModel {
	if object.IsNull() || object.IsUnknown() {
		return nil
	}
	var model retryModel
	diags.Append(object.As(ctx, &model, basetypes.ObjectAsOptions{})...)
	return &model
}

// validateRetry checks what concerns several arguments, as far as they are known.
func (a *checkArguments) validateRetry(ctx context.Context, diags *diag.Diagnostics) {
	model := decodeRetry(ctx, a.Retry, diags)
	if model == nil {
		return
	}
	if a.Timeout.IsNull() {
		diags.AddAttributeError(path.Root("timeout"), "Missing Timeout",
			"A check with retry must say in timeout how long to wait in all, for example timeout = \"5m\". The provider's timeout is meant for one dial.")
	}
	var single diag.Diagnostics // shown by the arguments' own validators
	total, _ := knownDuration(a.Timeout, 0, path.Root("timeout"), &single)
	attempt, _ := knownDuration(model.AttemptTimeout, 0, retryPath.AtName("attempt_timeout"), &single)
	minDelay, _ := knownDuration(model.MinDelay, tcpconnect.DefaultMinDelay, retryPath.AtName("min_delay"), &single)
	maxDelay, maxKnown := knownDuration(model.MaxDelay, tcpconnect.DefaultMaxDelay, retryPath.AtName("max_delay"), &single)
	if single.HasError() {
		return
	}
	if total > 0 && attempt > total {
		diags.AddAttributeError(retryPath.AtName("attempt_timeout"), "Attempt Timeout Above Timeout",
			fmt.Sprintf("attempt_timeout is %s, more than the timeout of the whole check, %s. Lower it or raise timeout.", attempt, total))
	}
	if attempts, consecutive := model.Attempts.ValueInt64(), model.Consecutive.ValueInt64(); attempts > 0 && consecutive > attempts {
		diags.AddAttributeError(retryPath.AtName("consecutive"), "Consecutive Above Attempts",
			fmt.Sprintf("consecutive is %d, but attempts allows only %d dials, so the check could never be ready. Lower it or raise attempts.", consecutive, attempts))
	}
	a.validateUntil(ctx, model, diags)
	if maxKnown && minDelay > maxDelay {
		diags.AddAttributeError(retryPath.AtName("min_delay"), "Min Delay Above Max Delay",
			fmt.Sprintf("min_delay is %s, more than max_delay, %s. Lower it or raise max_delay.", minDelay, maxDelay))
	}
}

// validateUntil checks that a status is left that says "not ready", and that no outcome passes a check that is not ready.
func (a *checkArguments) validateUntil(ctx context.Context, model *retryModel, diags *diag.Diagnostics) {
	until := knownStatuses(ctx, model.Until, diags)
	whose := ""
	if model.Until.IsNull() {
		until = a.defaultUntil()
		whose = "The statuses that outcomes pass are those to wait for if until is omitted. "
	}
	if err := tcpconnect.ValidateUntil(until); err != nil {
		diags.AddAttributeError(retryPath.AtName("until"), "Nothing Left for Not Ready", whose+err.Error())
	}
	if model.Until.IsUnknown() || slices.Contains(until, "") {
		return // it is checked again when all is known
	}
	unwaited := slices.DeleteFunc(a.passes(), func(status tcpconnect.Status) bool { return slices.Contains(until, status) })
	if len(unwaited) > 0 {
		diags.AddAttributeError(retryPath.AtName("until"), "Pass Without Being Ready",
			fmt.Sprintf("outcomes pass %s, which until does not wait for: the check would pass when the wait has failed. "+
				"Omit until, which then is what outcomes pass, or let outcomes pass only statuses of until; a warn lets a rollout go on as well, and says so.", suggest.Choice(unwaited)))
	}
}

// passes returns the statuses that the outcomes pass, none unless they are known.
func (a *checkArguments) passes() []tcpconnect.Status {
	outcomes, whole := decodeOutcomes(a.Outcomes, new(diag.Diagnostics))
	if !a.hasOutcomes() || !whole {
		return nil
	}
	return tcpconnect.Analyzer{Outcomes: outcomes}.Passes()
}

// defaultUntil returns the statuses that the outcomes pass, as far as they are known, or those of a check without any.
func (a *checkArguments) defaultUntil() []tcpconnect.Status {
	if passes := a.passes(); len(passes) > 0 {
		return passes
	}
	return tcpconnect.DefaultUntil()
}

// knownStatuses returns the elements of until that are known.
func knownStatuses(ctx context.Context, list types.List, diags *diag.Diagnostics) []tcpconnect.Status {
	if list.IsNull() || list.IsUnknown() {
		return nil
	}
	var texts []types.String
	diags.Append(list.ElementsAs(ctx, &texts, false)...)
	statuses := make([]tcpconnect.Status, 0, len(texts))
	for _, text := range texts {
		statuses = append(statuses, tcpconnect.Status(text.ValueString()))
	}
	return statuses
}

// knownDuration returns the value of an argument or its default, 0 if it is not known, and whether it is.
func knownDuration(text types.String, defaultValue time.Duration, at path.Path, diags *diag.Diagnostics) (duration time.Duration, known bool) {
	switch {
	case text.IsUnknown():
		return 0, false
	case text.IsNull():
		return defaultValue, true
	default:
		return durationValidator.value(at, text, diags), true
	}
}

// resolveRetry returns what the block asks for, or nil if there is none.
func (a *checkArguments) resolveRetry(ctx context.Context, timeout time.Duration, diags *diag.Diagnostics) *tcpconnect.Retry {
	model := decodeRetry(ctx, a.Retry, diags)
	if model == nil {
		return nil
	}
	retry := tcpconnect.Retry{
		Attempts:    countValue(model.Attempts, 0, retryPath.AtName("attempts"), diags),
		Until:       listValue(ctx, model.Until, statusValidator, retryPath.AtName("until"), diags),
		Consecutive: countValue(model.Consecutive, tcpconnect.DefaultConsecutive, retryPath.AtName("consecutive"), diags),
		GiveUpOn:    listValue(ctx, model.GiveUpOn, reasonValidator, retryPath.AtName("give_up_on"), diags),
	}
	if len(retry.Until) == 0 {
		retry.Until = a.defaultUntil()
	}
	retry.AttemptTimeout, _ = knownDuration(model.AttemptTimeout, min(tcpconnect.DefaultAttemptTimeout, timeout), retryPath.AtName("attempt_timeout"), diags)
	retry.MinDelay, _ = knownDuration(model.MinDelay, tcpconnect.DefaultMinDelay, retryPath.AtName("min_delay"), diags)
	retry.MaxDelay, _ = knownDuration(model.MaxDelay, tcpconnect.DefaultMaxDelay, retryPath.AtName("max_delay"), diags)
	return &retry
}

// countValue returns the value of an argument that is at least 1, or its default.
func countValue(value types.Int64, defaultValue int64, at path.Path, diags *diag.Diagnostics) int64 {
	if value.IsNull() {
		return defaultValue
	}
	// The schema's validator has checked it, but Terraform does not ask it again when it invokes an action.
	if value.ValueInt64() < 1 {
		diags.AddAttributeError(at, "Invalid Count", fmt.Sprintf("The value must be at least 1, got: %d.", value.ValueInt64()))
	}
	return value.ValueInt64()
}

// listValue returns what the elements of a list mean, nil if it is null.
func listValue[T any](ctx context.Context, list types.List, element stringValidator[T], at path.Path, diags *diag.Diagnostics) []T {
	if list.IsNull() {
		return nil
	}
	var texts []types.String
	diags.Append(list.ElementsAs(ctx, &texts, false)...)
	values := make([]T, 0, len(texts))
	for i, text := range texts {
		values = append(values, element.value(at.AtListIndex(i), text, diags))
	}
	return values
}
