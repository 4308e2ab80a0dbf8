// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// dump returns a tree as a text, one line for each node.
func dump(t *testing.T, node *yaml.Node) string {
	t.Helper()
	text, err := json.MarshalIndent(node, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJSONIsReadAsTheYAMLLoaderReadsIt(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty object": `{}`,
		"empty array":  `[]`,
		"scalars": `[null, true, false, "", "null", "true", "1", 0, 1, -1, 1.5, -1.5e+3, 1E-2, 1e3, ` +
			`18446744073709551615]`,
		"a key like a merge":   `{"<<": {"a": 1}, "a": 2}`,
		"a key twice":          `{"a": 1, "a": 2}`,
		"keys like values":     `{"null": 1, "true": 2, "1": 3, "": 4, "~": 5}`,
		"nested":               `{"a": [{"b": [[], {}, [1]]}, {"c": {"d": "e"}}], "f": 1}`,
		"no spaces":            `{"a":[1,2,{"b":null}],"c":{"d":true}}`,
		"lines":                "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": 3\n}\n",
		"commas on new lines":  "{\"a\":\n1\n,\n\"b\":\n[\n1\n,2\n]\n}\n",
		"CRLF":                 "{\r\n  \"a\": [\r\n 1, 2],\r\n\r\n \"b\": 3\r\n}\r\n",
		"CR":                   "{\r  \"a\": [\r\r 1],\r \"b\": 3}\r",
		"tabs":                 "{\n\t\"a\":\t1,\n\t\t\"b\":\t[\t2\t]\t}\t",
		"space around":         " \n\n  {\"a\": 1}\n \n",
		"escapes":              `{"\"\\\/\b\f\n\r\t": "\u00e9\u0000\u2028", "b": 1}`,
		"wide characters":      `{"ключ": "значение", "😀": "é", "e\u0301": ["日本", 1], "b": 2}`,
		"looks like YAML":      `{"a": "# no comment", "- b": "*x", "c": "&y !!str", "d": "--- ", "e": "a: b"}`,
		"looks like templates": `{"a": "{{ .Values.a }}", "{{ b }}": 1}`,
		"a deep one":           strings.Repeat(`{"a":[`, 4000) + strings.Repeat("]}", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roots, problem := parseYAML(text)
			if problem != nil || len(roots) != 1 {
				t.Fatalf("%d documents, %v", len(roots), problem)
			}
			if got := parseJSON(text); !reflect.DeepEqual(got, roots[0]) {
				t.Errorf("got\n%s\nwant\n%s", dump(t, got), dump(t, roots[0]))
			}
		})
	}
}

func TestJSONMayHaveWhatYAMLRejects(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]yaml.Node{
		`["\ud83d\ude00", 1]`:            {Value: "😀", Line: 1, Column: 18},
		`["\uD83D", 1]`:                  {Value: "\ufffd", Line: 1, Column: 12},
		"[\"a\ufffe\uffff\", 1]":         {Value: "a\ufffe\uffff", Line: 1, Column: 9},
		"[\"a\u0085 \u2028 \u2029\", 1]": {Value: "a\u0085 \u2028 \u2029", Line: 1, Column: 12},
	} {
		root := parseJSON(text)
		if root == nil || len(root.Content) != 2 {
			t.Fatalf("%s is not read as two values", text)
		}
		got := yaml.Node{Value: root.Content[0].Value, Line: root.Content[1].Line, Column: root.Content[1].Column}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s\nwant %s", text, dump(t, &got), dump(t, &want))
		}
	}
}

func TestWhatIsNotJSONIsLeftToTheYAMLLoader(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "a: b", "null", "1", `"a"`, "{", "[", "{a: b}", `{"a": 1,}`, "[1, 2,]", "[01]", "[0x10]", "[,1]",
		`{"a" 1}`, `{1: 2}`, "[1] # one",
		"{}\n---\n{}", "{} {}", "{} ]", "\ufeff{}", "[\"\xff\"]", "[NaN]", "['a']", "[\"a\nb\"]", "{{ x }}",
		strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	} {
		if root := parseJSON(text); root != nil {
			t.Errorf("%.20q is read as JSON: %.200s", text, dump(t, root))
		}
	}
}

// FuzzJSON fails if the YAML loader and parseJSON read a JSON text differently, except for the known differences.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a": [1, -2.5e3, true, null, "x\u00e9"], "b": {"c": {}}}`)
	f.Add("{\r\n\t\"a\":\r[\n\"é\", 1\t]\n}\n")
	f.Add(`[[[{"<<": {"a": 0}}]], 1E999, -0, 123456789012345678901234567890]`)
	f.Fuzz(func(t *testing.T, text string) {
		root := parseJSON(text)
		if root == nil || strings.ContainsAny(text, "\u0085\u2028\u2029") {
			return
		}
		roots, problem := parseYAML(text)
		switch {
		case problem != nil && yamlRejects(text):
			return
		case problem != nil:
			t.Fatalf("%q: %v", text, problem)
		case len(roots) != 1:
			t.Fatalf("%q: %d documents", text, len(roots))
		}
		sameNumbers(root)
		sameNumbers(roots[0])
		if !reflect.DeepEqual(root, roots[0]) {
			t.Errorf("%q\ngot\n%s\nwant\n%s", text, dump(t, root), dump(t, roots[0]))
		}
	})
}

// yamlRejects reports whether a JSON text contains something that YAML does not allow.
func yamlRejects(text string) bool {
	return strings.Contains(strings.ToLower(text), `\ud`) || strings.ContainsAny(text, "\ufffe\uffff")
}

// sameNumbers gives all numbers of a tree one tag. To YAML 1e999 is a text and -0 is a float; nothing depends on it.
func sameNumbers(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Style == 0 && node.Tag != "!!bool" && node.Tag != "!!null" {
		node.Tag = "!!float"
	}
	for _, below := range node.Content {
		sameNumbers(below)
	}
}
