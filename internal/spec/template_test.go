// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestRuntimeTemplatesAreNotAProblem(t *testing.T) {
	t.Parallel()
	others := `    - filesystemPerformance:
        outcomes: [{pass: {when: "p99 < 10ms", message: "Write latency is {{ .P99 }}"}}]
    - textAnalyze: {exclude: "{{ .No }}", regex: '{{ x }}'}
    - docString: "Title: {{ .Name }}"
      cpu: {}
`
	text := hostPreflight + others + "  remoteCollectors: [{run: {args: ['{{ .Names }}']}}]\n# {{ comment }}\n"
	if spec := mustDecode(t, text); len(spec.Unsupported) != 4 {
		t.Errorf("skipped %q", spec.UnsupportedPaths())
	}
	for name, test := range map[string]struct{ text, want string }{
		"another mistake": {strings.Replace(text, "timeout: 1m", "timeout: 1x", 1),
			`collectors[0].tcpConnect.timeout: "1x"`},
		"a misspelt field": {strings.Replace(text, "timeout: 1m", "timeuot: 1m", 1), `Did you mean "timeout"?`},
		"nothing to judge": {strings.Replace(text, "- tcpConnect: {collectorName: db, outcomes",
			"- cpu: {collectorName: db, outcomes", 1), "nothing to judge"},
		"not YAML elsewhere": {strings.Replace(text, "timeout: 1m}", "timeout: [1m}", 1),
			"line 5, column 80: This is not valid YAML: while parsing a flow sequence that begins at line 5: did not " +
				"find expected ',' or ']'."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode(test.text)
			if problems, ok := errors.AsType[Problems](err); !ok || len(problems) != 1 ||
				!strings.Contains(problems[0].Error(), test.want) || strings.Contains(err.Error(), "{{") {
				t.Errorf("got %v\nwant %s, and no more", err, test.want)
			}
		})
	}
}

func TestUnrenderedTemplateIsAProblem(t *testing.T) {
	t.Parallel()
	const pass = "[{pass: {when: connected}}]"
	for _, test := range []struct{ old, now, want string }{
		{"troubleshoot.sh/v1beta2", "{{ .Values.version }}", "line 1, column 13: apiVersion"},
		{"kind: HostPreflight", `kind: "{{ .Values.kind }}"`, "line 2, column 7: kind"},
		{"kind: HostPreflight", "kind: {{ .Values.kind }}", "line 2, column 7: kind"},
		{"kind: HostPreflight", "{{ .Values.key }}: HostPreflight", "line 2, column 1: The document"},
		{`"db.internal:5432"`, "'{{ .Values.db }}'", `line 5, column 48 ("db"): collectors[0].tcpConnect.address`},
		{`"db.internal:5432"`, "{{ .Values.db }}", "collectors[0].tcpConnect.address"},
		{`"db.internal:5432"`, "{{ .Values.db }:{ .Values.port }}", "collectors[0].tcpConnect.address"},
		{"timeout: 1m", `timeout: "repl{{ ConfigOption }}"`, "collectors[0].tcpConnect.timeout"},
		{"timeout: 1m", `"{{ .Values.field }}": 1m`, "collectors[0].tcpConnect"},
		{"- tcpConnect: {collectorName: db, address", "- {{ include \"x\" . }}\n    - x: {address", "collectors[0]"},
		{pass, "{{ .Values.outcomes }}", "analyzers[0].tcpConnect.outcomes"},
		{pass, "[{pass: {{ .Values.pass }}}]", "analyzers[0].tcpConnect.outcomes[0].pass"},
		{
			"when: connected", `when: connected, message: "{{ .Values.text }}"`,
			"analyzers[0].tcpConnect.outcomes[0].pass.message",
		},
		{
			"collectorName: db, outcomes", `strict: "{{ .Values.strict }}", outcomes`,
			"analyzers[0].tcpConnect.strict",
		},
	} {
		text := strings.Replace(hostPreflight, test.old, test.now, 1)
		if text == hostPreflight {
			t.Fatalf("%s changes nothing", test.old)
		}
		want := test.want + ` has a template expression ("{{"). Render it first`
		if problem := firstProblem(t, text); !strings.Contains(problem, want) {
			t.Errorf("%s -> %s: got %s\nwant %s", test.old, test.now, problem, want)
		}
	}
}

func TestYAMLErrorComesFirst(t *testing.T) {
	t.Parallel()
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\ndata: {bad: '%%'}\n" +
		"stringData:\n  a: |\n"
	for name, test := range map[string]struct{ text, want string }{
		"a template": {"{{- if .Values.on }}\n" + hostPreflight + "{{- end }}\n",
			`Line 1 has a template expression ("{{"). If that is the cause: Render it first`},
		"after a comment": {"# {{ x }}\n{{- if .Values.on }}\n" + hostPreflight, "Line 2 has a template expression"},
		"no template":     {hostPreflight + "  x: [", "that begins at line 9: did not find expected node content."},
		"inside a Secret": {secret + indent(hostPreflight+"  x: ["),
			`line 9, column 1 of stringData["a"] of the Secret at line 1: This is not valid YAML`},
		"template in there": {secret + indent("{{ if x }}\n"+hostPreflight+"  x: ["),
			`Line 1 has a template expression`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := firstProblem(t, test.text)
			blamed := strings.Contains(problem, "template expression") // only if there is one
			if !strings.Contains(problem, "This is not valid YAML") || !strings.Contains(problem, test.want) ||
				blamed != strings.Contains(test.want, "template") {
				t.Errorf("got %s\nwant %s", problem, test.want)
			}
		})
	}
	_, err := Decode(secret + indent(hostPreflight+"  x: [") + "  b: |\n" + indent(hostPreflight+"  y: ["))
	if problems, _ := errors.AsType[Problems](err); len(problems) != 3 ||
		!strings.Contains(problems[2].Error(), "base64") {
		t.Errorf("got %v, want both YAML errors, then the other", err)
	}
}

func TestManyProblemsAreCounted(t *testing.T) {
	t.Parallel()
	texts := ""
	for range 15 {
		texts += "  " + strings.Repeat("a", len(texts)/20+1) + ": 'tcpConnect: ['\n"
	}
	wrapped := "apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\nstringData:\n" + texts
	fials := func(count int) string {
		return strings.Replace(hostPreflight, "[{pass", "["+strings.Repeat("{fial: {}}, ", count)+"{pass", 1)
	}
	for name, test := range map[string]struct {
		text string
		want int
		last string
	}{
		"as many as are shown": {fials(20), 20, `Did you mean "fail"?`},
		"one more":             {fials(21), 21, "There is 1 more problem."},
		"both kinds":           {wrapped + "---\n" + fials(7), 21, "There are 2 more problems."},
		"too many of both": {wrapped + "---\n" + wrapped + "---\n" + fials(100), 21,
			"There are 110 more problems."},
	} {
		_, err := Decode(test.text)
		problems, _ := errors.AsType[Problems](err)
		if len(problems) != test.want || !strings.HasSuffix(err.Error(), test.last) {
			t.Errorf("%s: %d problems, want %d and %s:\n%v", name, len(problems), test.want, test.last, err)
		}
	}
}
