// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// said is what one diagnostic must say: its severity, summary, attribute path and fragments of its detail. A "$" in a
// fragment is the end of the detail.
type said struct {
	severity  tfprotov6.DiagnosticSeverity
	summary   string
	attribute string
	detail    []string
}

func wrong(summary, attribute string, detail ...string) []said {
	return []said{{tfprotov6.DiagnosticSeverityError, summary, attribute, detail}}
}

func warned(summary, attribute string, detail ...string) []said {
	return []said{{tfprotov6.DiagnosticSeverityWarning, summary, attribute, detail}}
}

// plainPath shortens the text of an attribute path.
var plainPath = strings.NewReplacer(`AttributeName("`, "", `")`, "", "ElementKeyInt(", "[", ")", "]", ".", "")

func expectSaid(t *testing.T, about string, diagnostics []*tfprotov6.Diagnostic, want []said) {
	t.Helper()
	if len(diagnostics) != len(want) {
		t.Errorf("%s: %q, want %d of them", about, texts(diagnostics), len(want))
		return
	}
	for i, diagnostic := range diagnostics {
		attribute := ""
		if diagnostic.Attribute != nil {
			attribute = plainPath.Replace(diagnostic.Attribute.String())
		}
		if diagnostic.Severity != want[i].severity || diagnostic.Summary != want[i].summary ||
			attribute != want[i].attribute {
			t.Errorf("%s: %s %q at %q, want %s %q at %q", about, diagnostic.Severity, diagnostic.Summary, attribute,
				want[i].severity, want[i].summary, want[i].attribute)
		}
		for _, fragment := range want[i].detail {
			if !strings.Contains(diagnostic.Detail+"$", fragment) {
				t.Errorf("%s: %q, want %q", about, diagnostic.Detail, fragment)
			}
		}
	}
}

