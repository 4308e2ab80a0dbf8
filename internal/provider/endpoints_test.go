// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// openAndRefused returns the addresses of two peers.
func openAndRefused(t *testing.T) (open, refused string) {
	t.Helper()
	return loopback.Open(t).String(), loopback.Refused(t).String()
}

// allTexts joins the texts of diagnostics.
func allTexts(diagnostics []*tfprotov6.Diagnostic) string {
	return strings.Join(texts(diagnostics), "\n")
}

func expectTexts(t *testing.T, diagnostics []*tfprotov6.Diagnostic, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if text := allTexts(diagnostics); !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// invokeEndpoints returns the progress messages of the action and the diagnostics of its end.
func (c configured) invokeEndpoints(
	t *testing.T, ctx context.Context, given map[string]any,
) (progress []string, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	config := objectOf(t, c.schemas.ActionSchemas["preflight_endpoints"].Schema, given)
	request := &tfprotov6.InvokeActionRequest{ActionType: "preflight_endpoints", Config: config}
	stream, err := c.InvokeAction(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, event.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			diagnostics = event.Diagnostics
		}
	}
	return progress, diagnostics
}

func TestEveryFormOfEndpointsHasAllItsAttributes(t *testing.T) {
	t.Parallel()
	const (
		arguments = "all_addresses archive exclude ip_family max_concurrency name source_address strict " +
			"timeout triggers via"
		results = "bundle_dir explanation failed is_fail is_pass is_warn message outcome proceed results"
		inRetry = "attempt_timeout attempts consecutive give_up_on max_delay min_delay until"
		element = "address attempts duration_ms explanation matched message outcome ready reason status title uri"
	)
	schemas := newConfigured(t, t.TempDir()).schemas
	forms := map[string]*tfprotov6.SchemaBlock{
		"data source":        schemas.DataSourceSchemas["preflight_endpoints"].Block,
		"ephemeral resource": schemas.EphemeralResourceSchemas["preflight_endpoints"].Block,
		"action":             schemas.ActionSchemas["preflight_endpoints"].Schema.Block,
	}
	for name, of := range forms {
		want := results
		if name == "action" {
			want = ""
		}
		for what, got := range map[string][2]string{
			"required": {attributesNamed(of.Attributes, required), "endpoints"},
			"optional": {attributesNamed(of.Attributes, optional), arguments},
			"computed": {attributesNamed(of.Attributes, computed), want},
			"in retry": {attributesNamed(of.BlockTypes[0].Block.Attributes, optional), inRetry},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s are %q, want %q", name, what, got[0], got[1])
			}
		}
		for _, attribute := range of.Attributes {
			source := forms["data source"].Attributes
			same := source[slices.IndexFunc(source, func(other *tfprotov6.SchemaAttribute) bool {
				return other.Name == attribute.Name
			})]
			if attribute.NestedType != nil {
				if got := attributesNamed(attribute.NestedType.Attributes, computed); got != element ||
					attribute.NestedType.Nesting != tfprotov6.SchemaObjectNestingModeMap {
					t.Errorf("%s: %s holds %q, want %q", name, attribute.Name, got, element)
				}
			} else if !attribute.Type.Equal(same.Type) {
				t.Errorf("%s: %s is a %s, want %s", name, attribute.Name, attribute.Type, same.Type)
			}
		}
	}
}

