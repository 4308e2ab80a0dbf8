// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// element is an element of an XML file.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	children []*element
}

// schema is junit-10.xsd of Jenkins' xUnit plugin, as far as reports use it: the attributes of each element (a required
// one ends in "!") and its children. What is not listed is forbidden.
var schema = map[string]struct{ attrs, children []string }{
	"testsuites": {[]string{"name", "time", "tests", "failures", "errors"}, []string{"testsuite"}},
	"testsuite": {
		[]string{"name!", "tests!", "failures!", "errors!", "time", "skipped", "timestamp"},
		[]string{"properties", "testcase"},
	},
	"properties": {nil, []string{"property"}},
	"property":   {[]string{"name!", "value!"}, nil},
	"testcase":   {[]string{"name!", "classname", "time"}, []string{"failure", "skipped", "system-out"}},
	"failure":    {[]string{"message", "type"}, nil},
	"skipped":    {[]string{"message", "type"}, nil},
	"system-out": {nil, nil},
}

var schemaTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?$`)

func (e *element) validate(t *testing.T) {
	t.Helper()
	rules, known := schema[e.name]
	if !known {
		t.Errorf("unknown element %s", e.name)
	}
	for _, attr := range rules.attrs {
		name, required := strings.CutSuffix(attr, "!")
		if _, found := e.attrs[name]; required && !found {
			t.Errorf("%s without %s", e.name, name)
		}
	}
	for name, value := range e.attrs {
		if !slices.Contains(rules.attrs, name) && !slices.Contains(rules.attrs, name+"!") {
			t.Errorf("%s has the unknown attribute %s", e.name, name)
		}
		if name == "time" && !schemaTime.MatchString(value) {
			t.Errorf("%s has the time %q", e.name, value)
		}
	}
	last := 0
	for _, child := range e.children {
		place := slices.Index(rules.children, child.name)
		if place < last {
			t.Errorf("%s has %s out of order", e.name, child.name)
		}
		last = place
		child.validate(t)
	}
	if len(rules.children) > 0 && strings.TrimSpace(e.text) != "" {
		t.Errorf("%s has the text %q", e.name, e.text)
	}
}

func (e *element) find(name string) []*element {
	var found []*element
	for _, child := range e.children {
		if child.name == name {
			found = append(found, child)
		}
		found = append(found, child.find(name)...)
	}
	return found
}

func junitOf(t *testing.T, report Report) *element {
	t.Helper()
	content, err := report.Render(JUnit)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(bytes.NewReader(content))
	root := &element{}
	open := []*element{root}
	for {
		token, err := decoder.Token()
		if token == nil {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			child := &element{name: token.Name.Local, attrs: make(map[string]string)}
			for _, attr := range token.Attr {
				child.attrs[attr.Name.Local] = attr.Value
			}
			top.children = append(top.children, child)
			open = append(open, child)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	if len(open) != 1 || len(root.children) != 1 {
		t.Fatalf("not a whole file: %s", content)
	}
	return root.children[0]
}

func TestJUnitFollowsTheSchemaOfJenkins(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]Report{
		"empty":   {},
		"sample":  sample(200),
		"hostile": filled(hostile),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := junitOf(t, report)
			root.validate(t)
			tests, failures := 0, 0
			names := make(map[string]bool)
			for _, suite := range root.children {
				cases := suite.find("testcase")
				for _, test := range cases {
					key := test.attrs["classname"] + "\x00" + test.attrs["name"]
					if names[key] || test.attrs["classname"] != suite.attrs["name"] {
						t.Errorf("a second test %q", key)
					}
					names[key] = true
				}
				for attr, want := range map[string]int{
					"tests": len(cases), "failures": len(suite.find("failure")), "skipped": len(suite.find("skipped")),
					"errors": 0,
				} {
					if suite.attrs[attr] != fmt.Sprint(want) {
						t.Errorf("%s: %s=%q, want %d", suite.attrs["name"], attr, suite.attrs[attr], want)
					}
				}
				tests += len(cases)
				failures += len(suite.find("failure"))
			}
			if root.attrs["tests"] != fmt.Sprint(tests) || root.attrs["failures"] != fmt.Sprint(failures) {
				t.Errorf("%v, want %d tests and %d failures", root.attrs, tests, failures)
			}
		})
	}
}

func TestJUnitShowsHostileTextsAsText(t *testing.T) {
	t.Parallel()
	root := junitOf(t, filled(hostile))
	text := clean(hostile)
	if suite := root.children[0]; suite.attrs["name"] != text || suite.find("property")[0].attrs["value"] != text {
		t.Errorf("%v", suite.attrs)
	}
	failure := root.find("failure")[0]
	if failure.attrs["message"] != text+"message" || failure.attrs["type"] != text+"reason" {
		t.Errorf("%q", failure.attrs)
	}
	for _, want := range []string{
		text + ": " + text + "message\nAddress: " + text + ", from " + text + "\nStatus: " + text +
			", reason: " + text + "reason",
		"\nMessage: " + text + "system\n", "\nNode: " + text,
	} {
		if !strings.Contains(failure.text, want) {
			t.Errorf("%q does not contain\n%q", failure.text, want)
		}
	}
	if strings.Contains(failure.text, "\x00") || !strings.Contains(failure.text, "]]>") {
		t.Errorf("%q", failure.text)
	}
}

func TestJUnitSaysOfEachRowWhatItIs(t *testing.T) {
	t.Parallel()
	suite := junitOf(t, Report{Began: began, Groups: []Group{{"Endpoints", []Row{
		sampleRow(0), sampleRow(1), sampleRow(2), sampleRow(7), sampleRow(11), sampleRow(13),
	}}}}).children[0]
	var got []string
	for _, test := range suite.find("testcase") {
		said := test.attrs["name"] + " " + test.attrs["time"]
		for _, child := range test.children {
			first, _, _ := strings.Cut(child.text, "\n")
			said += fmt.Sprintf("; %s %q: %s", child.name, child.attrs["message"], first)
		}
		got = append(got, said)
	}
	want := []string{
		`Service 0 0.001`,
		`Orders database 10.000; failure "The orders database cannot be reached.\n` +
			`Ask the network team to open port 5432.": Orders database: The orders database cannot be reached.`,
		`Cache 0.001; system-out "": Warning: Cache: The cache is slow to start. The service works without it.`,
		`Service 7 0.012; skipped "not judged": ; system-out "": Not judged: Service 7: error`,
		`Service 11 0.000; skipped "excluded": `,
		`.spec.collectors[3].postgresql 0.000; system-out "": Warning: .spec.collectors[3].postgresql: ` +
			`This provider does not run postgresql, so it says nothing about it.`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want\n%q", got, want)
	}
	failure := suite.find("failure")[0]
	if failure.attrs["type"] != "no-response" || failure.text != sampleRow(1).Explanation() {
		t.Errorf("%q: %q", failure.attrs["type"], failure.text)
	}
	if suite.attrs["time"] != "10.014" || suite.attrs["timestamp"] != "2026-03-04T05:06:07" {
		t.Errorf("%q", suite.attrs)
	}
}

func TestTestNamesAreUniqueAndDoNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	row := func(title, address, collector, node string) Row {
		return Row{
			Finding: tcpconnect.Finding{Title: title, Address: address, CollectorName: collector, Node: node},
		}
	}
	rows := []Row{
		row("web", "web:80", "web", ""),
		row("db", "db:1", "one", ""),
		row("db", "db:2", "two", ""),
		row("tcp", "c:1", "three", ""),
		row("tcp", "c:1", "four", ""),
		row("pod", "p:1", "five", "n1"),
		row("pod", "p:1", "five", "n2"),
	}
	want := []string{
		"web", "db (db:1)", "db (db:2)", "tcp (c:1) (three)", "tcp (c:1) (four)", "pod (p:1) (five) (n1)",
		"pod (p:1) (five) (n2)",
	}
	if got := testNames(rows); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	slices.Reverse(rows)
	slices.Reverse(want)
	if got := testNames(rows); !slices.Equal(got, want) {
		t.Errorf("reversed: %q, want %q", got, want)
	}
	same := []Row{row("a", "", "", ""), row("a", "", "", ""), row("a (2)", "", "", ""), row("a", "", "", "")}
	if got, want := testNames(same), []string{"a", "a (3)", "a (2)", "a (4)"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSuitesWithOneTitleHaveDifferentNames(t *testing.T) {
	t.Parallel()
	group := Group{"Endpoints", []Row{sampleRow(0)}}
	root := junitOf(t, Report{Groups: []Group{group, group}})
	if first, second := root.children[0].attrs["name"], root.children[1].attrs["name"]; first != "Endpoints" ||
		second != "Endpoints (2)" {
		t.Errorf("%q and %q", first, second)
	}
}

func TestTimesOfAJUnitFileAreNotNegative(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0.000", 1500 * time.Microsecond: "0.002", 2 * time.Hour: "7200.000",
	} {
		if got := seconds(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
