// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// indent puts a text into a block of YAML.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

// chart is what helm template prints of a chart with a spec in a Secret.
func chart(labels, readme, spec string) string {
	return `---
# Source: shop/templates/serviceaccount.yaml
apiVersion: v1
kind: ServiceAccount
metadata: {name: shop}
---
# Source: shop/templates/credentials.yaml
apiVersion: v1
kind: Secret
metadata: {name: credentials}
type: Opaque
data: {password: "` + base64.StdEncoding.EncodeToString([]byte("p: [")) + `", token: "<path:kv/token>"}
---
# Source: shop/templates/files.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: files}
binaryData: {logo: AA==}
data: {port: 80, page: "{{ .Title }}"}
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, annotations: {note: "{{ x }}"}}
spec: {template: {spec: {containers: [{name: shop, args: ["{{.Host}}"]}]}}}
---
# Source: shop/templates/preflight.yaml
apiVersion: v1
kind: Secret
metadata: {name: preflight, labels: {` + labels + `}}
type: Opaque
stringData:
  README.md: |
` + indent(readme) + `  preflight.yaml: |
` + indent(spec)
}

func TestChartAsHelmPrintsIt(t *testing.T) {
	t.Parallel()
	for name, readme := range map[string]string{
		"text":           "Preflight checks of the shop.",
		"not YAML":       "# Preflight\n\nRun: `kubectl preflight`\n- [x",
		"a sample of it": "Write this:\n```yaml\n" + hostPreflight + "```\n",
		"a mapping":      "Title: Preflight\nText: a tcpConnect collector for troubleshoot.sh",
		"a list":         "- one\n- two",
		"empty":          "",
	} {
		spec := mustDecode(t, chart("troubleshoot.sh/kind: host-preflight", readme, hostPreflight))
		want := []Part{
			{"documents[0].kind ServiceAccount", "this provider does not run documents of that kind"},
			{"documents[1].kind Secret", `it has no label "troubleshoot.sh/kind"`},
			{"documents[2].kind ConfigMap", `it has no label "troubleshoot.sh/kind"`},
			{"documents[3].kind Deployment", "this provider does not run documents of that kind"},
			{`documents[4].stringData["README.md"]`, "it is not a spec"},
		}
		if !slices.Equal(spec.Unsupported, want) {
			t.Errorf("%s: skipped %+v, want %+v", name, spec.Unsupported, want)
		}
		if len(spec.Collectors) != 1 || len(spec.Analyzers) != 1 ||
			spec.Collectors[0].Position.Within != `stringData["preflight.yaml"] of the Secret at line 28` {
			t.Errorf("%s: %+v", name, spec)
		}
	}
}

func TestNoSpecOfAChartIsSkipped(t *testing.T) {
	t.Parallel()
	good := "troubleshoot.sh/kind: host-preflight"
	const within = `stringData["preflight.yaml"] of the Secret at line 28`
	second := strings.Replace(hostPreflight, "troubleshoot.sh", "example.com", 1)
	_, headless, _ := strings.Cut(hostPreflight, "kind: HostPreflight\n")
	for name, test := range map[string]struct{ text, want string }{
		"label forgotten": {chart("app: shop", "", hostPreflight),
			`line 28, column 1: The Secret has no label "troubleshoot.sh/kind", but stringData["preflight.yaml"] is ` +
				`a spec. Add the label, or take the Secret out.`},
		"label forgotten, not YAML":      {chart("app: shop", "", hostPreflight+"  x: ["), `The Secret has no label`},
		"label forgotten, not a version": {chart("app: shop", "", second), `The Secret has no label`},
		"not YAML": {chart(good, "", hostPreflight+"  x: ["),
			"of " + within + ": This is not valid YAML"},
		"only entries, not YAML": {chart(good, "", "spec: {collectors: [{tcpConnect: {}}]"),
			"of " + within + ": This is not valid YAML"},
		"misspelt version": {chart(good, "",
			strings.Replace(hostPreflight, "troubleshoot.sh", "trubleshoot.sh", 1)),
			"of " + within + `: The apiVersion is "trubleshoot.sh/v1beta2"`},
		"misspelt kind": {chart(good, "",
			strings.Replace(hostPreflight, "HostPreflight", "HostPrefligth", 1)),
			"of " + within + `: The kind is "HostPrefligth"`},
		"both misspelt": {chart(good, "",
			strings.NewReplacer("HostPreflight", "HostPrefligth", "troubleshoot.sh",
				"trubleshoot.sh").Replace(hostPreflight)), "of " + within +
			` ("db"): A tcpConnect collector stands in a document of kind HostPrefligth`},
		"version and kind forgotten": {chart(good, "", headless), "of " + within + `: The apiVersion is ""`},
		"not a text": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {troubleshoot.sh/kind: " +
			"x}}\ndata:\n  preflight.yaml:\n" + indent(hostPreflight),
			`line 6, column 5: data["preflight.yaml"] is a mapping, not a text.`},
		"a list of entries": {chart(good, "", "- tcpConnect: {address: x}"),
			"of " + within + ": The document is a list, not a mapping."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if problem := firstProblem(t, test.text); !strings.Contains(problem, test.want) {
				t.Errorf("got %s\nwant %s", problem, test.want)
			}
		})
	}
}