func TestEndpointsHaveOneVerdictAndAResultEach(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	dir := t.TempDir()
	got, diagnostics := newConfigured(t, dir).read(t, dataEndpoints, fmt.Sprintf(`{"timeout": "1m", "endpoints": {
		"up": %[1]q, "down": %[2]q,
		"cache": {"address": %[2]q, "severity": "warn", "message": "No cache", "uri": "https://x.y"},
		"old": {"address": %[2]q, "check_name": "Old port", "outcomes": [
			{"pass": {"when": "connection-refused", "message": "It is closed"}}, {"fail": {}}]}
	}}`, open, refused))
	if len(diagnostics) != 1 || diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning {
		t.Errorf("diagnostics %s", allTexts(diagnostics))
	}
	expectTexts(t, diagnostics, "Preflight Endpoints: 1 of 4 Checks Warn: cache", "cache: No cache",
		"More: https://x.y")
	expectAttributes(t, got, map[string]any{
		"outcome": "fail", "is_pass": false, "is_warn": false, "is_fail": true, "proceed": false,
		"failed": []any{"down"}, "bundle_dir": dir, "archive": nil,
		"message": fmt.Sprintf("down: connection-refused (%[1]s: connection-refused)\n"+
			"cache: No cache (%[1]s: connection-refused) More: https://x.y", refused),
	})
	results := got["results"].(map[string]any)
	if len(results) != 4 {
		t.Errorf("%d results", len(results))
	}
	for name, want := range map[string]map[string]any{
		"up": {
			"title": "up", "address": open, "status": "connected", "reason": "connected", "outcome": "pass",
			"message": "up: connected", "uri": nil, "matched": true, "attempts": 1., "ready": true,
			"explanation": "up: connected\nAddress: " + open + "\nStatus: connected, reason: connected",
		},
		"down": {
			"title": "down", "address": refused, "status": "connection-refused", "reason": "refused", "outcome": "fail",
			"message": "down: connection-refused", "uri": nil, "matched": true, "attempts": 1., "ready": false,
		},
		"cache": {"outcome": "warn", "message": "No cache", "uri": "https://x.y", "title": "cache", "ready": false},
		"old":   {"outcome": "pass", "message": "It is closed", "title": "Old port", "ready": false, "matched": true},
	} {
		result := results[name].(map[string]any)
		expectAttributes(t, result, want)
		explanation, took := result["explanation"].(string), result["duration_ms"].(float64)
		if !strings.Contains(explanation, "Address: "+result["address"].(string)) || took <= 0 {
			t.Errorf("%s: %q after %g ms", name, explanation, took)
		}
		expectFile(t, filepath.Join(dir, "host-collectors", "connect", name+".json"), result["status"].(string))
	}
}

func TestOnlyFailuresCloseTheGateOverEndpoints(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	up, warn := fmt.Sprintf(`"up": %q`, open), fmt.Sprintf(`"cache": {"address": %q, "severity": "warn"}`, refused)
	down := fmt.Sprintf(`"db": {"address": %q, "message": "No database"}`, refused)
	for name, test := range map[string]struct {
		endpoints, more string
		outcome         any
		message         string
		failed          []any
	}{
		"one passes": {up, "", "pass", "up: connected", []any{}},
		"a warning": {
			up + "," + warn, "", "warn", "cache: connection-refused (" + refused + ": connection-refused)", []any{},
		},
		"a failure": {
			up + "," + down, "", "fail", "No database (" + refused + ": connection-refused)", []any{"db"},
		},
		"all pass":      {up + "," + strings.Replace(up, "up", "up2", 1), "", "pass", "All 2 checks passed.", []any{}},
		"excluded":      {down, `, "exclude": true`, nil, "Preflight Endpoints: excluded", []any{}},
		"a name":        {down, `, "name": "rollout"`, "fail", "No database", []any{"db"}},
		"excluded name": {down, `, "name": "rollout", "exclude": true`, nil, "rollout: excluded", []any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			arguments := fmt.Sprintf(`{"endpoints": {%s}%s}`, test.endpoints, test.more)
			got, diagnostics := newConfigured(t, dir).read(t, dataEndpoints, arguments)
			for _, diagnostic := range diagnostics {
				if diagnostic.Severity == tfprotov6.DiagnosticSeverityError {
					t.Error(allTexts(diagnostics))
				}
			}
			expectAttributes(t, got, map[string]any{
				"outcome": test.outcome, "proceed": test.outcome != "fail", "failed": test.failed,
				"is_pass": test.outcome == "pass", "is_warn": test.outcome == "warn", "is_fail": test.outcome == "fail",
			})
			if message := got["message"].(string); !strings.Contains(message, test.message) {
				t.Errorf("message %q, want %q", message, test.message)
			}
			isExcluded := test.outcome == nil
			if files := filesBelow(t, dir); (len(files) == 0) != isExcluded ||
				(got["bundle_dir"] == nil) != isExcluded ||
				(len(got["results"].(map[string]any)) == 0) != isExcluded {
				t.Errorf("files %q, bundle_dir %v, results %v", files, got["bundle_dir"], got["results"])
			}
			for _, kind := range []string{"strict", "ephemeral"} {
				given, form := arguments, ephemeralEndpoints
				if kind == "strict" {
					given, form = strings.Replace(arguments, "{", `{"strict": true, `, 1), dataEndpoints
				}
				_, diagnostics := newConfigured(t, t.TempDir()).read(t, form, given)
				isError := strings.Contains(allTexts(diagnostics), "ERROR:")
				if isError != (test.outcome == "fail") {
					t.Errorf("%s: %s", kind, allTexts(diagnostics))
				}
				if isError {
					title := "Preflight Endpoints Failed: 1 of "
					if name == "a name" {
						title = "rollout Failed: 1 of 1 Check"
					}
					expectTexts(t, diagnostics, title, "db: No database", "Address: "+refused, "reason: refused",
						"The support bundle", tcpconnect.ReasonRefused.Advice())
				}
			}
		})
	}
}

