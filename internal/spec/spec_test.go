// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func mustDecode(t *testing.T, text string) Spec {
	t.Helper()
	spec, err := Decode(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return spec
}

// page is the example of Troubleshoot's documentation page of tcpConnect.
func page(tb testing.TB) string {
	tb.Helper()
	text, err := os.ReadFile("testdata/page.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestPageExampleAsItStands(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, page(t))
	address, err := tcpconnect.ParseAddress("10.128.0.29:6443")
	if err != nil {
		t.Fatal(err)
	}
	const name = "kubernetes-api-tcp-conn-status"
	want := Spec{
		Collectors: []Collector{{Name: name, Address: address, Timeout: 10 * time.Second,
			Position: Position{Line: 8, Column: 9, Entry: name}}},
		Analyzers: []Analyzer{{CollectorName: name, Position: Position{Line: 13, Column: 9,
			Entry: "Kubernetes API TCP Connection Status"}, Analyzer: tcpconnect.Analyzer{
			CheckName: "Kubernetes API TCP Connection Status",
			Outcomes: []tcpconnect.Outcome{
				{Verdict: "fail", When: "connection-refused",
					Message: "Connection to the Kubernetes API address was refused"},
				{Verdict: "fail", When: "connection-timeout",
					Message: "Timed out connecting to the Kubernetes API address"},
				{Verdict: "fail", When: "error", Message: "Unexpected error connecting to the Kubernetes API address"},
				{Verdict: "pass", When: "connected", Message: "Successfully connected to the Kubernetes API address"},
			},
		}}},
	}
	if !reflect.DeepEqual(spec, want) {
		t.Errorf("got  %+v\nwant %+v", spec, want)
	}
}

// supportBundle is a spec of one good collector and analyzer, with more lines in the places that the arguments name.
func supportBundle(collector, analyzer, outcome string) string {
	return fmt.Sprintf(`apiVersion: troubleshoot.sh/v1beta2
kind: SupportBundle
spec:
  hostCollectors:
    - tcpConnect:
        address: 127.0.0.1:80
        %s
  hostAnalyzers:
    - tcpConnect:
        %s
        outcomes:
          - fail:
              when: error
          - pass:
              when: connected
              %s
`, collector, analyzer, outcome)
}

func TestOmittedFieldsHaveTheirDefault(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, supportBundle("", "", ""))
	if c := spec.Collectors[0]; c.Name != "connect" || c.Timeout != 0 || c.Excluded {
		t.Errorf("%+v", c)
	}
	if a := spec.Analyzers[0]; a.CollectorName != "connect" || a.CheckName != "TCP Connection Attempt" || a.Excluded ||
		a.Strict {
		t.Errorf("%+v", a)
	}
}

func TestBlankTextsAreAbsent(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, supportBundle("", "checkName: \" \"", "message: \"\\t\""))
	if a := spec.Analyzers[0]; a.CheckName != "TCP Connection Attempt" || a.Outcomes[1].Message != "" {
		t.Errorf("%+v", a)
	}
}

func TestJSONMayEscapeWhatYAMLCanNot(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{`\ud83d\ude00 up`: "😀 up", `\\ud83d\\ude00`: `\ud83d\ude00`,
		`a\/b\u00e9\"`: `a/bé"`} {
		spec := mustDecode(t, `{"apiVersion": "troubleshoot.sh/v1beta2", "kind": "HostPreflight", "spec": `+
			`{"analyzers": [{"tcpConnect": {"checkName": "`+written+`", "outcomes": [{"fail": {}}]}}]}}`)
		if got := spec.Analyzers[0].CheckName; got != want {
			t.Errorf("%s is read as %s, want %s", written, got, want)
		}
	}
}

func TestEscapesOfYAMLAreNotThoseOfJSON(t *testing.T) {
	t.Parallel()
	const written = `\ud83d\ude00`
	if got := mustDecode(t, supportBundle("", "checkName: '"+written+"'", "")).Analyzers[0].CheckName; got != written {
		t.Errorf("read as %q, want %q", got, written)
	}
}

