// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"time"
)

// The elements of a JUnit file, as junit-10.xsd of Jenkins' xUnit plugin describes them.
type (
	testSuites struct {
		XMLName  xml.Name    `xml:"testsuites"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Suites   []testSuite `xml:"testsuite"`
	}
	testSuite struct {
		Name       string     `xml:"name,attr"`
		Tests      int        `xml:"tests,attr"`
		Failures   int        `xml:"failures,attr"`
		Skipped    int        `xml:"skipped,attr"`
		Errors     int        `xml:"errors,attr"`
		Time       string     `xml:"time,attr"`
		Timestamp  string     `xml:"timestamp,attr,omitempty"`
		Properties []property `xml:"properties>property"`
		Cases      []testCase `xml:"testcase"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testCase struct {
		Name      string       `xml:"name,attr"`
		ClassName string       `xml:"classname,attr"`
		Time      string       `xml:"time,attr"`
		Failure   *testFailure `xml:"failure"`
		Skipped   *testSkipped `xml:"skipped"`
		SystemOut *testOutput  `xml:"system-out"`
	}
	testFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
	testSkipped struct {
		Message string `xml:"message,attr"`
	}
	testOutput struct {
		Text string `xml:",cdata"`
	}
)

func (v *view) junit() ([]byte, error) {
	titles := make([]string, len(v.Groups))
	for i, group := range v.Groups {
		titles[i] = group.Title
	}
	number(titles)
	var total time.Duration
	root := testSuites{Name: "preflight", Suites: make([]testSuite, len(v.Groups))}
	for i, group := range v.Groups {
		suite, duration := newTestSuite(titles[i], group.Rows)
		suite.Properties = []property{{"provider_version", cmp.Or(v.Version, "unknown")}}
		if !v.Began.IsZero() {
			suite.Timestamp = v.Began.UTC().Format("2006-01-02T15:04:05") // no time zone: other schemas allow none
		}
		root.Suites[i] = suite
		root.Tests += suite.Tests
		root.Failures += suite.Failures
		total += duration
	}
	root.Time = seconds(total)
	content, err := xml.MarshalIndent(root, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("write the JUnit report: %w", err)
	}
	return append([]byte(xml.Header+"<!-- "+v.Mark+" -->\n"), append(content, '\n')...), nil
}

func newTestSuite(title string, rows []Row) (testSuite, time.Duration) {
	var total time.Duration
	names := testNames(rows)
	suite := testSuite{Name: title, Tests: len(rows), Cases: make([]testCase, len(rows))}
	for i, row := range rows {
		test := testCase{Name: names[i], ClassName: title, Time: seconds(0)}
		if row.Result != nil {
			test.Time = seconds(row.Result.Duration)
			total += row.Result.Duration
		}
		switch row.standing() {
		case failed:
			test.Failure = &testFailure{row.Text(), cmp.Or(row.Reason(), "fail"), testText(row)}
			suite.Failures++
		case warned:
			test.SystemOut = &testOutput{"Warning: " + testText(row)}
		case notJudged:
			test.Skipped = &testSkipped{"not judged"} // a test that is not skipped and does not fail passes
			test.SystemOut = &testOutput{"Not judged: " + testText(row)}
			suite.Skipped++
		case skipped:
			test.Skipped = &testSkipped{row.Skipped}
			suite.Skipped++
		case passed:
		}
		suite.Cases[i] = test
	}
	suite.Time = seconds(total)
	return suite, total
}

// testText returns the explanation of a row, and the node that it is about.
func testText(row Row) string {
	text := row.Explanation()
	if row.Node != "" {
		text += "\nNode: " + row.Node
	}
	return text
}

// testNames returns a different name for each row: its title, and what tells it from others with that title. CI follows
// a test by its name from run to run, so a name depends on the place of the row only if nothing else differs.
func testNames(rows []Row) []string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Title
	}
	for _, qualifier := range []func(Row) string{
		func(row Row) string { return row.Address },
		func(row Row) string { return row.CollectorName },
		func(row Row) string { return row.Node },
		Row.Vantage,
	} {
		count := make(map[string]int, len(names))
		for _, name := range names {
			count[name]++
		}
		if len(count) == len(names) {
			return names
		}
		for i, row := range rows {
			if text := qualifier(row); text != "" && count[names[i]] > 1 {
				names[i] += " (" + text + ")"
			}
		}
	}
	number(names)
	return names
}

// number makes names different: it adds a number to each name that occurs earlier in the list.
func number(names []string) {
	taken := make(map[string]bool, len(names))
	for _, name := range names {
		taken[name] = true
	}
	last := make(map[string]int)
	for i, name := range names {
		last[name]++
		if last[name] == 1 {
			continue
		}
		for taken[names[i]] {
			names[i] = fmt.Sprintf("%s (%d)", name, last[name])
			last[name]++
		}
		last[name]--
		taken[names[i]] = true
	}
}

// seconds formats a duration as an attribute: the schema allows three digits after the point.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%.3f", max(0, d).Seconds())
}