func TestNameOfEndpointsIsPartOfTheirCollectors(t *testing.T) {
	t.Parallel()
	open, _ := openAndRefused(t)
	dir := t.TempDir()
	archive := filepath.Join(t.TempDir(), "gate.tar.gz")
	server := newConfiguredWith(t, map[string]any{"bundle_dir": dir, "bundle_format": "json"})
	got, diagnostics := server.read(t, dataEndpoints, fmt.Sprintf(
		`{"name": "rollout", "archive": %q, "endpoints": {"db": %q}}`, archive, open))
	if len(diagnostics) > 0 {
		t.Error(allTexts(diagnostics))
	}
	expectAttributes(t, got, map[string]any{"archive": archive, "name": "rollout", "proceed": true})
	if results := got["results"].(map[string]any); results["db"] == nil {
		t.Errorf("results %v", results)
	}
	want := []string{"analysis.json", "host-collectors/connect/rollout.db.json", "version.yaml"}
	if files := filesBelow(t, dir); !slices.Equal(files, want) {
		t.Errorf("the bundle holds %q, want %q", files, want)
	}
	if _, err := os.Stat(archive); err != nil {
		t.Error(err)
	}
	read, diagnostics := server.read(t, dataAnalysis, fmt.Sprintf(
		`{"bundle": %q, "collector_name": "rollout.db", "outcomes": [{"pass": {"when": "connected"}}]}`, archive))
	if len(diagnostics) > 0 || read["proceed"] != true {
		t.Errorf("%v, %s", read, allTexts(diagnostics))
	}
	_, diagnostics = server.read(t, dataEndpoints, fmt.Sprintf(
		`{"name": "other", "archive": %q, "endpoints": {"db": %q}}`, archive, open))
	expectTexts(t, diagnostics, "ERROR: Archive Would Be Overwritten", "another preflight_spec or preflight_endpoints")
}

func TestCollectorNamesOfBatchesDoNotCollide(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	spec := fmt.Sprintf(`{"spec": %q}`, endpointSpec(map[string]string{"db": refused}, "1s"))
	for kind, given := range map[string]string{
		dataEndpoints: fmt.Sprintf(`{"endpoints": {"DB": %q}}`, refused), dataSpec: spec,
	} {
		server := newConfigured(t, t.TempDir())
		first := fmt.Sprintf(`{"endpoints": {"db": %q}}`, open)
		for range 2 { // the same again
			if _, diagnostics := server.read(t, dataEndpoints, first); len(diagnostics) > 0 {
				t.Error(allTexts(diagnostics))
			}
		}
		got, diagnostics := server.read(t, kind, given)
		expectTexts(t, diagnostics, "ERROR: Collector Name Used Twice", open, refused, "in preflight_endpoints: name")
		if got["proceed"] == true || len(diagnostics) != 1 {
			t.Errorf("%s: %v, %s", kind, got, allTexts(diagnostics))
			continue
		}
		argument := map[string]string{dataEndpoints: "endpoints", dataSpec: "spec"}[kind]
		want := tftypes.NewAttributePath().WithAttributeName(argument)
		if at := diagnostics[0].Attribute; at == nil || !at.Equal(want) {
			t.Errorf("%s: the error is on %s, want %s", kind, at, argument)
		}
	}
}

func TestEndpointsWaitForWhatCouldFail(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	got, diagnostics := newConfigured(t, t.TempDir()).read(t, dataEndpoints, fmt.Sprintf(`{
		"timeout": "1h", "retry": {"min_delay": "10ms"}, "endpoints": {
			"up": %q, "cache": {"address": %q, "severity": "warn"},
			"old": {"address": %[2]q, "outcomes": [{"pass": {"when": "connection-refused"}}, {"fail": {}}]}}}`,
		open, refused))
	expectAttributes(t, got, map[string]any{"outcome": "warn", "proceed": true})
	ready := map[string]any{}
	for name, result := range got["results"].(map[string]any) {
		ready[name] = result.(map[string]any)["ready"]
	}
	expectAttributes(t, ready, map[string]any{"up": true, "cache": false, "old": true})
	if len(diagnostics) != 1 {
		t.Error(allTexts(diagnostics))
	}
}

