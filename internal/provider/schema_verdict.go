// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// outcomeArguments are the arguments of whatever judges a status.
type outcomeArguments struct {
	CheckName types.String  `tfsdk:"check_name"`
	Outcomes  types.Dynamic `tfsdk:"outcomes"`
	Strict    types.Bool    `tfsdk:"strict"`
}

// verdictResults are the results of whatever has a verdict.
type verdictResults struct {
	Outcome types.String `tfsdk:"outcome"`
	IsPass  types.Bool   `tfsdk:"is_pass"`
	IsWarn  types.Bool   `tfsdk:"is_warn"`
	IsFail  types.Bool   `tfsdk:"is_fail"`
	Proceed types.Bool   `tfsdk:"proceed"`
}

// explanationDescription describes explanation wherever there is one.
const explanationDescription = "For people, in several lines: title and message, address, status and reason, what " +
	"the operating system said, what to do, and where to read more. Never empty, so that it can be part of an " +
	"`error_message`."

// verdictAttributes describes them.
func verdictAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"outcome": stringResult("The verdict: " + suggest.MarkdownChoice(tcpconnect.Verdicts()) + "."),
		"is_pass": boolResult("Whether `outcome` is `pass`."),
		"is_warn": boolResult("Whether `outcome` is `warn`. A warning shows in Terraform's output too."),
		"is_fail": boolResult("Whether `outcome` is `fail`."),
		"proceed": boolResult("Whether the gate is open: `pass` or `warn`, or excluded on purpose. Use it as the " +
			"condition of a precondition: it is false if anything is missing, and under mock providers."),
	}
}

func (r *verdictResults) fillVerdict(verdict tcpconnect.Verdict) {
	r.Outcome = types.StringValue(string(verdict))
	r.IsPass = types.BoolValue(verdict == tcpconnect.Pass)
	r.IsWarn = types.BoolValue(verdict == tcpconnect.Warn)
	r.IsFail = types.BoolValue(verdict == tcpconnect.Fail)
	r.Proceed = types.BoolValue(verdict.Proceed())
}

// findingResults are the results of whatever has one finding, but for the message, whose name differs.
type findingResults struct {
	verdictResults
	Title   types.String `tfsdk:"title"`
	URI     types.String `tfsdk:"uri"`
	Matched types.Bool   `tfsdk:"matched"`
}

// findingAttributes describes arguments and results of whatever has one finding. messageName is the attribute that
// holds the message of the outcome.
func findingAttributes(outcomesRequired bool, strict, messageName string) map[string]schema.Attribute {
	outcomes := "A list of objects, at least one, in the order in which they are tried. Each holds exactly one of " +
		suggest.MarkdownChoice(tcpconnect.Verdicts()) + ". Inside, all optional, are `when` (one of " +
		suggest.MarkdownChoice(tcpconnect.Statuses()) + "), `message`, `uri` and `title`. If omitted, `when` means " +
		"every status. An unknown key is an error. The `outcomes` of a Troubleshoot analyzer, as `yamldecode` " +
		"gives them, fit as they are."
	if !outcomesRequired {
		outcomes = "If omitted, the check passes if it is `ready` and fails if it is not. " + outcomes
	}
	return join(verdictAttributes(), map[string]schema.Attribute{
		"check_name": stringArgument("Title of the check. Defaults "+
			"to `"+tcpconnect.DefaultCheckName+"`.", checkNameValidator),
		"outcomes": schema.DynamicAttribute{
			Required:            outcomesRequired,
			Optional:            !outcomesRequired,
			MarkdownDescription: outcomes,
			Validators:          []validator.Dynamic{outcomesValidator{}},
		},
		"strict": boolArgument(strict),
		"title":  stringResult("Title of the outcome that decided, or else `check_name`. Never empty."),
		messageName: stringResult("Message of the outcome that decided, or else the title and the status. Never " +
			"empty."),
		"uri":     stringResult("Where to read more, by the outcome that decided. Null if it has none."),
		"matched": boolResult("Whether an outcome matched. If `false`, the outcome is `fail`."),
	})
}

// validateCheckName repeats what the schema's validator says, which Terraform does not ask again when it invokes an
// action.
func (a outcomeArguments) validateCheckName(diags *diag.Diagnostics) {
	if !a.CheckName.IsNull() {
		checkNameValidator.value(path.Root("check_name"), a.CheckName, diags)
	}
}

func (a outcomeArguments) checkName() string {
	return cmp.Or(a.CheckName.ValueString(), tcpconnect.DefaultCheckName)
}

func (a outcomeArguments) hasOutcomes() bool {
	return !a.Outcomes.IsNull() && !a.Outcomes.IsUnderlyingValueNull()
}

// passes returns the statuses that the outcomes pass, none unless they are known.
func (a outcomeArguments) passes() []tcpconnect.Status {
	outcomes, isWhole := decodeOutcomes(a.Outcomes, new(diag.Diagnostics))
	if !a.hasOutcomes() || !isWhole {
		return nil
	}
	return tcpconnect.Analyzer{Outcomes: outcomes}.Passes()
}

// analyzer returns the analyzer that the arguments describe, or adds an error.
func (a outcomeArguments) analyzer(diags *diag.Diagnostics) tcpconnect.Analyzer {
	outcomes, _ := decodeOutcomes(a.Outcomes, diags) // whole, or an error: getKnown lets nothing unknown through
	return tcpconnect.Analyzer{CheckName: a.checkName(), Outcomes: outcomes}
}

func (r *findingResults) fill(finding tcpconnect.Finding) {
	r.fillVerdict(finding.Verdict)
	r.Title = types.StringValue(finding.Title)
	r.URI = stringOrNull(finding.URI)
	r.Matched = types.BoolValue(finding.Matched)
}

// stringOrNull makes null of an empty text.
func stringOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// fillExcluded opens the gate on purpose and returns the message, which is all that there is to explain.
func (r *findingResults) fillExcluded(checkName string) (message string) {
	r.fill(tcpconnect.Finding{Title: checkName})
	r.Outcome = types.StringNull()
	r.Proceed = types.BoolValue(true)
	return checkName + ": excluded"
}

// report adds a warning for a warn, and if isGate an error for a failure. The subject is the name of the check, or else
// what was checked: Terraform folds warnings of one summary into one. details are lines of what is known.
func (a outcomeArguments) report(
	checked string, finding tcpconnect.Finding, isGate bool, details []string, diags *diag.Diagnostics,
) {
	subject, message := cmp.Or(a.CheckName.ValueString(), checked), finding.Message
	if finding.Title == a.checkName() {
		message = finding.Text()
	}
	detail := strings.Join(details, "\n")
	switch {
	case finding.Verdict == tcpconnect.Warn:
		diags.AddWarning(subject+": "+message, detail)
	case !finding.Verdict.Proceed() && isGate:
		diags.AddError("Preflight Check Failed: "+subject, message+"\n\n"+detail)
	}
}

func addMessages(messages []preflight.Message, diags *diag.Diagnostics) {
	for _, message := range messages {
		addMessage(message, diags)
	}
}

// addMessage adds an error or a warning, on its argument if it is about one.
func addMessage(message preflight.Message, diags *diag.Diagnostics) {
	switch {
	case message.IsWarning && message.Argument != "":
		diags.AddAttributeWarning(path.Root(message.Argument), message.Summary, message.Detail)
	case message.IsWarning:
		diags.AddWarning(message.Summary, message.Detail)
	case message.Argument != "":
		diags.AddAttributeError(path.Root(message.Argument), message.Summary, message.Detail)
	default:
		diags.AddError(message.Summary, message.Detail)
	}
}