func TestEveryKeyOfOutcomesIsValidated(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const form = "outcomes is a list of objects such as { fail = {"
	element := func(text ...string) []said { return wrong("Invalid Outcomes", "outcomes[0]", text...) }
	whole := func(text ...string) []said { return wrong("Invalid Outcomes", "outcomes", text...) }
	for outcomes, want := range map[string][]said{
		`[{"pass":{"when":"connected"}}]`:                       nil,
		`[{"pass":{"when":"connected"}},{"fail":{}}]`:           nil,
		`[{"fail":{"when":null}}]`:                              nil,
		`[{"fail":{"when":""}}]`:                                nil,
		`[{"fail":{"message":null,"uri":null,"title":null}}]`:   nil,
		`[{"fail":{"message":"a\nb\tc\r\nd"}}]`:                 nil,
		`[{"fail":{},"pass":null,"warn":null}]`:                 nil,
		`[{"pass":{"message":"<unknown>"}}]`:                    nil,
		`[{"warn":{}}]`:                                         nil,
		`"<unknown>"`:                                           nil,
		`["<unknown>"]`:                                         nil,
		`[{"pass":"<unknown>"}]`:                                nil,
		`[{"pass":"<unknown>","fail":{}}]`:                      nil,
		`[{"pass":{"when":"<unknown>"}}]`:                       nil,
		`[{"pass":{"when":"connected","message":"<unknown>"}}]`: nil,
		`[{"pass":"<unknown>","fail":{},"warn":{}}]`:            element("outcomes[0] has fail and warn"),
		`[{"pass":{"when":"<unknown>","whne":"x"}}]`:            element(`outcomes[0].pass has the key "whne"`),
		`[{"fail":{}},{"pass":{"when":"connect"}}]`: wrong("Invalid Outcomes", "outcomes[1]",
			"outcomes[1].pass.when", `Did you mean "connected"?`),
		`[]`:     whole("outcomes is empty, so nothing could ever pass", form),
		`"pass"`: whole("outcomes is a string. " + form),
		`1`:      whole("outcomes is a number. " + form),
		`true`:   whole("outcomes is a boolean. " + form),
		`{}`:     whole("outcomes is an object. Put braces around each outcome", form),
		`{"pass":{"when":"connected"}}`: whole(
			"outcomes is an object. Put braces around each outcome and brackets around all of them",
			form),
		`{"0":{"fail":{}},"1":{"pass":{}}}`: whole(
			`outcomes is an object with the keys "0", "1": a typed binding`,
			`addOverride("outcomes", [...])`,
			form),
		`{"0":{"fail":{}},"x":{"pass":{}}}`: whole("Put braces around each outcome"),
		`["pass"]`:                          element("outcomes[0] is a string, not an object", form),
		`[null]`:                            element("outcomes[0] is null, not an object"),
		`[[{"fail":{}}]]`:                   element("outcomes[0] is a list, not an object"),
		`[{"pass":"connected"}]`:            element("outcomes[0].pass is a string, not an object", form),
		`[{}]`:                              element("outcomes[0] has none of fail, warn and pass", form),
		`[{"fail":null}]`:                   element("outcomes[0] has none of fail, warn and pass"),
		`[{"fail":{},"pass":{}}]`:           element("outcomes[0] has fail and pass", "exactly one"),
		`[{"error":{}}]`: element(`outcomes[0] has the key "error", which does not exist. ` +
			`The keys are "fail", "warn" or "pass". Did you mean "fail"?`),
		`[{"zzz":{}}]`: element(`outcomes[0] has the key "zzz", which does not exist. ` +
			`The keys are "fail", "warn" or "pass".`),
		`[{"when":"connected"}]`: element(`Write when inside the verdict: { fail = { when = "..." } }.`),
		`[{"//":"a comment","fail":{}}]`: element(`outcomes[0] has the key "//"`,
			"comments have no place in it, so remove it."),
		`[{"fail":{"//":"a comment"}}]`: element(`outcomes[0].fail has the key "//"`,
			"comments have no place in it, so remove it."),
		`[{"fail":{"whne":"error"}}]`: element(`outcomes[0].fail has the key "whne", which does not exist. ` +
			`The keys are "when", "message", "uri" or "title". Did you mean "when"?`),
		`[{"fail":{"when":1}}]`:        element("outcomes[0].fail.when is a number, not a string."),
		`[{"fail":{"message":["x"]}}]`: element("outcomes[0].fail.message is a list, not a string."),
		`[{"fail":{"uri":{}}}]`:        element("outcomes[0].fail.uri is an object, not a string."),
		`[{"fail":{"title":true}}]`:    element("outcomes[0].fail.title is a boolean, not a string."),
		`[{"fail":{"message":"\u001b[8m"}}]`: element(
			"outcomes[0].fail.message: The text contains the control character U+001B"),
		`[{"fail":{"uri":"\u0007"}}]`: element("outcomes[0].fail.uri: The text contains the control character U+0007"),
		`[{"fail":{"title":"\u007f"}}]`: element(
			"outcomes[0].fail.title: The text contains the control character U+007F"),
		`[{"pass":{"when":null}}]`: element("outcomes[0].pass.when: null or empty", "leave the key out"),
		`[{"warn":{"when":""}}]`:   element("outcomes[0].warn.when: null or empty"),
		`[{"fail":{"when":"no-such-host"}}]`: element(`"no-such-host" is a reason, not a status`,
			`Did you mean "error"?`),
		`[{"pass":{}}]`: warned("Outcomes Let Everything Through", "outcomes", "Every status passes"),
		`[{"pass":{"when":"connected"}},{"warn":{}}]`: nil,
		`[{"fail":{"when":"error"}},{"fail":{"when":"error"}}]`: warned("Outcome Never Reached", "outcomes[1]",
			"outcomes[1] never decides, because outcomes[0] comes first"),
		`[{"warn":{}},{"pass":{"when":"connected"}}]`: warned("Outcome Never Reached", "outcomes[1]",
			"outcomes[1] never decides, because outcomes[0] comes first"),
	} {
		for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect, dataAnalysis} {
			arguments := map[string]string{dataAnalysis: `"bundle":"b"`}[kind]
			if arguments == "" {
				arguments = `"address":"db:1"`
			}
			expectSaid(t, kind+" "+outcomes,
				server.validate(t, kind, fmt.Sprintf(`{%s,"outcomes":%s}`, arguments, outcomes)), want)
		}
	}
}

