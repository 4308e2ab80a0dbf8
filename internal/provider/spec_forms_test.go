// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

func TestEveryFormOfASpecHasAllItsAttributes(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	for _, kind := range []string{dataSpec, ephemeralSpec} {
		block := server.schemaOf(kind).Block
		results := func(attributes []*tfprotov6.SchemaAttribute) string {
			for _, attribute := range attributes {
				if attribute.Name == "results" {
					return attributesNamed(attribute.NestedType.Attributes, computed)
				}
			}
			return ""
		}
		for what, got := range map[string][2]string{
			"required": {attributesNamed(block.Attributes, required), "spec"},
			"optional": {
				attributesNamed(block.Attributes, optional),
				"archive bundle exclude max_age max_concurrency missing_nodes strict timeout triggers unsupported via",
			},
			"computed": {
				attributesNamed(block.Attributes, computed),
				"bundle_dir collected explanation is_fail is_pass is_warn message outcome proceed results skipped",
			},
			"in results": {
				results(block.Attributes),
				"address collector_name explanation matched message node outcome reason status strict title uri",
			},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s are %q, want %q", kind, what, got[0], got[1])
			}
		}
		if len(block.BlockTypes) != 1 || block.BlockTypes[0].TypeName != "retry" {
			t.Errorf("%s has other blocks than retry", kind)
		}
	}
}

func TestEphemeralSpecFailsUnlessItMayProceed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := newConfigured(t, dir)
	open, refused, silent := loopback.Open(t), loopback.Refused(t), loopback.Silent(t, loopback.IPv4)
	for name, test := range map[string]struct {
		address fmt.Stringer
		outcome string
		want    []said
	}{
		"pass": {open, "pass", nil},
		"warn": {silent, "warn", warned("Preflight Spec: 1 of 1 Check Warn: warn", "")},
		"fail": {refused, "fail", wrong("Preflight Spec Failed: 1 of 1 Check", "", "Check fail: fail is down")},
	} {
		text := endpointSpec(map[string]string{name: test.address.String()}, "300ms")
		arguments := fmt.Sprintf(`{"spec":%q,"triggers":{"version":"1"}}`, text)
		state, diagnostics := server.read(t, ephemeralSpec, arguments)
		expectSaid(t, name, diagnostics, test.want)
		if name != "fail" { // the server keeps no result beside an error
			expectAttributes(t, state, map[string]any{
				"outcome": test.outcome, "bundle_dir": dir, "triggers": map[string]any{"version": "1"},
			})
		}
		state, diagnostics = server.read(t, dataSpec, arguments)
		expectAttributes(t, state, map[string]any{"outcome": test.outcome})
		if name == "fail" && len(diagnostics) > 0 {
			t.Errorf("the data source says %q", texts(diagnostics))
		}
		_, diagnostics = server.read(t, dataSpec, strings.Replace(arguments, `{`, `{"strict":true,`, 1))
		expectSaid(t, name+", strict", diagnostics, test.want)
		result := state["results"].([]any)[0].(map[string]any)
		explanation, _ := result["explanation"].(string)
		if want := "\nAddress: " + test.address.String() + "\nStatus: "; !strings.Contains(explanation, want) {
			t.Errorf("%s: explanation is %q, want %q", name, explanation, want)
		}
	}
}

func TestUnknownTriggersDialNothing(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	listener := loopback.Listen(t, loopback.IPv4)
	more := fmt.Sprintf(`,"triggers":%q`, unknown)
	for _, kind := range []string{dataSpec, ephemeralSpec} {
		if _, diagnostics := server.read(t, kind, specArguments(listener.AddrPort(), more)); len(diagnostics) == 0 {
			t.Errorf("%s was read", kind)
		}
	}
	if got := listener.Accepted(); got != 0 {
		t.Errorf("dialled %d times", got)
	}
}

func TestRetryThatContradictsASpecIsAnErrorOfItsLine(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	refused := loopback.Refused(t)
	for more, want := range map[string][]said{
		`,"timeout":"1m","retry":{}`: nil,
		`,"retry":{}`:                wrong("Missing Timeout", "timeout"),
		`,"timeout":"1m","retry":{"until":["connection-refused"]}`: wrong("Retry Contradicts the Spec", "spec",
			`line 9, column 9 ("Check a"): outcomes pass`, "which until does not wait for",
			`line 16, column 9 ("Check b"): outcomes pass`),
		`,"timeout":"4s","retry":{}`: wrong("Retry Contradicts the Spec", "spec",
			`line 5, column 19 ("a"): The timeout of the collector is 5s, more than the argument timeout, 4s.`),
	} {
		for _, kind := range []string{dataSpec, ephemeralSpec} {
			expectSaid(t, kind+more, server.validate(t, kind, specArguments(refused, more)), want)
		}
	}
}

func TestArchiveThatTroubleshootCannotReadIsAWarning(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	dir := t.TempDir()
	for _, format := range []string{"status", "json"} {
		server := newConfiguredWith(t, map[string]any{
			"bundle_dir": filepath.Join(dir, format), "bundle_format": format,
		})
		for kind, arguments := range map[string]string{
			dataSpec:                   specArguments(open, `,"archive":"%s"`),
			"data preflight_endpoints": fmt.Sprintf(`{"endpoints":{"db":%q},"archive":"%%s"}`, open.String()),
		} {
			archive := filepath.Join(dir, format+strings.ReplaceAll(kind, " ", "-")+".tar.gz")
			_, diagnostics := server.read(t, kind, fmt.Sprintf(arguments, archive))
			var want []said
			if format == "status" {
				want = warned("Archive That Troubleshoot Cannot Read", "archive", archive, `Set bundle_format = "json"`)
			}
			expectSaid(t, kind+" "+format, diagnostics, want)
			_, diagnostics = server.read(t, kind, strings.Replace(arguments, `,"archive":"%s"`, "", 1))
			expectSaid(t, kind+" without an archive", diagnostics, nil)
		}
	}
}
