// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
)

// reportsOf is a value of reports. unknown is an element that is not known, and nil one that is null.
func reportsOf(kinds ...any) tftypes.Value {
	elements := make([]tftypes.Value, len(kinds))
	for i, kind := range kinds {
		elements[i] = valueOf(tftypes.String, kind)
	}
	return tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, elements)
}

func TestReportsAreValidatedWhilePlanning(t *testing.T) {
	t.Parallel()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	const use = `Use "html", "junit" or "markdown".`
	for name, test := range map[string]struct {
		reports any
		want    []said
	}{
		"all":             {reportsOf("html", "junit", "markdown"), nil},
		"none":            {reportsOf(), nil},
		"null":            {nil, nil},
		"unknown":         {unknown, nil},
		"unknown element": {reportsOf(unknown, "html"), nil},
		"misspelt": {reportsOf("html", "junti"), wrong("Invalid Report", "reports",
			`"junti" is not a kind of report. `+use+` Did you mean "junit"?$`)},
		"upper case": {reportsOf("HTML"), wrong("Invalid Report", "reports",
			`"HTML" is not a kind of report. `+use+` Did you mean "html"?$`)},
		"a list in an element": {reportsOf("html,junit"), wrong("Invalid Report", "reports", use)},
		"spaces":               {reportsOf(" html"), wrong("Invalid Report", "reports", use)},
		"empty": {reportsOf(""), wrong("Invalid Report", "reports",
			`"" is not a kind of report. `+use+"$")},
		"null element": {reportsOf(nil, "html"), wrong("Invalid Report", "reports",
			"null is not a kind of report. "+use+"$")},
	} {
		resp, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{
			Config: objectOf(t, schemas.Provider, map[string]any{"reports": test.reports}),
		})
		if err != nil {
			t.Fatal(err)
		}
		expectSaid(t, name, resp.Diagnostics, test.want)
	}
}

// The whole process has one environment, so these tests do not run in parallel.
func TestReportsThatCannotBeWrittenAreAnErrorOfTheConfiguration(t *testing.T) {
	const use = `Use "html", "junit" or "markdown".`
	const change = "Set emit_bundle = true in the provider's configuration and have a bundle, or set reports = [] " +
		"and have none.$"
	for name, test := range map[string]struct {
		arguments     map[string]any
		emit, reports string // of the environment
		want          []said
	}{
		"both configured": {map[string]any{"emit_bundle": false, "reports": reportsOf("html")}, "", "",
			wrong("Reports Without a Bundle", "reports",
				"Reports lie in the bundle, and emit_bundle is false. "+change)},
		"no bundle by the environment": {map[string]any{"reports": reportsOf("html")}, "false", "",
			wrong("Reports Without a Bundle", "reports", "Reports lie in the bundle, and the environment variable "+
				"PREFLIGHT_EMIT_BUNDLE is false. "+change)},
		"reports by the environment": {map[string]any{"emit_bundle": false}, "", "html",
			wrong("Reports Without a Bundle", "", "The environment variable PREFLIGHT_REPORTS asks for reports, which "+
				"lie in the bundle, and emit_bundle is false. "+change)},
		"both by the environment": {nil, "0", "html,junit",
			wrong("Reports Without a Bundle", "", "The environment variable PREFLIGHT_REPORTS asks for reports, which "+
				"lie in the bundle, and the environment variable PREFLIGHT_EMIT_BUNDLE is false. "+change)},
		"neither":                  {map[string]any{"emit_bundle": false, "reports": reportsOf()}, "", "html", nil},
		"a bundle for them":        {map[string]any{"emit_bundle": true}, "false", "html", nil},
		"no reports and no bundle": {map[string]any{"emit_bundle": false}, "", "", nil},
		"a wrong variable": {nil, "", "html;junit", wrong("Invalid Environment Variable", "",
			`PREFLIGHT_REPORTS: "html;junit" is not a kind of report. `+use)},
		"an empty word": {nil, "", "html,", wrong("Invalid Environment Variable", "",
			`PREFLIGHT_REPORTS: "" is not a kind of report. `+use+"$")},
		"a wrong variable that is overridden": {map[string]any{"reports": reportsOf()}, "", "nonsense", nil},
		"unknown": {map[string]any{"reports": unknown}, "", "html", wrong("Unknown Provider Argument", "reports",
			`"reports" is not known yet`, "the environment variable PREFLIGHT_REPORTS.$")},
		"an unknown element": {map[string]any{"reports": reportsOf("html", unknown)}, "", "",
			wrong("Unknown Provider Argument", "reports", `"reports" is not known yet`)},
		"a null element that was unknown": {map[string]any{"reports": reportsOf(nil)}, "", "",
			wrong("Invalid Provider Argument", "reports", "null is not a kind of report. "+use+"$")},
		"a wrong element that was unknown": {map[string]any{"reports": reportsOf("html,junit")}, "", "",
			wrong("Invalid Provider Argument", "reports", `"html,junit" is not a kind of report. `+use)},
		"one error at a time": {map[string]any{"emit_bundle": unknown, "reports": reportsOf("html")}, "", "",
			wrong("Unknown Provider Argument", "emit_bundle")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PREFLIGHT_EMIT_BUNDLE", test.emit)
			t.Setenv("PREFLIGHT_REPORTS", test.reports)
			server := NewServer("test")
			schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
				Config: objectOf(t, schemas.Provider, test.arguments),
			})
			if err != nil {
				t.Fatal(err)
			}
			expectSaid(t, name, resp.Diagnostics, test.want)
		})
	}
}

