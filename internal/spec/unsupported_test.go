// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ours is a document of Troubleshoot, with a spec field in flow style.
func ours(kind, body string) string {
	return fmt.Sprintf("apiVersion: troubleshoot.sh/v1beta2\nkind: %s\nspec: %s\n", kind, body)
}

// firstProblem decodes a text that is not a spec.
func firstProblem(t *testing.T, text string) string {
	t.Helper()
	spec, err := Decode(text)
	problems, ok := errors.AsType[Problems](err)
	if !ok || !reflect.DeepEqual(spec, Spec{}) {
		t.Fatalf("got %+v, %v\n%s", spec, err, text)
	}
	return problems[0].Error()
}

func TestNoTCPConnectIsDroppedQuietly(t *testing.T) {
	t.Parallel()
	const (
		collector = `{tcpConnect: {collectorName: db, address: "db.internal:5432"}}`
		analyzer  = `{tcpConnect: {checkName: Database, outcomes: [{fail: {}}]}}`
	)
	for name, test := range map[string]struct{ text, where, places string }{
		"Preflight": {ours("Preflight", "{collectors: ["+collector+"]}"),
			"a document of kind Preflight", collectorPlaces},
		"analyzer of a Preflight": {ours("Preflight", "{analyzers: ["+analyzer+"]}"),
			"a document of kind Preflight", analyzerPlaces},
		"Collector": {ours("Collector", "{hostCollectors: ["+collector+"]}"),
			"a document of kind Collector", collectorPlaces},
		"RemoteCollector": {ours("RemoteCollector", "{collectors: ["+collector+"]}"),
			"a document of kind RemoteCollector", collectorPlaces},
		"Redactor": {ours("Redactor", "{redactors: ["+collector+"]}"),
			"a document of kind Redactor", collectorPlaces},
		"remote collectors": {ours("HostPreflight", "{remoteCollectors: [{cpu: {}}, "+collector+"]}"),
			".remoteCollectors, but this provider does not run remote collectors", collectorPlaces},
		"remote, of a SupportBundle": {ours("SupportBundle", "{remoteCollectors: ["+collector+"]}"),
			".remoteCollectors", collectorPlaces},
		"collectors of a SupportBundle": {ours("SupportBundle", "{collectors: ["+collector+"]}"),
			".collectors, but this provider does not run collectors of a cluster", collectorPlaces},
		"analyzers of a SupportBundle": {ours("SupportBundle", "{analyzers: ["+analyzer+"]}"), ".analyzers",
			analyzerPlaces},
		"after the collection": {ours("SupportBundle", "{afterCollection: ["+collector+"]}"),
			".afterCollection", collectorPlaces},
		"analyzers of a HostCollector": {ours("HostCollector", "{analyzers: ["+analyzer+"]}"), ".analyzers",
			analyzerPlaces},
		"analyzers of an Analyzer": {ours("Analyzer", "{analyzers: ["+analyzer+"]}"), ".analyzers",
			analyzerPlaces},
		"inside a collector": {ours("HostPreflight", "{collectors: [{cpu: "+collector+"}]}"),
			".collectors[0].cpu, but this provider does not run cpu", collectorPlaces},
		"inside an analyzer": {ours("HostPreflight", "{analyzers: [{cpu: "+analyzer+"}]}"),
			".analyzers[0].cpu", analyzerPlaces},
		"no list": {ours("SupportBundle", "{collectors: "+collector+"}"), ".collectors",
			collectorPlaces},
		"another case": {ours("SupportBundle", "{collectors: [{tcpconnect: {address: x}}]}"),
			".collectors", collectorPlaces},
		"asks for nothing yet": {ours("SupportBundle", "{collectors: [tcpConnect: ]}"), ".collectors",
			collectorPlaces},
		"not excluded": {ours("SupportBundle", "{collectors: [tcpConnect: {exclude: \"false\"}]}"),
			".collectors", collectorPlaces},
		"in metadata": {strings.Replace(ours("SupportBundle", "{}"), "spec:",
			"metadata: {spec: {hostCollectors: ["+collector+"]}}\nspec:", 1), "metadata, but", collectorPlaces},
		"in status": {ours("HostPreflight", "{}") + "status: {collectors: [" + collector + "]}\n",
			"status, but", collectorPlaces},
		"with properties": {ours("SupportBundle", "{collectors: [tcpConnect: {properties: x}]}"),
			".collectors, but", collectorPlaces},
		"with a type": {ours("SupportBundle", "{collectors: [tcpConnect: {type: x}]}"),
			".collectors, but", collectorPlaces},
		"by an alias": {ours("Preflight", "{collectors: [&x "+collector+", *x]}"),
			"a document of kind Preflight", collectorPlaces},
		"by a merge": {ours("SupportBundle", "{uri: &x "+collector+", collectors: [{<<: *x}]}"),
			".collectors", collectorPlaces},
		"in a document that holds itself": {ours("Preflight", "&x {a: *x, b: [*x], collectors: ["+collector+"]}"),
			"a document of kind Preflight", collectorPlaces},
		"a kind of another tool": {"apiVersion: example.com/v1\nkind: Checks\nspec: {hostCollectors: [" + collector +
			"]}\n", "a document of kind Checks", collectorPlaces},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, text := range []string{hostPreflight + "---\n" + test.text, test.text + "---\n" + hostPreflight} {
				problem := firstProblem(t, text)
				if !strings.Contains(problem, " stands in ") || !strings.Contains(problem, test.where) ||
					!strings.HasSuffix(problem, "Move it to "+test.places+".") {
					t.Errorf("got %s\nwant %s and %s", problem, test.where, test.places)
				}
			}
		})
	}
	if problem := firstProblem(t, hostPreflight+"---\n"+
		ours("Preflight", "{collectors: ["+collector+"]}")); !strings.HasPrefix(problem,
		"line 11, column 22 (\"db\"): A tcpConnect collector stands") {
		t.Errorf("no position and name in %s", problem)
	}
}

