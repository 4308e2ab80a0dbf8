// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"reflect"
	"strings"
	"testing"
)

func TestSameSpecTwiceIsOne(t *testing.T) {
	t.Parallel()
	once := mustDecode(t, hostPreflight)
	for name, text := range map[string]string{
		"joined":           hostPreflight + "---\n" + hostPreflight,
		"three times":      hostPreflight + "---\n" + hostPreflight + "---\n" + hostPreflight,
		"another spelling": hostPreflight + "---\n" + strings.Replace(hostPreflight, "timeout: 1m", "timeout: 60s", 1),
		"another kind": hostPreflight + "---\n" +
			strings.NewReplacer("HostPreflight", "SupportBundle", "collectors:", "hostCollectors:", "analyzers:",
				"hostAnalyzers:").Replace(hostPreflight),
	} {
		if twice := mustDecode(t, text); !reflect.DeepEqual(twice, once) {
			t.Errorf("%s: got %+v, want %+v", name, twice, once)
		}
	}
}

func TestCollectorsOfOneNameThatDifferAreProblems(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{
		"address":    strings.Replace(hostPreflight, "5432", "5433", 1),
		"timeout":    strings.Replace(hostPreflight, "1m", "2m", 1),
		"no timeout": strings.Replace(hostPreflight, ", timeout: 1m", "", 1),
		"case":       strings.Replace(hostPreflight, "collectorName: db", "collectorName: DB", 1),
	} {
		problem := firstProblem(t, hostPreflight+"---\n"+second)
		if !strings.Contains(problem, "is taken by the collector at line 5, column 19") ||
			!strings.HasPrefix(problem, "line 13, column 19") {
			t.Errorf("%s: got %s", name, problem)
		}
	}
	excluded := strings.NewReplacer("5432", "5433", "timeout: 1m", "exclude: true").Replace(hostPreflight)
	for _, text := range []string{hostPreflight + "---\n" + excluded, excluded + "---\n" + hostPreflight} {
		if spec := mustDecode(t, text); len(spec.Collectors) != 2 || len(spec.Included()) != 1 ||
			spec.Included()[0].Excluded || len(spec.Analyzers) != 1 {
			t.Errorf("with an excluded one: %+v", spec)
		}
	}
}

func TestAnalyzersThatDifferAreAllKept(t *testing.T) {
	t.Parallel()
	const first = "    - tcpConnect: {collectorName: db, outcomes: [{pass: {when: connected}}]}\n"
	for name, second := range map[string]string{
		"collector": strings.Replace(first, "db", "other", 1),
		"title":     strings.Replace(first, "outcomes", "checkName: x, outcomes", 1),
		"strict":    strings.Replace(first, "outcomes", "strict: true, outcomes", 1),
		"excluded":  strings.Replace(first, "outcomes", "exclude: true, outcomes", 1),
		"outcomes":  strings.Replace(first, "pass", "warn", 1),
		"more":      strings.Replace(first, "[{", "[{fail: {when: error}}, {", 1),
	} {
		if spec := mustDecode(t, hostPreflight+second); len(spec.Analyzers) != 2 {
			t.Errorf("%s: %+v", name, spec.Analyzers)
		}
	}
}

func TestDocumentsBesideASupportBundle(t *testing.T) {
	t.Parallel()
	bundle := ours("SupportBundle", "{hostCollectors: [{cpu: {}}]}")
	collectors := ours("HostCollector", `{uri: "", collectors: [{tcpConnect: {collectorName: db, address: `+
		`"db.internal:5432", timeout: 1m}}]}`)
	analyzers := ours("Analyzer", "{hostAnalyzers: [{tcpConnect: {collectorName: db, outcomes: [{pass: {when: "+
		"connected}}]}}], analyzers: [{velero: {}}]}")
	want := mustDecode(t, hostPreflight)
	for _, text := range []string{bundle + "---\n" + collectors + "---\n" + analyzers,
		analyzers + "---\n" + bundle + "---\n" + collectors, collectors + "---\n" + analyzers} {
		spec := mustDecode(t, text)
		if len(spec.Collectors) != 1 || !spec.Collectors[0].same(want.Collectors[0]) || len(spec.Analyzers) != 1 ||
			!reflect.DeepEqual(spec.Analyzers[0].Analyzer, want.Analyzers[0].Analyzer) {
			t.Errorf("got %+v, want %+v", spec, want)
		}
	}
}

func TestLaterVersionAndItsFields(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("v1beta2", "v1beta3", "- tcpConnect: {collectorName: db, o",
		"- docString: |\n        Title: Database\n        Requirement:\n          - reachable\n"+
			"      tcpConnect: {collectorName: db, o").Replace(hostPreflight)
	if spec := mustDecode(t, text); len(spec.Collectors) != 1 || len(spec.Analyzers) != 1 ||
		len(spec.Unsupported) != 0 {
		t.Errorf("%+v", spec)
	}
	if problem := firstProblem(t, strings.Replace(text, "docString", "docSting", 1)); !strings.Contains(problem,
		`Did you mean "docString"?`) {
		t.Error(problem)
	}
	if problem := firstProblem(t, strings.Replace(text, "docString: |\n        Title: Database",
		"docString:\n        Title: Database", 1)); !strings.Contains(problem,
		"analyzers[0].docString is a mapping, not a text.") {
		t.Error(problem)
	}
}

func TestTextsOfASpecHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	for field, text := range map[string]string{
		"hostAnalyzers[0].tcpConnect.collectorName":            supportBundle("", `collectorName: "\e[8mhidden"`, ""),
		"hostAnalyzers[0].tcpConnect.checkName":                supportBundle("", `checkName: "\e[8mhidden"`, ""),
		"hostAnalyzers[0].tcpConnect.outcomes[1].pass.message": supportBundle("", "", `message: "\e[8mhidden"`),
		"hostAnalyzers[0].tcpConnect.outcomes[1].pass.title":   supportBundle("", "", `title: "\e[8mhidden"`),
		"hostAnalyzers[0].tcpConnect.outcomes[1].pass.uri":     supportBundle("", "", `uri: "\e[8mhidden"`),
	} {
		if problem := firstProblem(t, text); !strings.Contains(problem,
			field+": The text contains the control character U+001B") || !strings.HasPrefix(problem, "line ") {
			t.Errorf("%s: got %s", field, problem)
		}
	}
	spec := mustDecode(t, supportBundle("", "", `message: "one\ntwo\tthree"`))
	if got := spec.Analyzers[0].Outcomes[1].Message; got != "one\ntwo\tthree" {
		t.Errorf("got %q", got)
	}
}