func TestMergedFieldsYieldToThoseThatAreThere(t *testing.T) {
	t.Parallel()
	const entries = `[{pass: &p {when: connected, message: one}}, {warn: {<<: *p, when: error}}, {warn: {message: ` +
		`two, <<: *p}}, {fail: {<<: [{title: x}, {title: y, uri: z}]}}, {fail: {title: x, <<: null}}]`
	spec := mustDecode(t, strings.Replace(hostPreflight, "[{pass: {when: connected}}]", entries, 1))
	want := []tcpconnect.Outcome{
		{Verdict: "pass", When: "connected", Message: "one"},
		{Verdict: "warn", When: "error", Message: "one"},
		{Verdict: "warn", When: "connected", Message: "two"},
		{Verdict: "fail", Title: "x", URI: "z"},
		{Verdict: "fail", Title: "x"},
	}
	if got := spec.Analyzers[0].Outcomes; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEntriesOfThePublishedSchemasAreKnown(t *testing.T) {
	t.Parallel()
	const common = "blockDevices certificate certificatesCollection cpu diskUsage filesystemPerformance hostOS " +
		"hostServices http httpLoadBalancer ipv4Interfaces kernelConfigs kernelModules " +
		"memory networkNamespaceConnectivity registryImages subnetAvailable sysctl systemPackages tcpLoadBalancer " +
		"tcpPortStatus time udpPortStatus"
	for field, names := range map[string]string{
		"collectors": common + " cgroups copy dns journald kubernetes run",
		"analyzers":  common + " jsonCompare subnetContainsIP textAnalyze",
	} {
		for name := range strings.FieldsSeq(names) {
			spec := mustDecode(t, hostPreflight+"---\n"+ours("HostPreflight", "{"+field+": [{"+name+": {}}]}"))
			if want := []string{"documents[1]." + field + "[0]." + name}; !slices.Equal(spec.UnsupportedPaths(), want) {
				t.Errorf("got %q, want %q", spec.UnsupportedPaths(), want)
			}
		}
	}
}

func TestNullKindsOfAnEntryAreAbsent(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, strings.Replace(hostPreflight, "- tcpConnect: {c", "- cpu: null\n      tcpConnect: {c", 1))
	if len(spec.Collectors) != 1 || len(spec.Unsupported) != 0 {
		t.Errorf("%+v", spec)
	}
}

func TestValuesAreNotTakenForNames(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, hostPreflight+"    - tcpConnect: {collectorName: checkName, outcomes: [{fail: {}}]}\n")
	if entry := spec.Analyzers[1].Position.Entry; entry != "checkName" {
		t.Errorf("the analyzer is called %q", entry)
	}
}

func TestScalarsAreTexts(t *testing.T) {
	t.Parallel()
	for _, written := range []string{"2024-01-01", "5", "1.5", "true", "words"} {
		if got := mustDecode(t, supportBundle("", "checkName: "+written, "")).Analyzers[0].CheckName; got != written {
			t.Errorf("%s is read as %q", written, got)
		}
	}
}

func TestBooleansMayBeStrings(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]bool{"true": true, `"true"`: true, `"1"`: true, "false": false,
		`"false"`: false, `""`: false, "null": false} {
		spec := mustDecode(t, supportBundle("exclude: "+written, "strict: "+written, ""))
		if spec.Collectors[0].Excluded != want || spec.Analyzers[0].Strict != want {
			t.Errorf("%s: excluded %t, strict %t", written, spec.Collectors[0].Excluded, spec.Analyzers[0].Strict)
		}
	}
}

const hostPreflight = `apiVersion: troubleshoot.sh/v1beta2
kind: HostPreflight
spec:
  collectors:
    - tcpConnect: {collectorName: db, address: "db.internal:5432", timeout: 1m}
  analyzers:
    - tcpConnect: {collectorName: db, outcomes: [{pass: {when: connected}}]}
`