func TestChartWithoutASpecHasNothingToJudge(t *testing.T) {
	t.Parallel()
	const nothing = `The spec has nothing to judge: no tcpConnect analyzer is left. It needs one that is not ` +
		`excluded, in ` + analyzerPlaces + `.`
	for text, want := range map[string]string{
		chart("troubleshoot.sh/kind: host-preflight", "", "a: b"): nothing +
			` These parts are skipped: documents[0].kind ServiceAccount (this provider does not run documents of ` +
			`that kind), ` +
			`documents[1].kind Secret (it has no label "troubleshoot.sh/kind"), documents[2].kind ConfigMap (it has ` +
			`no label "troubleshoot.sh/kind"), ` +
			`documents[3].kind Deployment (this provider does not run documents of that kind), ` +
			`documents[4].stringData["README.md"] (it is not a spec), documents[4].stringData["preflight.yaml"] (it ` +
			`is not a spec).`,
		ours("HostPreflight", "{}"): nothing,
	} {
		if problem := firstProblem(t, text); problem != want {
			t.Errorf("got %s\nwant %s", problem, want)
		}
	}
}

func TestUnlabelledObjectsMayHoldAnything(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not base64": "apiVersion: v1\nkind: Secret\ndata: {a: '%%', b: dHJvdWJsZXNob290}\n",
		"no data":    "apiVersion: v1\nkind: Secret\n",
		"null data":  "apiVersion: v1\nkind: ConfigMap\ndata: null\n",
		"an object": "apiVersion: v1\nkind: ConfigMap\ndata: {a: '{apiVersion: v1, kind: Secret, stringData: " +
			"{b: c}}'}\n",
		"a null":       "apiVersion: v1\nkind: ConfigMap\ndata: {a: null}\n",
		"other fields": "apiVersion: v1\nkind: ConfigMap\nbinaryData: {a: AA==}\nx: y\n",
	} {
		spec := mustDecode(t, hostPreflight+"---\n"+text)
		if len(spec.Unsupported) != 1 || !strings.HasPrefix(spec.Unsupported[0].Path, "documents[1].kind ") ||
			len(spec.Collectors) != 1 {
			t.Errorf("%s: %+v", name, spec)
		}
	}
}

func TestObjectsOfOtherGroupsAreNotOpened(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Secret", "ConfigMap", "List"} {
		spec := mustDecode(t, hostPreflight+"---\napiVersion: example.com/v1\nkind: "+kind+
			"\nmetadata: {labels: {troubleshoot.sh/kind: x}}\n")
		want := []Part{{"documents[1].kind " + kind, "this provider does not run documents of that kind"}}
		if !slices.Equal(spec.Unsupported, want) {
			t.Errorf("got %+v, want %+v", spec.Unsupported, want)
		}
	}
}