func TestAnalysisHasOneSource(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const somePass = `"outcomes":[{"pass":{"when":"connected"}}]`
	for arguments, want := range map[string][]said{
		`"status":"connected"`:                       nil,
		`"status":"made up by a mock","reason":"x"`:  nil,
		`"status":"connected","reason":"connected"`:  nil,
		`"status":"<unknown>","reason":"<unknown>"`:  nil,
		`"status":"<unknown>","bundle":"<unknown>"`:  nil,
		`"status":"<unknown>","max_age":"<unknown>"`: nil,
		`"status":"<unknown>","bundle":"b"`:          nil,
		`"status":"connected","bundle":"<unknown>"`:  nil,
		`"bundle":"b","max_age":"1h"`:                nil,
		`"bundle":"b","missing_nodes":"warn"`:        nil,
		`"bundle":"b","reason":"<unknown>"`:          nil,
		`"bundle":"<unknown>","reason":"refused"`:    nil,
		`"exclude":true`:                             nil,
		`"exclude":true,"max_age":"1h"`:              nil,
		`"exclude":"<unknown>"`:                      nil,
		`"exclude":true,"bundle":"b","reason":"x"`:   nil,
		`"status":"connected","bundle":"b"`: wrong("Two Sources of a Status", "bundle",
			"Both status and bundle are set", "Use status for a check"),
		`"exclude":false`: wrong("No Status to Judge", "status",
			"Neither status nor bundle has a value", "set exclude on this analysis too"),
		`"bundle":"b","reason":"refused"`: wrong("Reason Without Status", "reason", "leave reason out"),
		`"status":"error","max_age":"1h"`: wrong("Max Age Without Bundle", "max_age",
			"leave max_age out, or set bundle"),
		`"status":"error","missing_nodes":"warn"`: wrong("Missing Nodes Without Bundle",
			"missing_nodes", "or set bundle"),
		`"bundle":"b","max_age":"10"`:       wrong("Invalid Duration", "max_age", `Did you mean "10s"?`),
		`"bundle":" "`:                      wrong("Empty Value", "bundle", "The value is blank"),
		`"status":"error","check_name":" "`: wrong("Invalid Check Name", "check_name", "The value is blank"),
		`"status":"error","check_name":"a\u0000"`: wrong("Invalid Check Name", "check_name",
			"the control character U+0000"),
		`"status":"error","check_name":"<unknown>"`: nil,
		`"status":"error","collector_name":"../x"`:  wrong("Invalid Collector Name", "collector_name", "1 to 128"),
	} {
		expectSaid(t, arguments, server.validate(t, dataAnalysis, "{"+arguments+","+somePass+"}"), want)
	}
}