func TestFormsOfASpec(t *testing.T) {
	t.Parallel()
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(hostPreflight), "\n", "\n    ") + "\n"
	encoded := base64.StdEncoding.EncodeToString([]byte(hostPreflight))
	for name, text := range map[string]string{
		"HostPreflight": hostPreflight,
		"v1beta1": strings.Replace(hostPreflight, "troubleshoot.sh/v1beta2",
			"troubleshoot.replicated.com/v1beta1", 1),
		"byte order mark": "\ufeff" + hostPreflight,
		"large":           strings.Repeat("#\n", 3<<19) + hostPreflight,
		"CRLF":            strings.ReplaceAll(hostPreflight, "\n", "\r\n"),
		"with a status":   hostPreflight + "status: {}\nmetadata: {name: x, labels: {a: b}}\n",
		"empty documents": "---\n---\n" + hostPreflight + "---\n# nothing\n",
		"SupportBundle": strings.NewReplacer("HostPreflight", "SupportBundle", "collectors:", "hostCollectors:",
			"analyzers:", "hostAnalyzers:").Replace(hostPreflight),
		"JSON": "{\n\t\"apiVersion\": \"troubleshoot.sh/v1beta2\", \"kind\": \"HostPreflight\",\n" +
			"\t\"spec\": {\"collectors\": [{\"tcpConnect\": {\"collectorName\": \"db\", \"address\": " +
			"\"db.internal:5432\", \"timeout\": \"1m\"}}],\n\t\"analyzers\": [{\"tcpConnect\": {\"collectorName\": " +
			"\"db\", \"outcomes\": [{\"pass\": {\"when\": \"connected\"}}]}}]}}",
		"nulls": strings.NewReplacer("timeout: 1m", "timeout: 1m, exclude: null",
			"{pass: {when: connected}}", "{fail: null, pass: {when: connected, uri: null}}").Replace(hostPreflight) +
			"  uri: null\n  remoteCollectors: []\n",
		"anchors and merges": strings.Replace(hostPreflight, "{pass: {when: connected}}",
			"{pass: &p {when: connected}}", 1) + "    - tcpConnect: {exclude: true, collectorName: other, outcomes: " +
			"[{pass: {<<: *p, message: x}}]}\n",
		"ConfigMap": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n" +
			"  labels: {troubleshoot.sh/kind: host-preflight}\ndata:\n  preflight.yaml: |\n" + indented,
		"Secret": "apiVersion: v1\nkind: Secret\nmetadata:\n  labels: {troubleshoot.io/kind: preflight}\n" +
			"data:\n  preflight.yaml: " + encoded + "\n",
		"Secret stringData": "apiVersion: v1\nkind: Secret\nmetadata:\n  labels: {troubleshoot.sh/kind: preflight}\n" +
			"stringData:\n  preflight.yaml: |\n" + indented,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := mustDecode(t, text)
			if len(spec.Collectors) != 1 || spec.Collectors[0].Name != "db" ||
				spec.Collectors[0].Address.String() != "db.internal:5432" || spec.Collectors[0].Timeout != time.Minute {
				t.Errorf("collectors %+v", spec.Collectors)
			}
			want := tcpconnect.Analyzer{CheckName: "TCP Connection Attempt",
				Outcomes: []tcpconnect.Outcome{{Verdict: "pass", When: "connected"}}}
			if len(spec.Analyzers) == 0 || !reflect.DeepEqual(spec.Analyzers[0].Analyzer, want) ||
				len(spec.Unsupported) != 0 {
				t.Errorf("%+v", spec)
			}
		})
	}
}

func TestSeveralDocumentsAreMergedInOrder(t *testing.T) {
	t.Parallel()
	second := strings.NewReplacer("collectorName: db", "collectorName: cache", "db.internal:5432",
		"cache.internal:6379").Replace(hostPreflight)
	spec := mustDecode(t, hostPreflight+"---\n"+second+
		"    - cpu: {outcomes: []}\n---\napiVersion: troubleshoot.sh/v1beta2\nkind: Redactor\nspec: {redactors: []}\n")
	var names []string
	for i := range spec.Collectors {
		names = append(names, spec.Collectors[i].Name, spec.Analyzers[i].CollectorName)
	}
	if !slices.Equal(names, []string{"db", "db", "cache", "cache"}) {
		t.Errorf("collectors and analyzers %q", names)
	}
	want := []string{"documents[1].analyzers[1].cpu", "documents[2].kind Redactor"}
	if !slices.Equal(spec.UnsupportedPaths(), want) {
		t.Errorf("unsupported %q, want %q", spec.UnsupportedPaths(), want)
	}
}