func TestWhatOnlyLooksLikeATCPConnectIsSkipped(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"excluded": ours("HostPreflight", "{remoteCollectors: [{tcpConnect: {exclude: true, address: x}}]}"),
		"a schema": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n" +
			"spec: {schema: {properties: {tcpConnect: {type: object, properties: {address: {type: string}}}}, " +
			"required: [tcpConnect, address]}}\n",
		"a text": ours("SupportBundle", "{collectors: [{data: {data: tcpConnect}}]}"),
	} {
		if spec := mustDecode(t, hostPreflight+"---\n"+text); len(spec.Collectors) != 1 {
			t.Errorf("%s: %+v", name, spec)
		}
	}
}

func TestWhatAsksForNothingIsNotListed(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"runHostCollectorsInPod: false", "uri: ''", "uri: null", "collectors: []", "collectors: null",
		"collectors: [{logs: {exclude: true}}]", "analyzers: [{x: {exclude: 'true'}}]",
	} {
		if spec := mustDecode(t, hostPreflight+"---\n"+
			ours("SupportBundle", "{"+field+"}")); len(spec.Unsupported) != 0 {
			t.Errorf("%s: %q", field, spec.UnsupportedPaths())
		}
	}
}

func TestSkippedPartsAreListedWithTheirPathAndReason(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]Part{
		"collectors: [{}]": {"documents[1].collectors[0]",
			"this provider does not run collectors of a cluster"},
		"collectors: [null]": {"documents[1].collectors[0]",
			"this provider does not run collectors of a cluster"},
		"collectors: [[x]]": {"documents[1].collectors[0]",
			"this provider does not run collectors of a cluster"},
		"collectors: {logs: {}}": {"documents[1].collectors",
			"this provider does not run collectors of a cluster"},
		"collectors: [{logs: {exclude: maybe}}]": {"documents[1].collectors[0].logs",
			"this provider does not run collectors of a cluster"},
		"analyzers: [{docString: x, velero: {}}]": {"documents[1].analyzers[0].velero",
			"this provider does not run analyzers of a cluster"},
		"remoteCollectors: [{cpu: {}}]": {"documents[1].remoteCollectors[0].cpu",
			"this provider does not run remote collectors"},
		"uri: &x {cpu: {exclude: true}}, collectors: [*x]": {"documents[1].uri",
			"this provider does not fetch other specs"},
		"remoteCollectors: [&x {cpu: {}}]": {"documents[1].remoteCollectors[0].cpu",
			"this provider does not run remote collectors"},
		"afterCollection: [{callback: {}}]": {"documents[1].afterCollection[0].callback",
			"this provider does nothing after the collection"},
		"uri: https://example.com/spec.yaml": {"documents[1].uri", "this provider does not fetch other specs"},
		"runHostCollectorsInPod: true": {"documents[1].runHostCollectorsInPod",
			"this provider does not run collectors in a Pod"},
		"hostCollectors: [{registryImages: {}}]": {"documents[1].hostCollectors[0].registryImages",
			"this provider does not run registryImages"},
		"hostAnalyzers: [{subnetContainsIP: {}}]": {"documents[1].hostAnalyzers[0].subnetContainsIP",
			"this provider does not run subnetContainsIP"},
		"hostAnalyzers: [{registryImages: {}}]": {"documents[1].hostAnalyzers[0].registryImages",
			"this provider does not run registryImages"},
		"collectors: [{\"\\e[8mlogs\": {}}]": {`documents[1].collectors[0]."\x1b[8mlogs"`,
			"this provider does not run collectors of a cluster"},
		"collectors: [{\"a\\nb\": {}}]": {`documents[1].collectors[0]."a\nb"`,
			"this provider does not run collectors of a cluster"},
		"hostCollectors: [{docString: x, cpu: {}}]": {"documents[1].hostCollectors[0].cpu",
			"this provider does not run cpu"},
		"hostAnalyzers: [{tcpConnect: , cpu: }, {}]": {},
	} {
		text := hostPreflight + "---\n" + ours("SupportBundle", "{"+field+"}")
		if want == (Part{}) {
			firstProblem(t, text)
			continue
		}
		if spec := mustDecode(t, text); !slices.Equal(spec.Unsupported, []Part{want}) {
			t.Errorf("%s: got %+v, want %+v", field, spec.Unsupported, want)
		}
	}
}

func TestCollectorsAndAnalyzersHaveListsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"hostCollectors: [{tls: {}}]":         "hostCollectors[0] has the field \"tls\", which does not exist.",
		"hostAnalyzers: [{tls: {}}]":          "hostAnalyzers[0] has the field \"tls\", which does not exist.",
		"hostCollectors: [{textAnalyze: {}}]": "hostCollectors[0] has the field \"textAnalyze\", which does not exist.",
		"hostAnalyzers: [{journald: {}}]":     "hostAnalyzers[0] has the field \"journald\", which does not exist.",
	} {
		if problem := firstProblem(t, hostPreflight+"---\n"+
			ours("SupportBundle", "{"+field+"}")); !strings.Contains(problem, want) {
			t.Errorf("%s: got %s", field, problem)
		}
	}
}

func TestNamesOfOtherKindsAreProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		ours("HostPreflight", "{hostCollectors: []}"): "The kind HostPreflight has no hostCollectors. Use " +
			"collectors.",
		ours("HostPreflight", "{hostAnalyzers: []}"): "The kind HostPreflight has no hostAnalyzers. Use " +
			"analyzers.",
		ours("HostCollector", "{hostCollectors: []}"): "The kind HostCollector has no hostCollectors. Use " +
			"collectors.",
		ours("HostCollector", "{hostAnalyzers: []}"): "The kind HostCollector has no hostAnalyzers. Use " +
			"hostAnalyzers of a SupportBundle or Analyzer, or analyzers of a HostPreflight.",
		ours("Analyzer", "{hostCollectors: []}"): "The kind Analyzer has no hostCollectors. Use " +
			"hostCollectors of a SupportBundle, or collectors of a HostPreflight or HostCollector.",
		ours("Analyzer", "{collectors: []}"):         `spec has the field "collectors", which does not exist.`,
		ours("SupportBundle", "{hostCollector: []}"): `Did you mean "hostCollectors"?`,
		ours("HostCollektor", "{}"): `This provider reads the kinds Analyzer, HostCollector, ` +
			`HostPreflight, SupportBundle. Did you mean "HostCollector"?`,
		"apiVersion: troubleshoot.sh/v1beta2\nspec: {}\n": `The kind is "".`,
	} {
		if problem := firstProblem(t, hostPreflight+"---\n"+text); !strings.Contains(problem, want) {
			t.Errorf("%s: got %s, want %s", text, problem, want)
		}
	}
}
