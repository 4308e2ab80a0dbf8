// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxPasses is how many passes a Markdown report lists.
	maxPasses = 100

	// maxMarkdown is how long a Markdown report may be, in bytes. GitHub shows no job summary of more than 1 MiB, and
	// GitLab no description of more than a million characters.
	maxMarkdown = 1_000_000
)

func (v *view) markdown() []byte {
	var text strings.Builder
	fmt.Fprintf(&text, "<!-- %s -->\n\n", v.Mark)
	fmt.Fprintf(&text, "## Preflight: %s %s\n\n", v.Verdict().Sign(), v.Headline())
	counts := make([]string, len(v.Sections))
	for i, section := range v.Sections {
		counts[i] = fmt.Sprintf("%s: %d", section.Standing.Word(), len(section.Lines))
	}
	fmt.Fprintf(&text, "%s %s.\n\n", v.Summary(), strings.Join(counts, ", "))
	fmt.Fprintf(&text, "The run began at %s. This report was made at %s, "+
		"and covers %s. Provider version: %s.\n\n",
		clock(v.Began), clock(v.MadeAt), v.Covers(), cell(cmp.Or(v.Version, "unknown")))

	columns := v.columns()
	if v.covered() > 0 {
		for _, column := range columns {
			text.WriteString("| " + column.heading + " ")
		}
		text.WriteString("|\n" + strings.Repeat("| --- ", len(columns)) + "|\n")
	}
	text.WriteString(v.rows(columns, maxMarkdown-text.Len()))
	return []byte(text.String())
}

// column is a column of the table in a Markdown report.
type column struct {
	heading string
	cell    func(line) string
}

func (v *view) columns() []column {
	columns := []column{
		{"Verdict", func(l line) string { return l.standing().Sign() + " " + l.standing().Word() }},
		{"Check", checkCell},
	}
	if len(v.Groups) > 1 {
		columns = append(columns, column{"Group", func(l line) string { return cell(l.Group) }})
	}
	columns = append(columns, column{"Address", func(l line) string { return code(l.Address) }})
	if v.Elsewhere {
		columns = append(columns, column{"From", func(l line) string { return cell(l.Vantage()) }})
	}
	return append(columns,
		column{"Status", func(l line) string { return cell(l.Status()) }},
		column{"Reason", func(l line) string { return cell(l.Reason()) }},
		column{"Time", timeCell},
		column{"What to do", whatCell},
	)
}

// rows returns the rows of the table, and a sentence about those that are left out.
func (v *view) rows(columns []column, room int) string {
	var text strings.Builder
	var left []string
	const sentence = 200 // bytes, for those that are left out
	full := false
	for _, section := range v.Sections {
		listed := 0
		for _, line := range section.Lines {
			if full || section.Standing == passed && listed == maxPasses {
				break
			}
			var row strings.Builder
			for _, column := range columns {
				row.WriteString("| " + column.cell(line) + " ")
			}
			row.WriteString("|\n")
			if full = text.Len()+row.Len() > room-sentence; !full {
				text.WriteString(row.String())
				listed++
			}
		}
		if more := len(section.Lines) - listed; more > 0 {
			left = append(left, fmt.Sprintf("%s: %d", section.Standing.Word(), more))
		}
	}
	if len(left) > 0 {
		fmt.Fprintf(&text, "\nNot listed here, because there are so many: %s.\n", strings.Join(left, ", "))
	}
	return text.String()
}

func checkCell(l line) string {
	text := cell(l.Title)
	if l.CollectorName != "" {
		text += "<br>collector " + code(l.CollectorName)
	}
	if l.Node != "" {
		text += "<br>node " + cell(l.Node)
	}
	return text
}

func timeCell(l line) string {
	if l.Attempts() == "" {
		return l.Took()
	}
	return l.Took() + ", " + l.Attempts()
}

func whatCell(l line) string {
	var parts []string
	add := func(label, text string) {
		if text != "" {
			parts = append(parts, label+text)
		}
	}
	add("Skipped: ", cell(l.Skipped))
	add("", cell(l.Says()))
	add("System: ", code(l.System()))
	add("", cell(l.Advice()))
	add("More: ", link(l.URI))
	return strings.Join(parts, "<br>")
}

// cell returns a text for a cell of a table, with all its lines.
func cell(text string) string {
	return strings.ReplaceAll(escape(strings.TrimSpace(text)), "\n", "<br>")
}

// notCode matches a text that a code span in a table would not show as it stands.
var notCode = regexp.MustCompile("[`|\\\\\n\t]|^ | $")

// code returns a text as a code span, which Markdown does not look into: an IPv6 address may look like an emoji.
func code(text string) string {
	if text == "" || notCode.MatchString(text) {
		return cell(text)
	}
	return "`" + text + "`"
}

// plainURI matches what Markdown takes as it stands between angle brackets.
var plainURI = regexp.MustCompile(`^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+$`)

func link(uri string) string {
	if isLink(uri) && plainURI.MatchString(uri) {
		return "<" + uri + ">"
	}
	return cell(uri)
}

// Sites look for references (@name, #1, !1, ~label, :emoji:) after Markdown has removed the backslashes. Only a
// character inside the reference stops them. This one has no width.
const wordJoiner = "\u2060"

var (
	emoji     = regexp.MustCompile(`^:[A-Za-z0-9_+-]+:`)
	linkBegun = regexp.MustCompile(`(?i)(:|www)$`)
)

// escape returns a text as Markdown shows it: nothing in it is markup, a link or a reference.
func escape(text string) string {
	var escaped strings.Builder
	for i, r := range text {
		switch r {
		case '|', '\\', '<', '>', '&', '$':
			fmt.Fprintf(&escaped, "&#%d;", r) // a backslash would depend on what is around it, in a table
		case '`', '*', '_', '[', ']', '~', '#', '@', '!':
			escaped.WriteByte('\\')
			escaped.WriteRune(r)
		case '/', '.':
			if linkBegun.MatchString(text[max(0, i-3):i]) {
				escaped.WriteByte('\\')
			}
			escaped.WriteRune(r)
		default:
			escaped.WriteRune(r)
		}
		switch next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):]); r {
		case '@', '#', '!', '~', '%', '$', '&', '^':
			if unicode.IsLetter(next) || unicode.IsDigit(next) || next == '"' || next == '_' {
				escaped.WriteString(wordJoiner)
			}
		case ':':
			if emoji.MatchString(text[i:]) {
				escaped.WriteString(wordJoiner)
			}
		}
	}
	return escaped.String()
}
