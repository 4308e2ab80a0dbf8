// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"
)

// maxOpen is how many rows a section that needs no attention shows before a click.
const maxOpen = 100

//go:embed report.html.tmpl
var pageText string

var page = sync.OnceValues(func() (*template.Template, error) {
	functions := template.FuncMap{"breakable": breakable, "clock": clock, "isLink": isLink}
	return template.New("report.html").Funcs(functions).Parse(pageText)
})

func (v *view) html() ([]byte, error) {
	parsed, err := page()
	if err != nil {
		return nil, fmt.Errorf("parse the page of the report: %w", err)
	}
	var content bytes.Buffer
	content.Grow(8<<10 + v.covered()<<10)
	if err := parsed.Execute(&content, v); err != nil {
		return nil, fmt.Errorf("write the page of the report: %w", err)
	}
	return content.Bytes(), nil
}

// breakable returns the parts of an address between which a line may end.
func breakable(address string) []string {
	return strings.SplitAfter(address, ".")
}

// Bar returns the width of the bar of a line's time, in percent of the longest time.
func (v *view) Bar(l line) int64 {
	if l.Result == nil || v.longest <= 0 || l.Result.Duration <= 0 {
		return 0
	}
	return max(1, 100*int64(l.Result.Duration/time.Microsecond)/max(1, int64(v.longest/time.Microsecond)))
}

// Foldable reports whether a reader may skip the section.
func (s section) Foldable() bool {
	return s.Standing == passed || s.Standing == skipped
}

// Open reports whether a foldable section is shown without a click.
func (s section) Open() bool {
	return len(s.Lines) <= maxOpen
}