// The whole process has one environment, so these tests do not run in parallel.
func TestReportsComeFromTheEnvironment(t *testing.T) {
	null := types.SetNull(types.StringType)
	for environment, want := range map[string][]report.Kind{
		"":                         nil,
		"html":                     {report.HTML},
		" junit , html,junit":      {report.JUnit, report.HTML},
		"markdown,\thtml , junit ": {report.Markdown, report.HTML, report.JUnit},
	} {
		t.Run(environment, func(t *testing.T) {
			t.Setenv("PREFLIGHT_REPORTS", environment)
			var diags diag.Diagnostics
			if got := resolveReports(null, &diags); !slices.Equal(got, want) || diags.HasError() {
				t.Errorf("%q, %v, want %q", got, diags, want)
			}
		})
	}
}

// expectReport expects that a report of a bundle holds texts.
func expectReport(t *testing.T, dir, name string, want ...string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Error(err)
	}
	for _, text := range want {
		if !strings.Contains(string(content), text) {
			t.Errorf("%q is not in %s:\n%s", text, name, content)
		}
	}
}

func TestEndOfTheServerWritesTheRest(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	server := newConfiguredWith(t, map[string]any{"bundle_dir": first, "reports": reportsOf("markdown")})
	check := func(name string) {
		t.Helper()
		_, diagnostics := server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q,"collector_name":%q,
			"check_name":"check %s"}`, loopback.Refused(t), name, name))
		if len(diagnostics) > 0 {
			t.Fatal(texts(diagnostics))
		}
	}
	for i := range 20 {
		check(fmt.Sprint("first-", i))
	}
	// Terraform configures a provider once; every run is closed all the same.
	resp, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: objectOf(t, server.schemas.Provider, map[string]any{
			"bundle_dir": second, "reports": reportsOf("junit", "markdown"),
		}),
	})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatal(err, texts(resp.Diagnostics))
	}
	for i := range 20 {
		check(fmt.Sprint("second-", i))
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		expectReport(t, first, bundle.ReportMarkdown, fmt.Sprint("check first-", i))
		expectReport(t, second, bundle.ReportMarkdown, fmt.Sprint("check second-", i))
		expectReport(t, second, bundle.ReportJUnit, fmt.Sprint("check second-", i))
	}
	if files := filesBelow(t, first); len(files) != 22 || !slices.Contains(files, "version.yaml") {
		t.Errorf("the bundle holds %q", files)
	}
}

func TestServerWithoutChecksWritesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "bundle")
	server := newConfiguredWith(t, map[string]any{"bundle_dir": dir, "reports": reportsOf("html")})
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the bundle directory exists: %v", err)
	}
}

func TestEverythingThatWasSkippedIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := newConfiguredWith(t, map[string]any{"bundle_dir": dir, "reports": reportsOf("markdown")})
	for _, read := range []struct{ kind, arguments string }{
		{dataTCPConnect, `{"address":"192.0.2.1:1","check_name":"Not Dialled","exclude":true}`},
		{dataAnalysis, `{"check_name":"Not Judged","exclude":true,"outcomes":[{"pass":{}}]}`},
		{dataAnalysis, `{"check_name":"Judged","status":"error","outcomes":[{"warn":{}}]}`},
		{"data preflight_spec", fmt.Sprintf(`{"spec":%q,"exclude":true}`,
			endpointSpec(map[string]string{"a": "192.0.2.1:1"}, "1s"))},
	} {
		if _, diagnostics := server.read(t, read.kind, read.arguments); slices.ContainsFunc(diagnostics,
			func(d *tfprotov6.Diagnostic) bool { return d.Severity == tfprotov6.DiagnosticSeverityError }) {
			t.Fatal(texts(diagnostics))
		}
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	expectReport(t, dir, bundle.ReportMarkdown, "Skipped | Not Dialled", "Skipped | Not Judged", "Warn | Judged",
		"Skipped | Spec", "covers 4 checks")
}

func TestReportThatIsNotWrittenStandsBesideTheVerdict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	configured := newConfiguredWith(t, map[string]any{"bundle_dir": dir, "reports": reportsOf("html")})
	server := actionServer{configured.Server, configured.schemas.ActionSchemas[actionName].Schema}
	endpoint := loopback.Refused(t)
	inTheWay := filepath.Join(dir, bundle.ReportHTML)
	given := map[string]any{
		"address": endpoint.String(), "timeout": "10s", "check_name": "Gate",
		"retry":    map[string]any{"interval": "20ms", "until": []any{"connected"}},
		"outcomes": []any{map[string]any{"fail": map[string]any{"message": "the gate is closed"}}},
	}
	_, diagnostics := server.invoke(t, t.Context(), given, func(string) {
		if err := os.Mkdir(inTheWay, 0o755); err == nil { // what was there before the first dial is another error
			loopback.ListenAt(t, endpoint)
		}
	})
	expectSaid(t, "an action", diagnostics, []said{
		wrong("Report Not Written", "", inTheWay+" would be replaced", "The result:\n", "the gate is closed")[0],
		wrong("Preflight Check Failed: Gate", "", "the gate is closed")[0],
	})
	expectFile(t, bundle.ResultFile(dir, "connect"), "connected")
}

func TestReportOfOthersKeepsChecksFromDialling(t *testing.T) {
	t.Parallel()
	dir, peer := t.TempDir(), loopback.Listen(t, loopback.IPv4)
	file := filepath.Join(dir, bundle.ReportMarkdown)
	if err := os.WriteFile(file, []byte("# Mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	read := func(reports ...any) []*tfprotov6.Diagnostic {
		server := newConfiguredWith(t, map[string]any{"bundle_dir": dir, "reports": reportsOf(reports...)})
		_, diagnostics := server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q}`, peer.AddrPort()))
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		return diagnostics
	}
	expectSaid(t, "a report of this name", read("html", "markdown"), wrong("File of Another Program", "",
		file+" would be replaced"))
	if files := filesBelow(t, dir); len(files) != 1 || peer.Accepted() > 0 {
		t.Errorf("files %q, %d dials", files, peer.Accepted())
	}
	expectSaid(t, "other reports", read("html", "junit"), nil)
	expectSaid(t, "no report", read(), nil)
	expectFile(t, file, "# Mine\n")
}
