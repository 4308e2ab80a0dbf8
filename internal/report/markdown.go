// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// mostPassed is how many passed and skipped checks the Markdown report lists: a job summary of GitHub has at most 1 MiB.
const mostPassed = 500

// markdown returns the report in GitHub Flavored Markdown.
func (r Report) markdown() []byte {
	var b strings.Builder
	s := r.summary()
	fmt.Fprintf(&b, "<!-- %s -->\n\n## Preflight: %s %s\n\n", r.Mark, s.verdict().sign(), s.headline())
	fmt.Fprintf(&b, "%s Provider version %s.\n", r.covers(s.rows), escapeMarkdown(r.Version))
	quiet := 0
	for _, group := range r.Groups {
		if len(group.Rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", escapeMarkdown(group.Title))
		header, rule := "| | Check | Address |", "| --- | --- | --- |"
		if s.isFar {
			header, rule = header+" From |", rule+" --- |"
		}
		fmt.Fprintf(&b, "%s Status | Reason | Time | What to know |\n%s --- | --- | ---: | --- |\n", header, rule)
		left := 0
		for _, row := range group.sorted() {
			if state := row.state(); state == passed || state == skipped {
				if quiet++; quiet > mostPassed {
					left++
					continue
				}
			}
			writeMarkdownRow(&b, row, s.isFar)
		}
		if left > 0 {
			fmt.Fprintf(&b, "\n%d more passed or were skipped.\n", left)
		}
	}
	return []byte(b.String())
}

func writeMarkdownRow(b *strings.Builder, row Row, isFar bool) {
	status, reason := row.status()
	state := row.state()
	cells := []string{state.sign() + " " + string(state), escapeMarkdown(row.name()), escapeMarkdown(row.Address)}
	if isFar {
		cells = append(cells, escapeMarkdown(row.from()))
	}
	cells = append(cells, escapeMarkdown(status), escapeMarkdown(reason), milliseconds(row.duration()),
		markdownRemarks(row))
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}

func markdownRemarks(row Row) string {
	var remarks []string
	for _, remark := range row.remarks() {
		remarks = append(remarks, escapeMarkdown(remark))
	}
	if row.URI != "" {
		remarks = append(remarks, escapeMarkdown(row.URI))
	}
	return strings.Join(remarks, "<br>")
}

// unlinked keeps GitHub from making links of texts (GFM, section 6.9).
var unlinked = strings.NewReplacer("://", "&#58;//", "www.", "www&#46;")

// escapeMarkdown returns a text that reads as it is in a cell of a table: every ASCII punctuation character is escaped
// (CommonMark, section 2.4), those that begin HTML, an entity, a mention or an issue as numeric references.
func escapeMarkdown(text string) string {
	var b strings.Builder
	for _, r := range strings.TrimSpace(tcpconnect.Printable(text)) {
		switch {
		case r == '\n':
			b.WriteString("<br>")
		case r == '\t':
			b.WriteByte(' ')
		case strings.ContainsRune("<>&|`@#\\", r):
			fmt.Fprintf(&b, "&#%d;", r)
		case r < unicode.MaxASCII && strings.ContainsRune("*_[]~!$^(){}\"'", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return unlinked.Replace(b.String())
}