func TestPassWithoutAReasonIsAWarning(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const refusedPasses = `"outcomes":[{"pass":{"when":"connection-refused"}},{"fail":{}}]`
	for arguments, warns := range map[string]bool{
		`"status":"<unknown>",` + refusedPasses:                                                 true,
		`"status":"<unknown>","exclude":false,` + refusedPasses:                                 true,
		`"status":"<unknown>","exclude":"<unknown>",` + refusedPasses:                           true,
		`"status":"<unknown>","exclude":true,` + refusedPasses:                                  false,
		`"status":"<unknown>","reason":"<unknown>",` + refusedPasses:                            false,
		`"bundle":"b",` + refusedPasses:                                                         false,
		`"status":"error","outcomes":[{"pass":{"when":"<unknown>"}}]`:                           false,
		`"status":"error","outcomes":[{"fail":{"when":"<unknown>"}},{"pass":{"when":"error"}}]`: false,
		`"status":"error","outcomes":[{"warn":{"when":"error"}}]`:                               false,
		`"status":"error","outcomes":[{"fail":{"when":"connected"}},{"pass":{}}]`:               true,
		`"status":"error","outcomes":[{"pass":{"when":"connected"}}]`:                           false,
	} {
		var want []said
		if warns {
			want = warned("Pass Without a Reason", "outcomes", "The status \"connection-refused\"",
				"reason = data.preflight_tcp_connect.NAME.reason")
		}
		expectSaid(t, arguments, server.validate(t, dataAnalysis, "{"+arguments+"}"), want)
	}
}

func TestAnalysisJudgesStatusAndReason(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const drain = `"outcomes":[
		{"fail":{"when":"connected","message":"open","uri":"https://example.com"}},
		{"pass":{"title":"Drained"}}
	]`
	for arguments, want := range map[string]map[string]any{
		`"status":"connection-refused","reason":"refused",` + drain: {
			"outcome":      "pass",
			"proceed":      true,
			"is_pass":      true,
			"is_warn":      false,
			"is_fail":      false,
			"matched":      true,
			"title":        "Drained",
			"message":      "Drained: connection-refused",
			"uri":          nil,
			"status":       "connection-refused",
			"collected_at": nil,
		},
		`"status":"connected","reason":"connected","check_name":"Old server",` + drain: {
			"outcome": "fail", "proceed": false, "is_pass": false, "is_warn": false, "is_fail": true, "matched": true,
			"title": "Old server", "message": "open", "uri": "https://example.com",
		},
		`"status":"connection-timeout","reason":"not-ready",` + drain: {
			"outcome": "fail", "proceed": false, "matched": false, "title": "TCP Connection Attempt",
			"message": `TCP Connection Attempt: the reason "not-ready" says nothing about the peer, so no pass ` +
				`applies to the status "connection-timeout", and the check fails`,
		},
		`"status":"error","reason":"local-address",` + drain: {"outcome": "fail", "proceed": false, "matched": false},
		`"status":"error","reason":"no-such-host",` + drain:  {"outcome": "pass", "proceed": true},
		`"status":"error",` + drain:                          {"outcome": "pass", "proceed": true},
		`"status":"connection-refused","outcomes":[{"pass":{"when":"connected"}}]`: {
			"outcome": "fail",
			"proceed": false,
			"matched": false,
			"message": `TCP Connection Attempt: no outcome covers the status "connection-refused", so the check fails`,
		},
		`"exclude":true,"strict":true,"check_name":"Old server","status":null,` + drain: {
			"outcome": nil, "proceed": true, "is_pass": false, "is_warn": false, "is_fail": false, "matched": false,
			"title": "Old server", "message": "Old server: excluded", "uri": nil, "results": nil,
		},
	} {
		state, diagnostics := server.read(t, dataAnalysis, "{"+arguments+"}")
		expectSaid(t, arguments, diagnostics, nil)
		expectAttributes(t, state, want)
	}
}

