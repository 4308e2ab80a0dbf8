// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// clean returns the text with U+FFFD in place of each character that XML 1.0 forbids or a terminal obeys.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF {
			return unicode.ReplacementChar
		}
		return r
	}, tcpconnect.Printable(text))
}

// cleaned returns the row with all its texts clean.
func cleaned(row Row) Row {
	texts := []*string{
		&row.Title, &row.Message, &row.URI, &row.CollectorName, &row.Address, &row.Node, &row.Skipped,
	}
	for _, text := range texts {
		*text = clean(*text)
	}
	if row.Result != nil {
		result := *row.Result
		result.Status = tcpconnect.Status(clean(string(result.Status)))
		result.Reason = tcpconnect.Reason(clean(string(result.Reason)))
		result.Message = clean(result.Message)
		result.Via = clean(result.Via)
		row.Result = &result
	}
	return row
}

// isLink reports whether a page may link to the URI.
func isLink(uri string) bool {
	parsed, err := url.Parse(uri)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != ""
}

// took formats a duration for people.
func took(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return d.Round(time.Second).String()
	}
}

// clock formats a time for people.
func clock(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