func TestWhatTroubleshootKnowsIsUnsupportedNotUnknown(t *testing.T) {
	t.Parallel()
	text := strings.Replace(supportBundle("", "", ""), "spec:\n", `spec:
  uri: https://example.com/spec.yaml
  runHostCollectorsInPod: true
  afterCollection:
    - callback: {uri: http://example.com}
  collectors:
    - clusterInfo: {}
    - logs: {selector: [app=x]}
  analyzers: []
  remoteCollectors:
    - cpu: {}
`, 1)
	text = strings.Replace(text, "  hostAnalyzers:\n",
		"    - memory: {}\n    - run:\n        args: ['{{ .Names }}']\n    - time: {exclude: true}\n"+
			"  hostAnalyzers:\n    - diskUsage: {outcomes: []}\n", 1)
	spec := mustDecode(t, text)
	want := []string{
		"hostCollectors[1].memory", "hostCollectors[2].run", "hostAnalyzers[0].diskUsage",
		"afterCollection[0].callback", "collectors[0].clusterInfo", "collectors[1].logs", "remoteCollectors[0].cpu",
		"runHostCollectorsInPod", "uri",
	}
	if !slices.Equal(spec.UnsupportedPaths(), want) {
		t.Errorf("unsupported\n%q, want\n%q", spec.UnsupportedPaths(), want)
	}
	if off := mustDecode(t, strings.Replace(supportBundle("", "", ""), "spec:\n",
		"spec:\n  runHostCollectorsInPod: false\n  uri: \"\"\n", 1)); len(off.Unsupported) != 0 {
		t.Errorf("fields that ask for nothing are unsupported: %q", off.Unsupported)
	}
}