func TestActionOfEndpointsReportsHowManyAreReady(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	given := map[string]any{
		"endpoints": map[string]any{"up": open, "down": refused}, "timeout": "2500ms",
		"retry": map[string]any{"min_delay": "100ms", "max_delay": "100ms"},
	}
	progress, diagnostics := newConfigured(t, t.TempDir()).invokeEndpoints(t, t.Context(), given)
	if len(progress) == 0 || progress[0] != "1 of 2 ready, not yet: down" {
		t.Errorf("progress %q", progress)
	}
	expectTexts(t, diagnostics, "ERROR: Preflight Endpoints Failed: 1 of 2 Checks", "down: connection-refused")
	if !regexp.MustCompile(`after \d+ attempts`).MatchString(allTexts(diagnostics)) {
		t.Error(allTexts(diagnostics))
	}
	given["endpoints"] = map[string]any{"up": open}
	if _, diagnostics := newConfigured(t, t.TempDir()).invokeEndpoints(t, t.Context(), given); len(diagnostics) > 0 {
		t.Error(allTexts(diagnostics))
	}
}

func TestActionOfEndpointsRejectsInvalidValuesDuringApply(t *testing.T) {
	t.Parallel()
	open, _ := openAndRefused(t)
	null := func(of tftypes.Type) tftypes.Value { return tftypes.NewValue(of, nil) }
	for name, change := range map[string]map[string]any{
		"null endpoints":     {"endpoints": nil},
		"a null map":         {"endpoints": null(tftypes.Map{ElementType: tftypes.String})},
		"an empty map":       {"endpoints": map[string]any{}},
		"an unknown element": {"endpoints": map[string]any{"up": open, "b": unknown}},
		"a misspelt key":     {"endpoints": map[string]any{"up": map[string]any{"address": open, "sevrity": "warn"}}},
		"a wrong name":       {"name": "a/b"},
		"a wrong timeout":    {"timeout": "0s"},
		"no timeout":         {"retry": map[string]any{}},
		"a wrong family":     {"ip_family": "ipv5"},
		"the other family":   {"ip_family": "ipv6"},
		"no vantage point":   {"via": "bastion"},
		"unknown exclude":    {"exclude": unknown},
		"unknown triggers":   {"triggers": unknown},
		"a count of 0":       {"timeout": "1s", "retry": map[string]any{"consecutive": 0}},
	} {
		given := map[string]any{"endpoints": map[string]any{"up": open}}
		for key, value := range change {
			given[key] = value
		}
		dir := t.TempDir()
		progress, diagnostics := newConfigured(t, dir).invokeEndpoints(t, t.Context(), given)
		if len(progress) > 0 || !strings.Contains(allTexts(diagnostics), "ERROR:") || len(filesBelow(t, dir)) > 0 {
			t.Errorf("%s: progress %q, %s", name, progress, allTexts(diagnostics))
		}
	}
}

func TestEndpointsOfTypedVariables(t *testing.T) {
	t.Parallel()
	open, refused := openAndRefused(t)
	texts := tftypes.Map{ElementType: tftypes.String}
	typed := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"address": tftypes.String, "timeout": tftypes.String, "severity": tftypes.String, "all_addresses": tftypes.Bool,
		"outcomes": tftypes.List{ElementType: texts},
	}}
	for name, test := range map[string]struct {
		of      tftypes.Type
		given   map[string]any
		outcome string
	}{
		"a map of strings": {texts, map[string]any{"up": open}, "pass"},
		"a map of objects, with nulls": {
			tftypes.Map{ElementType: typed},
			map[string]any{
				"up":    map[string]any{"address": open},
				"cache": map[string]any{"address": refused, "severity": "warn"},
			},
			"warn",
		},
		"a map of maps, with the text of a boolean": {
			tftypes.Map{ElementType: texts},
			map[string]any{"up": map[string]any{"address": open, "all_addresses": "true", "severity": "warn"}},
			"pass",
		},
		"a null element": {texts, map[string]any{"up": open, "b": nil}, ""},
		"a null object":  {tftypes.Map{ElementType: typed}, map[string]any{"up": nil}, ""},
		"a null address": {tftypes.Map{ElementType: typed}, map[string]any{"up": map[string]any{}}, ""},
		"an empty map":   {texts, map[string]any{}, ""},
		"the text of another": {
			tftypes.Map{ElementType: texts},
			map[string]any{"up": map[string]any{"address": open, "all_addresses": "1"}}, "",
		},
	} {
		server := newConfigured(t, t.TempDir())
		config := objectOf(t, server.schemaOf(dataEndpoints), map[string]any{"endpoints": valueOf(test.of, test.given)})
		resp, err := server.ReadDataSource(t.Context(),
			&tfprotov6.ReadDataSourceRequest{TypeName: "preflight_endpoints", Config: config})
		if err != nil {
			t.Fatal(err)
		}
		got := attributesOfState(t, server.schemaOf(dataEndpoints), resp.State)
		if isError := strings.Contains(allTexts(resp.Diagnostics), "ERROR:"); isError != (test.outcome == "") {
			t.Errorf("%s: %s", name, allTexts(resp.Diagnostics))
		}
		if test.outcome != "" && got["outcome"] != test.outcome {
			t.Errorf("%s: %v, want %s", name, got["outcome"], test.outcome)
		}
	}
}

