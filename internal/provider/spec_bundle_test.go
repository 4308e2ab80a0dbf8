// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// taintedCluster is a bundle of three nodes, the last of which is tainted. It holds results of the collectors a and b.
var taintedCluster = map[string]string{
	"host-collectors/system/node_list.json": `{"nodes":["n1","n2","n3"]}`,
	"host-collectors/n1/connect/a.json":     `{"status":"connected","message":""}`,
	"host-collectors/n2/connect/a.json":     `{"status":"connection-timeout","message":"i/o timeout"}`,
	"host-collectors/n1/connect/b.json":     `{"status":"connected","message":"","reason":"connected"}`,
	"host-collectors/n2/connect/b.json":     `{"status":"connected","message":"","reason":"connected"}`,
}

// specArguments are the arguments of a spec of two endpoints at an address, as JSON.
func specArguments(address fmt.Stringer, more string) string {
	text := endpointSpec(map[string]string{"a": address.String(), "b": address.String()}, "5s")
	return fmt.Sprintf(`{"spec":%q%s}`, text, more)
}

func TestSpecJudgesEachNodeOfABundle(t *testing.T) {
	t.Parallel()
	listener := loopback.Listen(t, loopback.IPv4)
	address := listener.AddrPort()
	own := filepath.Join(t.TempDir(), "own")
	server := newConfigured(t, own)
	dir, archive := plantBundle(t, taintedCluster, "acme/", time.Now())
	for _, bundle := range []string{dir, archive} {
		for _, kind := range []string{dataSpec, ephemeralSpec} {
			more := fmt.Sprintf(`,"bundle":%q,"missing_nodes":"warn","max_age":"1h","timeout":"1s"`, bundle)
			state, diagnostics := server.read(t, kind, specArguments(address, more))
			expectSaid(t, kind, diagnostics, warned("Preflight Spec in "+bundle+": 3 of 6 Checks Warn: a, b", "",
				"Check a - Node n2: a is slow\n  Address: "+address.String()+"\n  Status: connection-timeout\n"+
					"  Message: i/o timeout",
				"Check b - Node n3: the bundle holds nothing of this node"))
			expectAttributes(t, state, map[string]any{
				"outcome": "warn", "proceed": true, "bundle_dir": nil, "archive": nil, "bundle": bundle,
				"message": fmt.Sprintf("Check a - Node n2: a is slow (%s: connection-timeout)\n"+
					"Check a - Node n3: the bundle holds nothing of this node\n"+
					"Check b - Node n3: the bundle holds nothing of this node", address),
				"collected": map[string]any{
					"a": map[string]any{
						"address": address.String(), "status": "connection-timeout", "reason": nil,
						"message": "i/o timeout", "duration_ms": nil,
					},
					"b": map[string]any{
						"address": address.String(), "status": "connected", "reason": "connected", "message": "",
						"duration_ms": nil,
					},
				},
			})
			results := state["results"].([]any)
			if len(results) != 6 {
				t.Fatalf("%d results: %v", len(results), results)
			}
			expectAttributes(t, results[1].(map[string]any), map[string]any{
				"title": "Check a - Node n2", "collector_name": "a", "node": "n2", "address": address.String(),
				"status": "connection-timeout", "reason": nil, "outcome": "warn", "message": "a is slow",
				"matched": true,
				"explanation": "Check a - Node n2: a is slow\nAddress: " + address.String() +
					"\nStatus: connection-timeout\nMessage: i/o timeout",
			})
			expectAttributes(t, results[5].(map[string]any), map[string]any{
				"title": "Check b - Node n3", "collector_name": "b", "node": "n3", "address": address.String(),
				"status": nil, "reason": nil, "outcome": "warn", "matched": false,
				"message": "Check b - Node n3: the bundle holds nothing of this node",
			})
		}
	}
	if got := listener.Accepted(); got != 0 {
		t.Errorf("dialled %d times", got)
	}
	if _, err := os.Stat(own); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the provider's own bundle was written: %v", err)
	}
}

func TestStrictSpecNamesTheBundle(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	files := map[string]string{
		"host-collectors/connect/a.json": `{"status":"connected","message":""}`,
		"host-collectors/connect/b.json": "connection-refused",
	}
	dir, _ := plantBundle(t, files, "", time.Now())
	refused := loopback.Refused(t)
	given := func(more string) string { return specArguments(refused, fmt.Sprintf(`,"bundle":%q%s`, dir, more)) }
	failed := wrong(fmt.Sprintf("Preflight Spec in %s Failed: 1 of 2 Checks", dir), "",
		"Check b: b is down\n  Address: "+refused.String()+"\n  Status: connection-refused\n"+
			"  More: https://example.com/b$")
	state, diagnostics := server.read(t, dataSpec, given(""))
	expectSaid(t, "lenient", diagnostics, nil)
	expectAttributes(t, state, map[string]any{"outcome": "fail", "proceed": false})
	for _, result := range state["results"].([]any) {
		expectAttributes(t, result.(map[string]any), map[string]any{"node": nil})
	}
	_, diagnostics = server.read(t, dataSpec, given(`,"strict":true`))
	expectSaid(t, "strict", diagnostics, failed)
	_, diagnostics = server.read(t, ephemeralSpec, given(""))
	expectSaid(t, "ephemeral", diagnostics, failed)
	state, diagnostics = server.read(t, ephemeralSpec, given(`,"exclude":true`))
	expectSaid(t, "excluded", diagnostics, nil)
	expectAttributes(t, state, map[string]any{"outcome": nil, "proceed": true, "collected": map[string]any{}})
}

