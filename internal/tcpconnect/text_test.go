// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"strings"
	"testing"
)

func TestTextsHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	for text, character := range map[string]string{
		"\x1b[8mhidden":     "U+001B",
		"bell\a":            "U+0007",
		"nul\x00":           "U+0000",
		"overwritten\rtext": "U+000D",
		"twice\r\r\n":       "U+000D",
		"delete\x7f":        "U+007F",
		"\u009b8m":          "U+009B", // the same as ESC [ in one character
		"\u202aembedded":    "U+202A",
		"\u202egnp.exe":     "U+202E",
		"\u2066isolated":    "U+2066",
		"end\u2069":         "U+2069",
	} {
		if err := ValidateText(text); err == nil || !strings.Contains(err.Error(), character) {
			t.Errorf("%q: %v, want an error that names %s", text, err, character)
		}
	}
	for _, text := range []string{
		"", "plain", "two\nlines", "Windows\r\nlines\r\n", "a\ttab", "Füße 😀",
		"\u05d0\u200f!", "\u200ea\u061c", // marks of direction
		"\u2029\u202f\u2065\u206a",
	} {
		if err := ValidateText(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPrintableShowsWhatTerminalsWouldObey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\x1b[8mhidden\x00":          "\ufffd[8mhidden\ufffd",
		"\u009b8m\rx":                "\ufffd8m\ufffdx",
		"two\r\nlines\t\n":           "two\nlines\t\n",
		"Füße 😀":                     "Füße 😀",
		"broken\xff":                 "broken\ufffd",
		"\u202da\u202c\u2067b\u2069": "\ufffda\ufffd\ufffdb\ufffd",
		"\u05d0\u200f!":              "\u05d0\u200f!",
	} {
		if got := Printable(text); got != want || ValidateText(got) != nil {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
}