func TestWrongEndpointsAreErrorsWhereTheyStand(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	root := tftypes.NewAttributePath()
	at := func(name string) *tftypes.AttributePath { return root.WithAttributeName(name) }
	element := func(name string) *tftypes.AttributePath { return at("endpoints").WithElementKeyString(name) }
	const fine = `"endpoints": {"db": "db:1"}`
	for name, test := range map[string]struct {
		arguments string
		at        *tftypes.AttributePath
		want      string
	}{
		"a list":       {`{"endpoints": ["db:1"]}`, at("endpoints"), "Each endpoint needs a name"},
		"an empty map": {`{"endpoints": {}}`, at("endpoints"), "endpoints is empty"},
		"a text":       {`{"endpoints": "db:1"}`, at("endpoints"), "endpoints is a string"},
		"no port":      {`{"endpoints": {"db": "db"}}`, element("db"), `endpoints["db"]: "db" has no port`},
		"null":         {`{"endpoints": {"a": "a:1", "db": null}}`, element("db"), `endpoints["db"] is null`},
		"unknown key": {
			`{"endpoints": {"db": {"address": "a:1", "time": "1s"}}}`, element("db"), `Did you mean "timeout"?`,
		},
		"a wrong name":     {`{"endpoints": {"db:1": "db:1"}}`, element("db:1"), `"db:1" cannot name a collector`},
		"names that fold":  {`{"endpoints": {"db": "db:1", "DB": "db:1"}}`, element("db"), "differ only in case"},
		"name of the gate": {`{"name": "a/b", ` + fine + `}`, at("name"), `"a/b" cannot name a collector`},
		"families": {
			`{"ip_family": "ipv6", "endpoints": {"db": "10.0.0.1:1"}}`, element("db"), "not of the IP family",
		},
		"a default that is wrong": {`{"ip_family": "v4", ` + fine + `}`, at("ip_family"), `Did you mean "ipv4"?`},
		"timeout":                 {`{"timeout": "5", ` + fine + `}`, at("timeout"), `Did you mean "5s"?`},
		"retry without timeout":   {`{"retry": {}, ` + fine + `}`, at("timeout"), "must say in timeout"},
		"a timeout above all": {
			`{"timeout": "1m", "retry": {}, "endpoints": {"db": {"address": "db:1", "timeout": "2m"}}}`, element("db"),
			`endpoints["db"].timeout is 2m0s, more than the timeout of the gate`,
		},
		"a pass without being ready": {
			`{"timeout": "1m", "retry": {"until": ["connected"]}, "endpoints": {"db": {"address": "db:1", "outcomes":
				[{"pass": {"when": "connection-refused"}}]}}}`, element("db"), "which until does not wait for",
		},
		"archive":         {`{"archive": "a.zip", ` + fine + `}`, at("archive"), "a.zip"},
		"max_concurrency": {`{"max_concurrency": 0, ` + fine + `}`, at("max_concurrency"), "at least 1"},
	} {
		for _, kind := range []string{dataEndpoints, ephemeralEndpoints} {
			diagnostics := server.validate(t, kind, test.arguments)
			if len(diagnostics) != 1 || diagnostics[0].Severity != tfprotov6.DiagnosticSeverityError {
				t.Errorf("%s, %s: %s", kind, name, allTexts(diagnostics))
				continue
			}
			expectTexts(t, diagnostics, test.want)
			if !diagnostics[0].Attribute.Equal(test.at) {
				t.Errorf("%s, %s: the error is on %s, want %s", kind, name, diagnostics[0].Attribute, test.at)
			}
		}
	}
}