func TestSpecNeverPassesByAnIncompleteBundle(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	refused := loopback.Refused(t)
	const connected, connect = `{"status":"connected","message":""}`, "host-collectors/connect/"
	results := func(a, b string) map[string]string {
		return map[string]string{connect + "a.json": a, connect + "b.json": b}
	}
	whole := results(connected, connected)
	for name, test := range map[string]struct {
		files map[string]string
		age   time.Duration
		more  string
		want  []string
	}{
		"none of them": {map[string]string{connect + "c.json": connected}, 0, "",
			[]string{`the bundle holds no result of the collectors ["a" "b"]; it holds some of ["c"]`}},
		"one of them": {map[string]string{connect + "a.json": connected}, 0, "",
			[]string{`b.json: the bundle holds no result of a collector named "b"; it holds some of ["a"]`}},
		"of a node": {
			map[string]string{
				connect + "n1/a.json": connected, connect + "n1/b.json": connected, connect + "n2/a.json": connected,
			},
			0, "", []string{`the bundle holds results of ["n2"], but none of a collector named "b"`}},
		"no bundle": {map[string]string{"readme.txt": "x"}, 0, "", []string{"is it a support bundle?"}},
		"truncated": {results(connected, "connec"), 0, "", []string{"not a status"}},
		"a node is missing": {taintedCluster, 0, "",
			[]string{`Collector "a": the bundle lists nodes`, "\n" + `Collector "b": `}},
		"old": {whole, 2 * time.Hour, `,"max_age":"1h"`,
			[]string{`Collector "b": the result is 2h`, "leave bundle out"}},
		"from the future":    {whole, -2 * time.Hour, `,"max_age":"1h"`, []string{"in the future"}},
		"of a later version": {results(connected, `{"status":"half-open"}`), 0, "", nil},
		"as it should be":    {whole, 2 * time.Hour, "", nil},
	} {
		dir, archive := plantBundle(t, test.files, "", time.Now().Add(-test.age))
		for _, bundle := range []string{dir, archive} {
			state, diagnostics := server.read(t, dataSpec,
				specArguments(refused, fmt.Sprintf(`,"bundle":%q%s`, bundle, test.more)))
			if test.want != nil {
				expectSaid(t, name, diagnostics, wrong(noUsableResult, "bundle", test.want...))
			} else if proceed := state["proceed"]; proceed != (name == "as it should be") {
				t.Errorf("%s: proceed is %v, %q", name, proceed, texts(diagnostics))
			}
		}
	}
}

func TestArgumentsThatConflictWithABundle(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	refused := loopback.Refused(t)
	const conflict = "Argument Conflicts With Bundle"
	for more, want := range map[string][]said{
		`,"bundle":"b"`: nil,
		`,"bundle":"b","timeout":"1s","strict":true`:          nil,
		`,"bundle":"b","max_age":"1h","missing_nodes":"fail"`: nil,
		`,"bundle":"` + unknown + `","max_age":"1h"`:          nil,
		`,"bundle":"` + unknown + `","archive":"a.tar.gz"`:    nil,
		`,"bundle":"b","archive":"` + unknown + `"`:           nil,
		`,"bundle":"b","archive":"a.tar.gz"`:                  wrong(conflict, "archive", "Leave archive out"),
		`,"bundle":"b","max_concurrency":1`:                   wrong(conflict, "max_concurrency"),
		`,"bundle":"b","timeout":"1m","retry":{}`:             wrong(conflict, "retry"),
		`,"bundle":"b","via":"bastion"`:                       wrong(conflict, "via"),
		`,"bundle":"b","archive":"a.tar.gz","exclude":true`:   wrong(conflict, "archive"),
		`,"bundle":" "`:                        wrong("Empty Value", "bundle"),
		`,"max_age":"1h"`:                      wrong("Max Age Without Bundle", "max_age"),
		`,"missing_nodes":"warn"`:              wrong("Missing Nodes Without Bundle", "missing_nodes"),
		`,"bundle":"b","missing_nodes":"pass"`: wrong("Invalid Choice", "missing_nodes"),
		`,"bundle":"b","max_age":"ten"`:        wrong("Invalid Duration", "max_age"),
	} {
		for _, kind := range []string{dataSpec, ephemeralSpec} {
			arguments := specArguments(refused, more)
			expectSaid(t, kind+more, server.validate(t, kind, arguments), want)
			if want == nil || strings.HasPrefix(want[0].summary, "Invalid") || want[0].summary == "Empty Value" {
				continue // only validators of the schema say it
			}
			_, diagnostics := server.read(t, kind, arguments)
			expectSaid(t, "read "+kind+more, diagnostics, want)
		}
	}
}
