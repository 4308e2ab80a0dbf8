// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The elements of a JUnit report, as Jenkins, GitLab and GitHub actions read it
// (https://github.com/jenkinsci/xunit-plugin, junit-10.xsd).
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Skipped   *junitMessage `xml:"skipped"`
		Failure   *junitMessage `xml:"failure"`
		SystemOut string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// junit returns the report as JUnit XML: a suite for each group, and a case for each row.
func (r Report) junit() ([]byte, error) {
	all := junitSuites{Name: "preflight"}
	var total time.Duration
	for _, group := range r.Groups {
		suite, took := r.suite(group)
		all.Suites = append(all.Suites, suite)
		all.Tests, all.Failures, total = all.Tests+suite.Tests, all.Failures+suite.Failures, total+took
	}
	all.Time = seconds(total)
	var content bytes.Buffer
	content.WriteString(xml.Header + "<!-- " + r.Mark + " -->\n")
	encoder := xml.NewEncoder(&content)
	encoder.Indent("", "  ")
	err := encoder.Encode(all)
	content.WriteByte('\n')
	return content.Bytes(), err
}

func (r Report) suite(group Group) (junitSuite, time.Duration) {
	suite := junitSuite{Name: validXML(group.Title), Timestamp: r.Began.UTC().Format("2006-01-02T15:04:05")}
	var total time.Duration
	names := make(map[string]int, len(group.Rows)) // readers keep one case of a name
	for _, row := range group.sorted() {
		name := row.name()
		if row.Address != "" {
			name += " at " + row.Address
		}
		if names[name]++; names[name] > 1 {
			name += fmt.Sprintf(" #%d", names[name])
		}
		test := junitCase{
			Name: validXML(name), Classname: validXML("preflight." + group.Title), Time: seconds(row.duration()),
		}
		suite.Tests++
		total += row.duration()
		_, reason := row.status()
		switch row.state() {
		case failed:
			suite.Failures++
			test.Failure = &junitMessage{
				Message: validXML(row.Line()), Type: validXML(reason), Text: validXML(row.Explanation()),
			}
		case skipped:
			suite.Skipped++
			test.Skipped = &junitMessage{Message: validXML(row.Skipped)}
		case warned:
			test.SystemOut = validXML("Warning: " + row.Explanation())
		case unjudged:
			test.SystemOut = validXML("Not judged: " + row.Explanation())
		}
		suite.Cases = append(suite.Cases, test)
	}
	suite.Time = seconds(total)
	return suite, total
}

func seconds(duration time.Duration) string {
	return strconv.FormatFloat(duration.Seconds(), 'f', 6, 64)
}

// validXML shows characters that no XML file can hold (XML 1.0, section 2.2) as U+FFFD. encoding/xml escapes the rest.
func validXML(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF {
			return 0xFFFD
		}
		return r
	}, strings.ToValidUTF8(tcpconnect.Printable(text), "\uFFFD"))
}