func TestAnalysisRejectsInvalidStatusAndReason(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const everything = `"outcomes":[{"pass":{}}]`
	for arguments, want := range map[string][]said{
		`"status":"a mock's",`:                      wrong("Invalid Status", "status", `"a mock's" is not a status`),
		`"status":"a mock's","reason":"a mock's",`:  wrong("Invalid Status", "status", `"a mock's" is not a status`),
		`"status":"error","reason":"a mock's",`:     wrong("Invalid Reason", "reason", `"a mock's" is not a reason`),
		`"status":"connected","reason":"a mock's",`: wrong("Invalid Reason", "reason", `"a mock's" is not a reason`),
		`"status":"error","reason":"",`:             wrong("Invalid Reason", "reason", `"" is not a reason`),
		`"status":"connected","reason":"not-ready",`: wrong("Reason of Another Status", "reason",
			`The reason "not-ready" does not belong to the status "connected"`),
		`"status":"connection-refused","reason":"other",`: wrong("Reason of Another Status", "reason",
			"Take both from the same check"),
		`"reason":"refused",`:   wrong("No Status to Judge", "status"),
		`"status":"<unknown>",`: wrong("Unknown Argument", "", "not known yet"),
		`"bundle":"no-such-bundle",`: wrong("No Usable Result in the Bundle", "bundle", `Collector "connect"`,
			"the bundle no-such-bundle does not exist"),
	} {
		state, diagnostics := server.read(t, dataAnalysis, "{"+arguments+everything+"}")
		expectSaid(t, arguments, diagnostics, want)
		if state["proceed"] != nil || state["outcome"] != nil {
			t.Errorf("%s: it has the attributes %v", arguments, state)
		}
	}
}

func TestWarningsAndStrictFailuresNameTheCheck(t *testing.T) {
	t.Parallel()
	dir, _ := plantResult(t, `{"status":"connection-refused","message":"","reason":"refused"}`, 0)
	server := newConfigured(t, t.TempDir())
	open, refused := loopback.Open(t).String(), loopback.Refused(t).String()
	const (
		warns = `"outcomes":[{"warn":{"message":"Runs without it","uri":"https://example.com"}}]`
		fails = `"outcomes":[{"fail":{"title":"Primary"}}]`
	)
	for _, test := range []struct {
		kind, arguments string
		want            []said
	}{
		{dataTCPConnect, `"address":"` + refused + `",` + warns, warned("connect at "+refused+": Runs without it", "",
			"Address: "+refused+"\nStatus: connection-refused, reason: refused\nMessage: dial tcp",
			"\nThe host answered, but", "\nMore: https://example.com")},
		{dataTCPConnect, `"address":"` + refused + `","collector_name":"db","strict":true,` + warns,
			warned("db at "+refused+": Runs without it", "")},
		{dataTCPConnect, `"address":"` + refused + `","check_name":"Cache",` + warns,
			warned("Cache: Runs without it", "")},
		{dataTCPConnect, `"address":"` + refused + `","check_name":"Cache",` + fails, nil},
		{dataTCPConnect, `"address":"` + refused + `","check_name":"Cache","strict":true,` + fails,
			wrong("Preflight Check Failed: Cache", "", "Primary: connection-refused\n\nAddress: "+refused)},
		{dataTCPConnect, `"address":"` + refused + `","collector_name":"db","strict":true`,
			wrong("Preflight Check Failed: db at "+refused, "", "connection-refused\n\nAddress: ")},
		{ephemeralTCPConnect, `"address":"` + refused + `","check_name":"Cache","strict":false`,
			wrong("Preflight Check Failed: Cache", "", "connection-refused\n\nAddress: ")},
		{dataTCPConnect, `"address":"` + open + `","collector_name":"open","outcomes":[{"warn":{}}]`,
			warned("open at "+open+": connected", "", "Address: "+open+"\nStatus: connected, reason: connected$")},
		{ephemeralTCPConnect, `"address":"` + refused + `","outcomes":[{"warn":{}}]`,
			warned("connect at "+refused+": connection-refused", "")},
		{dataAnalysis, `"status":"connection-refused","reason":"refused",` + warns,
			warned("TCP Connection Attempt: Runs without it", "",
				"Status: connection-refused, reason: refused\nThe host answered, but", "\nMore: https://example.com")},
		{dataAnalysis, `"status":"connection-refused","collector_name":"db",` + warns,
			warned("db: Runs without it", "", "Status: connection-refused\n")},
		{dataAnalysis, `"status":"connection-refused","strict":true,` + fails,
			wrong("Preflight Check Failed: TCP Connection Attempt", "", "Primary: connection-refused\n\nStatus: ")},
		{dataAnalysis, `"bundle":` + strconv.Quote(dir) + `,` + warns,
			warned("connect in "+dir+": Runs without it", "", "Status: connection-refused, reason: refused")},
		{dataAnalysis, `"bundle":` + strconv.Quote(dir) + `,"check_name":"Cache",` + warns,
			warned("Cache: Runs without it", "")},
	} {
		_, diagnostics := server.read(t, test.kind, "{"+test.arguments+"}")
		expectSaid(t, test.kind+" "+test.arguments, diagnostics, test.want)
	}
}

