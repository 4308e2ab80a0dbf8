// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	_ "embed" // the template
	"html/template"
	"net/url"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

//go:embed report.html.tmpl
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"printable": func(text string) string { return strings.TrimSpace(tcpconnect.Printable(text)) },
}).Parse(page))

// mostOpen is how many quiet rows (passed or skipped) a group shows at once. More are behind a line to be opened.
const mostOpen = 100

// What the template shows.
type (
	pageData struct {
		Mark, Version, Headline, Covers string
		Verdict                         pageState
		Counts                          []pageCount
		Groups                          []pageGroup
	}
	pageState struct{ Name, Sign, Class string }
	pageCount struct {
		State pageState
		Count int
	}
	pageGroup struct {
		Title  string
		Shown  []pageRow
		Hidden []pageRow // to be opened
	}
	pageRow struct {
		State                               pageState
		Name, Address, From, Status, Reason string
		Duration                            string
		Percent                             float64 // of the longest duration
		Attempts                            int64   // if there were several
		Remarks                             []string
		URI                                 string
		IsLink                              bool
	}
)

func (s state) shown() pageState {
	return pageState{Name: string(s), Sign: s.sign(), Class: strings.ReplaceAll(string(s), " ", "-")}
}

// html returns the report as a page that needs nothing from elsewhere.
func (r Report) html() ([]byte, error) {
	s := r.summary()
	data := pageData{
		Mark: r.Mark, Version: r.Version, Headline: s.headline(), Covers: r.covers(s.rows), Verdict: s.verdict().shown(),
	}
	for _, state := range states() {
		if s.counts[state] > 0 {
			data.Counts = append(data.Counts, pageCount{state.shown(), s.counts[state]})
		}
	}
	for _, group := range r.Groups {
		if len(group.Rows) > 0 {
			data.Groups = append(data.Groups, s.pageGroup(group))
		}
	}
	var content bytes.Buffer
	err := pageTemplate.Execute(&content, data)
	return content.Bytes(), err
}

func (s summary) pageGroup(group Group) pageGroup {
	var loud, quiet []pageRow
	for _, row := range group.sorted() {
		if state := row.state(); state == passed || state == skipped {
			quiet = append(quiet, s.pageRow(row))
		} else {
			loud = append(loud, s.pageRow(row))
		}
	}
	if len(quiet) > mostOpen {
		return pageGroup{group.Title, loud, quiet}
	}
	return pageGroup{Title: group.Title, Shown: append(loud, quiet...)}
}

func (s summary) pageRow(row Row) pageRow {
	shown := pageRow{
		State: row.state().shown(), Name: row.name(), Address: row.Address, Remarks: row.remarks(),
		URI: row.URI, IsLink: isWebAddress(row.URI), Duration: milliseconds(row.duration()),
	}
	if s.isFar && row.Skipped == "" {
		shown.From = row.from()
	}
	shown.Status, shown.Reason = row.status()
	if shown.Reason == shown.Status {
		shown.Reason = ""
	}
	if row.Result != nil && row.Result.Attempts > 1 {
		shown.Attempts = row.Result.Attempts
	}
	if s.longest > 0 {
		shown.Percent = 100 * float64(row.duration()) / float64(s.longest)
	}
	return shown
}

// isWebAddress reports whether a text is an address of the web, and not, for example, javascript.
func isWebAddress(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != ""
}
