// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import "fmt"

// Mark stands near the beginning of each report, so that a report is told from the files of others.
const Mark = "terraform-provider-preflight report"

// Kind is a form of a report, in the words of the provider's argument reports.
type Kind string

// The kinds.
const (
	HTML     Kind = "html"
	JUnit    Kind = "junit"
	Markdown Kind = "markdown"
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{HTML, JUnit, Markdown}
}

// FileName returns the name of the file of a kind.
func (k Kind) FileName() string {
	switch k {
	case HTML:
		return "report.html"
	case JUnit:
		return "junit.xml"
	default:
		return "report.md"
	}
}

// Render returns the report in a form.
func (r Report) Render(kind Kind) ([]byte, error) {
	var content []byte
	var err error
	switch kind {
	case HTML:
		content, err = r.html()
	case JUnit:
		content, err = r.junit()
	default:
		content = r.markdown()
	}
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", kind.FileName(), err)
	}
	return content, nil
}
