// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import "fmt"

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
		return nil, fmt.Errorf("make the report in %s: %w", kind, err)
	}
	return content, nil
}