func TestProblemsHaveTheirLine(t *testing.T) {
	t.Parallel()
	good := supportBundle("", "", "")
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for level := 'b'; level < 'j'; level++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", level, level,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", level-1), 10), ", "))
	}
	collectorsOnly, _, _ := strings.Cut(hostPreflight, "  analyzers:")
	analyzers := "{tcpConnect: {outcomes: &o [" + strings.TrimSuffix(strings.Repeat("{fail: {}}, ", 2000), ", ") +
		"]}}" + strings.Repeat(", {tcpConnect: {outcomes: *o}}", 2000)
	for name, test := range map[string]struct {
		text string
		want []string // of the first problem
	}{
		"misspelt collector field": {supportBundle("timeuot: 5s", "", ""),
			[]string{"line 7, column 9", `hostCollectors[0].tcpConnect has the field "timeuot"`,
				`Did you mean "timeout"?`}},
		"misspelt analyzer field": {supportBundle("", "outcome: []", ""),
			[]string{"line 10, column 9", `Did you mean "outcomes"?`}},
		"misspelt outcome": {strings.Replace(good, "- fail:", "- fial:", 1),
			[]string{"line 12", `hostAnalyzers[0].tcpConnect.outcomes[0] has the field "fial"`,
				`Did you mean "fail"?`}},
		"misspelt when": {strings.Replace(good, "when: connected", "whne: connected", 1),
			[]string{"line 15", `outcomes[1].pass has the field "whne"`, `Did you mean "when"?`}},
		"misspelt status": {strings.Replace(good, "when: connected", "when: conectd", 1),
			[]string{"line 15", `outcomes[1].pass.when: "conectd" is not a status`, `Did you mean "connected"?`}},
		"misspelt entry": {strings.Replace(good, "- tcpConnect:", "- tcpconect:", 1),
			[]string{"line 5", `hostCollectors[0] has the field "tcpconect"`, `Did you mean "tcpConnect"?`}},
		"misspelt spec field": {strings.Replace(good, "hostAnalyzers:", "hostAnalyzer:", 1),
			[]string{"line 8, column 3", `spec has the field "hostAnalyzer"`, `Did you mean "hostAnalyzers"?`}},
		"misspelt document field": {strings.Replace(good, "kind:", "Kind:", 1),
			[]string{"line 2", `has the field "Kind"`, `Did you mean "kind"?`}},
		"misspelt kind": {strings.Replace(good, "kind: SupportBundle", "kind: SupportBundel", 1),
			[]string{"line 2, column 7", `The kind is "SupportBundel"`, `Did you mean "SupportBundle"?`}},
		"another kind": {"apiVersion: apps/v1\nkind: Deployment\n",
			[]string{"nothing to judge",
				"skipped: kind Deployment (this provider does not run documents of that kind)"}},
		"another version of our kind": {strings.Replace(good, "troubleshoot.sh/v1beta2", "longhorn.io/v1beta2", 1),
			[]string{"line 1, column 13", `The apiVersion is "longhorn.io/v1beta2"`}},
		"later version": {strings.Replace(good, "v1beta2", "v1beta4", 1),
			[]string{"line 1, column 13", `The apiVersion is "troubleshoot.sh/v1beta4"`,
				"v1beta1, v1beta2 and v1beta3"}},
		"no version": {strings.Replace(good, "apiVersion: troubleshoot.sh/v1beta2\n", "", 1),
			[]string{"line 1", `The apiVersion is ""`}},
		"no address": {strings.Replace(good, "address: 127.0.0.1:80", "timeout: 5s", 1),
			[]string{"line 6", "hostCollectors[0].tcpConnect has no address"}},
		"empty address": {strings.Replace(good, "127.0.0.1:80", "\"\"", 1),
			[]string{"line 6", "hostCollectors[0].tcpConnect has no address"}},
		"address without port": {strings.Replace(good, "127.0.0.1:80", "127.0.0.1", 1),
			[]string{"line 6, column 18", "hostCollectors[0].tcpConnect.address", "port"}},
		"address is a list": {strings.Replace(good, "127.0.0.1:80", "[a, b]", 1),
			[]string{"line 6", "address is a list, not a text"}},
		"timeout without unit": {supportBundle("timeout: 10", "", ""),
			[]string{"line 7", `"10" is not a duration`}},
		"exclude is no boolean": {supportBundle("exclude: maybe", "", ""),
			[]string{"line 7", `exclude is "maybe"`}},
		"strict is no boolean": {supportBundle("", "strict: yes", ""), []string{"line 10", `strict is "yes"`}},
		"field twice": {supportBundle("address: 127.0.0.2:80", "", ""),
			[]string{"line 7", `has the field "address" twice`}},
		"empty when of a pass": {strings.Replace(good, "when: connected", "when:", 1),
			[]string{"line 15", "outcomes[1].pass.when: null or empty would let every status through"}},
		"two verdicts": {strings.Replace(good, "- fail:", "- warn: {}\n            fail:", 1),
			[]string{"line 12", "outcomes[0] has fail and warn"}},
		"no verdict": {strings.Replace(good, "- fail:", "- {}\n          - fail:", 1),
			[]string{"line 12", "outcomes[0] has none of fail, warn and pass"}},
		"no outcomes": {strings.Replace(hostPreflight, "outcomes: [{pass: {when: connected}}]",
			"checkName: x", 1), []string{"line 7", "analyzers[0].tcpConnect has no outcomes"}},
		"empty outcomes": {strings.Replace(hostPreflight, "[{pass: {when: connected}}]", "[]", 1),
			[]string{"line 7", "analyzers[0].tcpConnect has no outcomes"}},
		"outcomes is a mapping": {strings.Replace(hostPreflight, "[{pass: {when: connected}}]",
			"{pass: {when: connected}}", 1), []string{"line 7", "outcomes is a mapping, not a list"}},
		"nothing to judge": {strings.Replace(good, "  hostAnalyzers:\n    - tcpConnect:\n",
			"  hostAnalyzers:\n    - tcpConnect:\n        exclude: \"true\"\n", 1), []string{"nothing to judge"}},
		"no analyzers": {collectorsOnly, []string{"nothing to judge"}},
		"only another analyzer": {collectorsOnly + "  analyzers:\n    - cpu: {outcomes: []}\n",
			[]string{"nothing to judge"}},
		"a name twice": {hostPreflight + "---\n" +
			strings.Replace(hostPreflight, "collectorName: db", "collectorName: DB", 1),
			[]string{"line 13", `"DB" is taken by the collector at line 5`}},
		"two kinds of entry": {strings.Replace(hostPreflight, "- tcpConnect: {c",
			"- cpu: {}\n      tcpConnect: {c", 1), []string{"line 5", "collectors[0] has 2 kinds (cpu, tcpConnect)"}},
		"no kind of entry": {strings.Replace(hostPreflight, "- tcpConnect: {c",
			"- {}\n    - tcpConnect: {c", 1), []string{"line 5", "collectors[0] is empty"}},
		"only a docString": {strings.Replace(hostPreflight, "- tcpConnect: {c",
			"- docString: x\n    - tcpConnect: {c", 1), []string{"line 5", "collectors[0] is empty"}},
		"template, parsed": {strings.Replace(good, "127.0.0.1:80", `repl{{ ConfigOption "address" }}`, 1),
			[]string{"line 6", "template expression", "Render it first"}},
		"template, a mapping": {strings.Replace(good, "127.0.0.1:80", "{{ .Values.address }}", 1),
			[]string{"line 6, column 18", "template expression"}},
		"template, not YAML": {strings.Replace(good, "  hostAnalyzers:",
			"  {{- if .Values.check }}\n  hostAnalyzers:", 1), []string{"line 8", "template expression"}},
		"not YAML": {good + "  x: [1\n",
			[]string{"line 18", "not valid YAML: while parsing a flow sequence that begins at line 17"}},
		"control characters": {good + "# \x00\n", []string{"not valid YAML"}},
		"a path": {"preflight.yaml\n",
			[]string{"line 1", `The document is "preflight.yaml", not a mapping. Give the text of a spec, for ` +
				`example file("preflight.yaml")`}},
		"collectors for hostCollectors": {strings.Replace(good, "hostCollectors", "collectors", 1),
			[]string{"line 5, column 7", "A tcpConnect collector stands in collectors, but",
				"Move it to hostCollectors of a SupportBundle"}},
		"hostAnalyzers for analyzers": {strings.Replace(hostPreflight, "analyzers", "hostAnalyzers", 1),
			[]string{"line 6, column 3", "The kind HostPreflight has no hostAnalyzers. Use analyzers."}},
		"another kind only": {"apiVersion: troubleshoot.sh/v1beta2\nkind: Preflight\n",
			[]string{"nothing to judge", "These parts are skipped: kind Preflight"}},
		"a list of documents": {"[" + hostPreflight[:0] + "{}]",
			[]string{"line 1", "The document is a list, not a mapping"}},
		"empty":         {"", []string{"There is no document"}},
		"comments only": {"# a spec\n", []string{"There is no document"}},
		"too large":     {strings.Repeat("#\n", maxSize), []string{"larger than the maximum"}},
		"misspelt data of a Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n" +
			"stringdata: {a: b}\n", []string{"line 4", `The Secret has the field "stringdata"`,
			`Did you mean "stringData"?`}},
		"binaryData": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {troubleshoot.sh/kind: " +
			"x}}\nbinaryData: {a: b}\n", []string{"line 4", `The ConfigMap has the field "binaryData"`}},
		"a text many times": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {troubleshoot.sh/kind: " +
			"x}}\ndata: {a: &x \"[" + strings.Repeat(" ", 1<<20) + "]\", b: *x, c: *x, d: *x, e: *x}\n",
			[]string{"larger than the maximum"}},
		"merges without end": {"apiVersion: troubleshoot.sh/v1beta2\nkind: HostPreflight\n" +
			"spec: {analyzers: [{cpu: &e {}}, &m {<<: [" + strings.TrimSuffix(strings.Repeat("*e, ", 10000), ", ") +
			"]}" + strings.Repeat(", *m", 1000) + "]}\n", []string{"more than 1000000 values"}},
		"an address without end": {strings.Replace(good, "127.0.0.1:80", strings.Repeat("x", 100_000), 1),
			[]string{"line 6"}},
		"a document without end": {strings.Repeat("x", 100_000), []string{"line 1", "xxx..."}},
		"blank when of a pass": {strings.Replace(good, "when: connected", "when: \" \"", 1),
			[]string{"line 15", `outcomes[1].pass.when: " " is not a status`}},
		"unlabelled Secret": {"apiVersion: v1\nkind: Secret\nstringData: {a: b}\n",
			[]string{"nothing to judge", `skipped: kind Secret (it has no label "troubleshoot.sh/kind")`}},
		"Secret is not base64": {"apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n" +
			"data: {a: '%%'}\n", []string{"line 4", "not valid base64"}},
		"problem inside a Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n" +
			"stringData:\n  spec: |\n    kind: HostPreflight\n    apiVersion: y\n",
			[]string{`line 2, column 13 of stringData["spec"] of the Secret at line 1`, `The apiVersion is "y"`}},
		"Secret inside a Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n" +
			"stringData:\n  spec: '{apiVersion: v1, kind: Secret, metadata: {labels: {troubleshoot.io/kind: x}}}'\n",
			[]string{"line 1", "inside another"}},
		"empty Secret": {"apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n",
			[]string{"holds no spec"}},
		"unknown anchor": {strings.Replace(good, "127.0.0.1:80", "*nowhere", 1),
			[]string{"line 6", "nowhere"}},
		"merged into itself": {hostPreflight + "    - tcpConnect: &t\n        <<: *t\n",
			[]string{"merges mappings"}},
		"a list that holds itself": {strings.Replace(hostPreflight, "[{pass: {when: connected}}]", "&o [*o]", 1),
			[]string{"outcomes[0] is a list, not a mapping"}},
		"aliases of aliases": {bomb, []string{"line 1", `has the field "a"`}},
		"aliases without end": {"apiVersion: troubleshoot.sh/v1beta2\nkind: HostPreflight\nspec: {analyzers: [" +
			analyzers + "]}\n", []string{"more than 1000000 values"}},
		"binary": {strings.Replace(good, "127.0.0.1:80", "!!binary aGVsbG8=", 1),
			[]string{"line 6", "not a text"}},
		"spaces between braces": {strings.Replace(good, "127.0.0.1:80", "{ {a: b}: c }", 1),
			[]string{"line 6", "is a mapping, not a text"}},
		"entry is a list": {strings.Replace(hostPreflight,
			"tcpConnect: {collectorName: db, address: \"db.internal:5432\", timeout: 1m}", "tcpConnect: [x]", 1),
			[]string{"line 5", "collectors[0].tcpConnect is a list, not a mapping."}},
		"analyzer is a text": {strings.Replace(hostPreflight,
			"{collectorName: db, outcomes: [{pass: {when: connected}}]}", "x", 1),
			[]string{"line 7", "analyzers[0].tcpConnect is \"x\", not a mapping."}},
		"outcome is a text": {strings.Replace(hostPreflight, "{pass: {when: connected}}", "pass", 1),
			[]string{"line 7", "outcomes[0] is \"pass\", not a mapping."}},
		"verdict is a text": {strings.Replace(hostPreflight, "{when: connected}", "connected", 1),
			[]string{"line 7", "outcomes[0].pass is \"connected\", not a mapping."}},
		"a null for a mapping": {strings.Replace(hostPreflight, "[{pass: {when: connected}}]", "[null]", 1),
			[]string{"line 7", "outcomes[0] has none of fail, warn and pass"}},
		"a list is null": {strings.Replace(hostPreflight, "[{pass: {when: connected}}]", "null", 1),
			[]string{"line 7", "has no outcomes"}},
		"a text is null": {strings.Replace(hostPreflight, "\"db.internal:5432\"", "null", 1),
			[]string{"line 5", "has no address"}},
		"a template for a version": {strings.Replace(good, "troubleshoot.sh/v1beta2\nkind: SupportBundle",
			"'{{ .Values.version }}'\nkind: Other", 1), []string{"line 1, column 13",
			"apiVersion has a template expression"}},
		"a template for a kind": {strings.Replace(good, "troubleshoot.sh/v1beta2\nkind: SupportBundle",
			"apps/v1\nkind: '{{ .Values.kind }}'", 1), []string{"line 2, column 7", "kind has a template expression"}},
		"skipped without end": {"apiVersion: troubleshoot.sh/v1beta2\nkind: HostPreflight\n" +
			"spec: {analyzers: [&m {cpu: [" + strings.TrimSuffix(strings.Repeat("{}, ", 10000), ", ") + "]}" +
			strings.Repeat(", *m", 1000) + "]}\n", []string{"more than 1000000 values"}},
		"no near field": {strings.Replace(good, "kind:", "zzz: 1\nkind:", 1),
			[]string{"line 2", `has the field "zzz", which does not exist. The fields are apiVersion, kind, metadata,` +
				` spec, status.`}},
		"an entry after a named one": {strings.Replace(hostPreflight, "  analyzers:", "    - {}\n  analyzers:", 1),
			[]string{"line 6, column 7: collectors[1] is empty."}},
		"a null kind of entry": {strings.Replace(hostPreflight, "- tcpConnect: {c",
			"- cpu: null\n    - tcpConnect: {c", 1), []string{"line 5", "collectors[0] is empty"}},
		"a null tcpConnect": {strings.Replace(hostPreflight, "- tcpConnect: {c",
			"- tcpConnect: null\n    - tcpConnect: {c", 1),
			[]string{"line 5", "collectors[0].tcpConnect has no address"}},
		"a list like a mapping": {"[apiVersion, v1, kind, Secret]",
			[]string{"line 1", "The document is a list, not a mapping"}},
		"a mapping for a key": {strings.Replace(good, "kind: SupportBundle", "? {a: b}\n: c", 1),
			[]string{"line 2", "has a mapping as a key"}},
		"tab for an indentation": {strings.Replace(good, "  hostCollectors", "\thostCollectors", 1),
			[]string{"line 4", "not valid YAML"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec, err := Decode(test.text)
			problems, ok := errors.AsType[Problems](err)
			if !ok || !reflect.DeepEqual(spec, Spec{}) {
				t.Fatalf("got %+v, %v", spec, err)
			}
			for _, fragment := range test.want {
				if !strings.Contains(problems[0].Error(), fragment) {
					t.Errorf("%q is not in\n%v", fragment, err)
				}
			}
			if len(problems) != 1 && name != "merges without end" && name != "aliases of aliases" {
				t.Errorf("%d problems, want 1:\n%v", len(problems), err)
			}
			if strings.Contains(err.Error(), "line 0") {
				t.Errorf("a line that is not known: %v", err)
			}
			if len(problems[0].Error()) > 2000 {
				t.Errorf("a problem of %d characters", len(problems[0].Error()))
			}
			if !strings.HasSuffix(problems[0].Error(), ".") && !strings.HasSuffix(problems[0].Error(), "?") {
				t.Errorf("no whole sentence: %v", problems[0])
			}
		})
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Decode(supportBundle("timeuot: 5s", "srtict: true", "urn: x"))
	problems, _ := errors.AsType[Problems](err)
	for name, text := range map[string]string{
		"a template":          supportBundle("timeout: '{{ .Values.timeout }}'", "", ""),
		"a template, no YAML": "{{- if .Values.on }}\n" + hostPreflight,
		"a misspelt address":  strings.Replace(hostPreflight, "address:", "addr:", 1),
		"a misspelt kind": strings.Replace(hostPreflight, "tcpConnect: {collectorName: db, address",
			"tcpconnect: {collectorName: db, address", 1),
		"a list for an address": strings.Replace(hostPreflight, `"db.internal:5432"`, "[x]", 1),
	} {
		if _, err := Decode(text); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s is more than one problem:\n%v", name, err)
		}
	}
	if len(problems) != 3 {
		t.Errorf("%d problems, want 3:\n%v", len(problems), err)
	}
	if _, err = Decode(strings.Replace(hostPreflight, "[{pass", "["+strings.Repeat("{fial: {}}, ", 1000)+"{pass",
		1)); err == nil || len(strings.Split(err.Error(), "\n")) != maxProblems+1 ||
		!strings.HasSuffix(err.Error(), "There are 980 more problems.") {
		t.Errorf("a thousand problems:\n%v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(page(f))
	f.Add(hostPreflight)
	f.Add(supportBundle("exclude: true", "strict: 'false'", "uri: x"))
	f.Add("apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\ndata: {a: e30=}\n" +
		"stringData: {b: 'a: &a [*a]'}\n")
	f.Add("a: &a {<<: *a}\n---\n{{ x }}\n")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Decode(text)
		if err != nil {
			if problems, ok := errors.AsType[Problems](err); !ok || len(problems) == 0 ||
				len(problems) > maxProblems+3 {
				t.Errorf("not a list of problems: %#v", err)
			}
			return
		}
		judged := 0
		for _, analyzer := range spec.Analyzers {
			if !analyzer.Excluded {
				judged++
			}
			if len(analyzer.Outcomes) == 0 || analyzer.CheckName == "" || analyzer.CollectorName == "" {
				t.Errorf("analyzer %+v", analyzer)
			}
		}
		if judged == 0 {
			t.Errorf("nothing to judge in %q", text)
		}
	})
}
