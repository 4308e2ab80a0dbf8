// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	markdownhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// reference matches what GitHub and GitLab make a reference or a picture of.
var reference = regexp.MustCompile(`[@#!~%&$][\pL\d]|:[a-z0-9_+-]+:`)

func TestMarkdownShowsHostileTextsAsText(t *testing.T) {
	t.Parallel()
	page := rendered(t, filled(hostile))
	rows := tableOf(t, page)
	if len(rows) != 13 {
		t.Fatalf("%d rows", len(rows))
	}
	text := shown(hostile)
	for i, row := range rows[1:] {
		standing, result := strings.Fields(row[0])[1], i < 10 // the last two are skipped ones
		want := []string{row[0], text + " collector " + text + " node " + text, text, text, "", "", "", "", row[8]}
		if result {
			want[4], want[5], want[6], want[7] = text, text, shown(hostile+"reason"), "0.0 ms, 3 attempts"
		}
		if !slices.Equal(row, want) {
			t.Errorf("row %d (%s):\n%q\nwant\n%q", i, standing, row, want)
		}
		what := shown(hostile + "message")
		if result {
			what += " System: " + shown(hostile+"system")
		}
		if !strings.Contains(row[8], what) {
			t.Errorf("row %d: %q, want\n%q", i, row[8], what)
		}
	}
	allowed := []string{"html", "head", "body", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "br", "code"}
	for node := range page.Descendants() {
		switch {
		case node.Type == html.TextNode && node.Parent.Data != "code":
			if found := reference.FindString(node.Data); found != "" {
				t.Errorf("%q is a reference in %q", found, node.Data)
			}
		case node.Type == html.ElementNode && !slices.Contains(allowed, node.Data):
			t.Errorf("a %s came in: %v", node.Data, node.Attr)
		}
	}
}

func TestMarkdownIsATableThatBeginsWithTheFailures(t *testing.T) {
	t.Parallel()
	page := rendered(t, sample(20))
	rows := tableOf(t, page)
	want := [][]string{
		{"Verdict", "Check", "Group", "Address", "From", "Status", "Reason", "Time", "What to do"},
		{
			"× Fail", "Orders database collector service-1", "Endpoints", "service-1.internal.example.com:5432",
			"this machine", "connection-timeout", "no-response", "10.0 s, 4 attempts",
			"The orders database cannot be reached. Ask the network team to open port 5432. " +
				"System: dial tcp 10.20.30.40:5432: i/o timeout " + tcpconnect.ReasonNoResponse.Advice() +
				" More: https://wiki.example.com/network/firewall-requests#database",
		},
	}
	for i := range want {
		if !slices.Equal(rows[i], want[i]) {
			t.Errorf("%q, want\n%q", rows[i], want[i])
		}
	}
	if len(rows) != 21 || rows[20][0] != "– Skipped" || rows[20][8] != "Skipped: excluded not checked" {
		t.Errorf("%d rows, the last is %q", len(rows), rows[len(rows)-1])
	}
	if got := visible(elements(page, "h2")[0]); got != "Preflight: × Fail" {
		t.Errorf("%q", got)
	}
	facts := "1 of 18 judged checks failed. Fail: 1, Warn: 2, Not judged: 1, Pass: 15, Skipped: 1. " +
		"The run began at 2026-03-04 05:06:07 UTC. This report was made at 2026-03-04 05:07:39 UTC, " +
		"and covers 20 checks and analyses. Provider version: 1.4.0."
	if !strings.Contains(visible(page), facts) {
		t.Errorf("%q", visible(page))
	}
	links := elements(page, "a")
	if len(links) != 1 || attribute(links[0], "href") != "https://wiki.example.com/network/firewall-requests#database" {
		t.Errorf("%d links", len(links))
	}
}

func TestMarkdownListsAHundredPassesAndCountsTheRest(t *testing.T) {
	t.Parallel()
	page := rendered(t, sample(2000))
	count := make(map[string]int)
	for _, row := range tableOf(t, page)[1:] {
		count[row[0]]++
	}
	want := map[string]int{"× Fail": 100, "! Warn": 200, "? Not judged": 100, "✓ Pass": 100, "– Skipped": 100}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", count, want)
	}
	if text := visible(page); !strings.HasSuffix(text, "Not listed here, because there are so many: Pass: 1400.") {
		t.Errorf("the end is %q", text[len(text)-200:])
	}
}

func TestMarkdownStaysSmallerThanAJobSummaryMayBe(t *testing.T) {
	t.Parallel()
	rows := slices.Repeat([]Row{sampleRow(1)}, 10_000)
	report := Report{Groups: []Group{{"g", append(rows, sampleRow(2))}}}
	content, err := report.Render(Markdown)
	if err != nil {
		t.Fatal(err)
	}
	listed := bytes.Count(content, []byte("| × Fail |"))
	end := fmt.Sprintf("\n\nNot listed here, because there are so many: Fail: %d, Warn: 1.\n", 10_000-listed)
	if len(content) > maxMarkdown || len(content) < maxMarkdown-1000 || !bytes.HasSuffix(content, []byte(end)) {
		t.Errorf("%d bytes, %d failures listed, the end is %q", len(content), listed, content[len(content)-200:])
	}
}

func TestMarkdownKeepsAddressesAsTheyStand(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"[fd00::a:b:100:1]:443", "db_1.internal.example.com:5432", "a*b*c:1", "<b>:1", "&amp;:1", "#1", "@a", " a ",
		"a|b", "a\\|b", "`a`",
	} {
		row := sampleRow(0)
		row.Address = address
		page := rendered(t, Report{Groups: []Group{{"g", []Row{row}}}})
		if got := tableOf(t, page)[1][2]; got != strings.TrimSpace(address) {
			t.Errorf("%q became %q", address, got)
		}
		for node := range page.Descendants() {
			if node.Type == html.TextNode && node.Parent.Data != "code" && reference.MatchString(node.Data) {
				t.Errorf("%q is a reference in %q", address, node.Data)
			}
		}
	}
}

func TestMarkdownWithoutRowsHasNoTable(t *testing.T) {
	t.Parallel()
	page := rendered(t, Report{Groups: []Group{{Title: "Endpoints"}}})
	if len(elements(page, "table")) != 0 || strings.Contains(visible(page), "|") {
		t.Errorf("%q", visible(page))
	}
}

// rendered returns the page that GitHub's Markdown makes of a report: all of it passes, raw HTML too.
func rendered(t *testing.T, report Report) *html.Node {
	t.Helper()
	content, err := report.Render(Markdown)
	if err != nil {
		t.Fatal(err)
	}
	converter := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithRendererOptions(markdownhtml.WithUnsafe()),
	)
	var converted bytes.Buffer
	if err := converter.Convert(content, &converted); err != nil {
		t.Fatal(err)
	}
	page, err := html.Parse(&converted)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// tableOf returns the texts of the cells of the one table of a page.
func tableOf(t *testing.T, page *html.Node) [][]string {
	t.Helper()
	tables := elements(page, "table")
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	var rows [][]string
	for _, tr := range elements(tables[0], "tr") {
		var cells []string
		for cell := range tr.ChildNodes() {
			if cell.Type == html.ElementNode {
				cells = append(cells, strings.ReplaceAll(visible(cell), wordJoiner, ""))
			}
		}
		rows = append(rows, cells)
	}
	return rows
}