func TestPositionsAfterATextThatWasOpened(t *testing.T) {
	t.Parallel()
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\ndata: {a: " +
		encode(hostPreflight) + ", b: '%%'}\n"
	if problem := firstProblem(t, secret); !strings.Contains(problem,
		`: data["b"] of the Secret at line 1 is not valid base64.`) || strings.Contains(problem, `data["a"]`) {
		t.Error(problem)
	}
	secret = strings.Replace(secret, "'%%'", encode("# \x00\n"+hostPreflight), 1)
	if problem := firstProblem(t, secret); !strings.HasPrefix(problem,
		`the text of data["b"] of the Secret at line 1: This is not valid YAML`) {
		t.Error(problem)
	}
}

func TestListOfObjects(t *testing.T) {
	t.Parallel()
	secret := "{apiVersion: v1, kind: Secret, metadata: {labels: {troubleshoot.sh/kind: x}}, stringData: {spec: " +
		strconv.Quote(hostPreflight) + "}}"
	spec := mustDecode(t, "apiVersion: v1\nkind: List\nmetadata: {}\nitems: [{apiVersion: v1, kind: Pod}, "+secret+
		"]\n")
	if len(spec.Collectors) != 1 || !slices.Equal(spec.UnsupportedPaths(), []string{"items[0].kind Pod"}) {
		t.Errorf("%+v", spec)
	}
	if spec := mustDecode(t, hostPreflight+"---\napiVersion: v1\nkind: List\n"+
		"items: [&a {apiVersion: v1, kind: Pod}, *a]\n"); len(spec.Unsupported) != 2 {
		t.Errorf("an item twice: %+v", spec)
	}
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List}]\n": "line 3, column 9: A List inside " +
			"another is not read.",
		"&a\napiVersion: v1\nkind: List\nitems: [*a]\n": "A List inside another is not read.",
		"apiVersion: v1\nkind: List\nitem: []\n":        `Did you mean "items"?`,
		"apiVersion: v1\nkind: List\nitems: {}\n":       "items is a mapping, not a list.",
		"apiVersion: v1\nkind: List\nitems: [null]\n":   "The document is null, not a mapping.",
		"apiVersion: v1\nkind: List\nitems: [x]\n":      `The document is "x", not a mapping.`,
	} {
		if problem := firstProblem(t, text); !strings.Contains(problem, want) {
			t.Errorf("%s: got %s, want %s", text, problem, want)
		}
	}
}

func TestPathsNameTheDocument(t *testing.T) {
	t.Parallel()
	inner := hostPreflight + "    - cpu: {}\n---\n" + ours("Redactor", "{}")
	text := "apiVersion: v1\nkind: Secret\nmetadata: {labels: {troubleshoot.sh/kind: x}}\nstringData:\n  spec: |\n" +
		indent(inner)
	want := []string{`stringData["spec"].documents[0].analyzers[1].cpu`,
		`stringData["spec"].documents[1].kind Redactor`}
	if spec := mustDecode(t, text); !slices.Equal(spec.UnsupportedPaths(), want) {
		t.Errorf("got %q, want %q", spec.UnsupportedPaths(), want)
	}
	want = []string{`documents[1].stringData["spec"].kind Redactor`}
	alone := strings.Replace(text, indent(inner), indent(ours("Redactor", "{}")), 1)
	if spec := mustDecode(t, hostPreflight+"---\n"+alone); !slices.Equal(spec.UnsupportedPaths(), want) {
		t.Errorf("a Redactor alone: got %q, want %q", spec.UnsupportedPaths(), want)
	}
	want = []string{`documents[1].stringData["spec"].documents[0].analyzers[1].cpu`,
		`documents[1].stringData["spec"].documents[1].kind Redactor`}
	if spec := mustDecode(t, hostPreflight+"---\n"+text); !slices.Equal(spec.UnsupportedPaths(), want) {
		t.Errorf("got %q, want %q", spec.UnsupportedPaths(), want)
	}
}
