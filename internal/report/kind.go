// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Kind is a kind of report, in the words of the provider's argument "reports".
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

// Render returns the content of the file that holds the report.
func (r Report) Render(kind Kind) ([]byte, error) {
	switch kind {
	case HTML:
		return newView(r).html()
	case JUnit:
		return newView(r).junit()
	case Markdown:
		return newView(r).markdown(), nil
	default:
		return nil, suggest.NotOneOf(string(kind), "is not a kind of report", Kinds())
	}
}