func TestEndpointsThatAreNotKnownAreNotWrong(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	for _, arguments := range []string{
		`{"endpoints": "<unknown>"}`,
		`{"endpoints": {"a": "<unknown>", "b": "b:1"}}`,
		`{"endpoints": {"a": {"address": "<unknown>", "outcomes": "<unknown>", "severity": "<unknown>"}}}`,
		`{"name": "<unknown>", "endpoints": {"-a": "a:1", "b": "b:1"}}`, // below a name, -a may be the end of one
		`{"ip_family": "<unknown>", "source_address": "<unknown>", "endpoints": {"a": "10.0.0.1:1"}}`,
		`{"timeout": "<unknown>", "retry": {"until": "<unknown>"}, "endpoints": {"a": {"address": "a:1",
			"timeout": "1h", "outcomes": [{"pass": {"when": "connection-refused"}}]}}}`,
		`{"timeout": "1m", "retry": {"until": ["<unknown>"]}, "endpoints": {"a": {"address": "a:1",
			"outcomes": [{"pass": {"when": "connection-refused"}}]}}}`,
		`{"exclude": "<unknown>", "strict": "<unknown>", "archive": "<unknown>", "max_concurrency": "<unknown>",
			"all_addresses": "<unknown>", "triggers": "<unknown>", "endpoints": {"a": "a:1"}}`,
	} {
		if diagnostics := server.validate(t, dataEndpoints, arguments); len(diagnostics) > 0 {
			t.Errorf("%s: %s", arguments, allTexts(diagnostics))
		}
		dir := t.TempDir()
		got, diagnostics := newConfigured(t, dir).read(t, dataEndpoints, arguments)
		expectTexts(t, diagnostics, "ERROR: Unknown Argument")
		if got["proceed"] == true || len(filesBelow(t, dir)) > 0 {
			t.Errorf("%s: %v", arguments, got)
		}
	}
}

func TestOutcomesOfEndpointsThatHardlyMeanWhatTheySay(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	for want, outcomes := range map[string]string{
		"Outcomes Let Everything Through: db: Every status passes": `[{"pass": {}}]`,
		"Outcome Never Reached: db: outcomes[1] never decides":     `[{"warn": {}}, {"fail": {}}]`,
	} {
		diagnostics := server.validate(t, dataEndpoints,
			fmt.Sprintf(`{"endpoints": {"db": {"address": "db:1", "outcomes": %s}}}`, outcomes))
		if len(diagnostics) != 1 || diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning {
			t.Error(allTexts(diagnostics))
		}
		expectTexts(t, diagnostics, want)
	}
}

func TestInterruptedEndpointsAreAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := newConfigured(t, dir)
	if _, err := server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}
	address := loopback.Silent(t, loopback.IPv4).String()
	arguments := fmt.Sprintf(
		`{"name": "rollout", "timeout": "1h", "endpoints": {"db": {"address": %q, "severity": "warn"}}}`, address)
	for _, kind := range []string{dataEndpoints, ephemeralEndpoints} {
		got, diagnostics := server.read(t, kind, arguments)
		expectTexts(t, diagnostics, "ERROR: Check Interrupted", "the endpoints of rollout")
		if got["proceed"] == true || len(filesBelow(t, dir)) > 0 {
			t.Errorf("%s: %v", kind, got)
		}
	}
	_, diagnostics := server.invokeEndpoints(t, t.Context(), argumentsOf(t, arguments))
	expectTexts(t, diagnostics, "ERROR: Check Interrupted")
}

func TestOneMistakeInManyEndpointsIsNotThousandsOfErrors(t *testing.T) {
	t.Parallel()
	endpoints := make([]string, 5000)
	for i := range endpoints {
		endpoints[i] = fmt.Sprintf(`"n%d": {"address": "db:1", "timeout": 5}`, i)
	}
	arguments := fmt.Sprintf(`{"endpoints": {%s}}`, strings.Join(endpoints, ","))
	server := newConfigured(t, t.TempDir())
	_, read := server.read(t, dataEndpoints, arguments)
	for _, diagnostics := range [][]*tfprotov6.Diagnostic{server.validate(t, dataEndpoints, arguments), read} {
		if len(diagnostics) != mostProblems+1 {
			t.Errorf("%d errors", len(diagnostics))
		}
		expectTexts(t, diagnostics, "The endpoints have 4980 more errors like these.",
			`endpoints["n0"].timeout is a number`)
	}
}