func TestExcludedCheckHasAllAttributes(t *testing.T) {
	t.Parallel()
	dir, peer := t.TempDir(), loopback.Listen(t, loopback.IPv4)
	server := newConfigured(t, dir)
	for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect} {
		for _, more := range []string{"", `,"outcomes":[{"fail":{}}],"strict":true`, `,"check_name":"Database"`} {
			title := "TCP Connection Attempt"
			if strings.Contains(more, "Database") {
				title = "Database"
			}
			state, diagnostics := server.read(t, kind,
				fmt.Sprintf(`{"address":%q,"exclude":true%s}`, peer.AddrPort(), more))
			expectSaid(t, kind+more, diagnostics, nil)
			expectAttributes(t, state, map[string]any{
				"message":            "",
				"title":              title,
				"outcome_message":    title + ": excluded",
				"connected":          false,
				"proceed":            true,
				"is_pass":            false,
				"is_warn":            false,
				"is_fail":            false,
				"matched":            false,
				"outcome":            nil,
				"uri":                nil,
				"status":             nil,
				"reason":             nil,
				"ready":              nil,
				"attempts":           nil,
				"collected_at":       nil,
				"remote_address":     nil,
				"local_address":      nil,
				"resolved_addresses": nil,
				"addresses":          nil,
				"duration_ms":        nil,
				"bundle_dir":         nil,
				"bundle_file":        nil,
				"timeout":            "10s",
				"collector_name":     "connect",
			})
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 || peer.Accepted() > 0 {
		t.Errorf("%d connections were made, and %v written, %v", peer.Accepted(), entries, err)
	}
}

func TestCheckWithoutOutcomesPassesIfItIsReady(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	open, refused := loopback.Open(t).String(), loopback.Refused(t).String()
	until := `,"timeout":"1m","retry":{"until":["connection-refused"],"attempts":1,"consecutive":1}`
	for arguments, want := range map[string]map[string]any{
		fmt.Sprintf(`"address":%q`, open): {"outcome": "pass", "status": "connected", "ready": true},
		fmt.Sprintf(`"address":%q,"collector_name":"refused"`, refused): {
			"outcome": "fail",
			"status":  "connection-refused",
			"ready":   false,
		},
		fmt.Sprintf(`"address":%q,"collector_name":"drained"%s`, refused, until): {
			"outcome":   "pass",
			"status":    "connection-refused",
			"ready":     true,
			"connected": false,
		},
		fmt.Sprintf(`"address":%q,"collector_name":"not-drained"%s`, open, until): {
			"outcome":   "fail",
			"status":    "connected",
			"ready":     false,
			"connected": true,
		},
		fmt.Sprintf(`"address":%q,"collector_name":"x","check_name":"Database"`, open): {
			"outcome":         "pass",
			"title":           "Database",
			"outcome_message": "Database: connected",
		},
	} {
		state, diagnostics := server.read(t, dataTCPConnect, "{"+arguments+"}")
		expectSaid(t, arguments, diagnostics, nil)
		passes := want["outcome"] == "pass"
		expectAttributes(t, state, map[string]any{
			"is_pass": passes,
			"is_fail": !passes,
			"is_warn": false,
			"proceed": passes,
			"matched": true,
			"uri":     nil,
		})
		expectAttributes(t, state, want)
	}
}

func TestOutcomesMayBeListsAndMapsButNotSets(t *testing.T) {
	t.Parallel()
	texts := types.MapType{ElemType: types.StringType}
	outcome := types.MapType{ElemType: texts}
	pass := func(fields map[string]attr.Value) attr.Value {
		return types.MapValueMust(texts, map[string]attr.Value{"pass": types.MapValueMust(types.StringType, fields)})
	}
	connected := pass(map[string]attr.Value{"when": types.StringValue("connected")})
	tuple := func(element attr.Value) types.Tuple {
		return types.TupleValueMust([]attr.Type{element.Type(t.Context())}, []attr.Value{element})
	}
	for name, test := range map[string]struct {
		value attr.Value
		want  string
	}{
		"list of maps of maps": {types.ListValueMust(outcome, []attr.Value{connected}), ""},
		"tuple":                {tuple(connected), ""},
		"dynamic in a dynamic": {types.DynamicValue(tuple(types.DynamicValue(connected))), ""},
		"set": {
			types.SetValueMust(outcome, []attr.Value{connected}),
			"outcomes is a set, which has no order",
		},
		"null":         {types.ListNull(outcome), "outcomes is null. outcomes is a list of objects"},
		"null tuple":   {types.TupleNull([]attr.Type{outcome}), "outcomes is null. "},
		"null map":     {types.MapNull(types.StringType), "outcomes is null. "},
		"null object":  {types.ObjectNull(nil), "outcomes is null. "},
		"null dynamic": {types.DynamicNull(), "outcomes is null. "},
		"map": {
			types.MapValueMust(outcome, map[string]attr.Value{"0": connected}),
			`an object with the keys "0": a typed binding`,
		},
		"empty list": {types.ListValueMust(outcome, nil), "outcomes is empty"},
		"control character": {
			tuple(pass(map[string]attr.Value{
				"when":    types.StringValue("connected"),
				"message": types.StringValue("\x1b"),
			})),
			"U+001B",
		},
		"list in an element": {
			tuple(types.ListValueMust(types.StringType, nil)),
			"outcomes[0] is a list, not an object",
		},
		"set in an element": {
			tuple(types.SetValueMust(types.StringType, nil)),
			"outcomes[0] is a set, not an object",
		},
		"null map as a verdict": {tuple(types.MapNull(texts)), "outcomes[0] is null, not an object"},
	} {
		var diags diag.Diagnostics
		outcomes, whole := decodeOutcomes(test.value, &diags)
		want := []tcpconnect.Outcome{{Verdict: tcpconnect.Pass, When: tcpconnect.Connected}}
		if test.want == "" && (!whole || diags.HasError() || !slices.Equal(outcomes, want)) {
			t.Errorf("%s: %+v, %t, %v", name, outcomes, whole, diags)
		}
		if test.want != "" && (whole || len(diags) != 1 || !strings.Contains(diags[0].Detail(), test.want)) {
			t.Errorf("%s: %t, %v, want %q", name, whole, diags, test.want)
		}
	}
}

func TestWorstNodeDecides(t *testing.T) {
	t.Parallel()
	written := time.Now().Add(-time.Hour).Truncate(time.Second)
	dir, _ := plantBundle(t, map[string]string{
		"host-collectors/system/node_list.json":  `{"nodes":["a","b","c"]}`,
		"host-collectors/a/connect/connect.json": `{"status":"connected","message":"","reason":"connected"}`,
		"host-collectors/b/connect/connect.json": `{"status":"connection-refused","message":"x","reason":"refused"}`,
	}, "", written)
	server := newConfigured(t, t.TempDir())
	arguments := func(more string) string {
		return fmt.Sprintf(`{
			"bundle":%q,
			"check_name":"API",
			"outcomes":[{"pass":{"when":"connected"}},{"fail":{"uri":"https://example.com"}}]%s
		}`, dir, more)
	}
	_, diagnostics := server.read(t, dataAnalysis, arguments(""))
	expectSaid(t, "missing node", diagnostics,
		wrong("No Usable Result in the Bundle", "bundle",
			`Collector "connect": the bundle lists nodes that it holds nothing of: c.`))
	_, diagnostics = server.read(t, dataAnalysis, arguments(`,"missing_nodes":"error"`))
	expectSaid(t, "missing node as an error", diagnostics, wrong("No Usable Result in the Bundle", "bundle"))
	_, diagnostics = server.read(t, dataAnalysis, arguments(`,"missing_nodes":"warn","max_age":"59m"`))
	expectSaid(t, "max_age", diagnostics, wrong("No Usable Result in the Bundle", "bundle", "max_age is 59m0s"))
	_, diagnostics = server.read(t, dataAnalysis, arguments(`,"missing_nodes":"warn","strict":true`))
	const strictDetail = `API - Node b: connection-refused
API - Node c: the bundle holds nothing of this node

Status of the node "a": connected, reason: connected
Status of the node "b": connection-refused, reason: refused
Status of the node "c": none
More: https://example.com`
	expectSaid(t, "strict", diagnostics, wrong("Preflight Check Failed: API", "", strictDetail))

	state, diagnostics := server.read(t, dataAnalysis, arguments(`,"missing_nodes":"warn","max_age":"2h"`))
	expectSaid(t, "warn", diagnostics, nil)
	expectAttributes(t, state, map[string]any{
		"outcome":      "fail",
		"proceed":      false,
		"status":       "connection-refused",
		"title":        "API - Node b",
		"uri":          "https://example.com",
		"matched":      true,
		"message":      "API - Node b: connection-refused\nAPI - Node c: the bundle holds nothing of this node",
		"collected_at": written.UTC().Format(time.RFC3339),
	})
	results := state["results"].([]any)
	for i, want := range []map[string]any{
		{
			"node":         "a",
			"status":       "connected",
			"reason":       "connected",
			"outcome":      "pass",
			"matched":      true,
			"title":        "API - Node a",
			"message":      "API - Node a: connected",
			"detail":       "",
			"uri":          nil,
			"collected_at": written.UTC().Format(time.RFC3339),
		},
		{
			"node":    "b",
			"status":  "connection-refused",
			"reason":  "refused",
			"outcome": "fail",
			"matched": true,
			"title":   "API - Node b",
			"detail":  "x",
			"uri":     "https://example.com",
		},
		{
			"node":         "c",
			"status":       nil,
			"reason":       nil,
			"outcome":      "warn",
			"matched":      false,
			"title":        "API - Node c",
			"message":      "API - Node c: the bundle holds nothing of this node",
			"collected_at": nil,
		},
	} {
		expectAttributes(t, results[i].(map[string]any), want)
	}
	warns := strings.Replace(arguments(`,"missing_nodes":"fail"`),
		`{"fail":{"uri":"https://example.com"}}`, `{"warn":{}}`, 1)
	state, _ = server.read(t, dataAnalysis, warns)
	expectAttributes(t, state, map[string]any{
		"outcome": "fail",
		"proceed": false,
		"status":  nil,
		"title":   "API - Node c",
	})
	expectSaid(t, "choice", server.validate(t, dataAnalysis, arguments(`,"missing_nodes":"wran"`)),
		wrong("Invalid Choice", "missing_nodes", `Did you mean "warn"?`))
}

func TestOutcomesOfATypedVariableMayBeNull(t *testing.T) {
	t.Parallel()
	if (outcomeArguments{Outcomes: types.DynamicValue(types.ListNull(types.StringType))}).hasOutcomes() {
		t.Error("null counts as outcomes")
	}
}
