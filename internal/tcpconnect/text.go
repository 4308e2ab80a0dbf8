// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
	"unicode"
)

// ValidateText returns an error if a text that people see contains a control character other than a newline or a tab,
// or a bidirectional one. Terminals obey such characters, and some hide what follows. A carriage return is allowed as
// part of a Windows line ending. The error says what to do.
func ValidateText(text string) error {
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		switch {
		case isControl(r):
			return fmt.Errorf("The text contains the control character %U, "+
				"which terminals obey instead of showing it. "+
				"Remove it: newlines and tabs are the only control characters allowed.", r)
		case isBidiControl(r):
			return fmt.Errorf("The text contains the control character %U, "+
				"which changes the order in which text is shown. Remove it.", r)
		}
	}
	return nil
}

// Printable returns the text with U+FFFD in place of each character that ValidateText forbids. It is for texts from
// elsewhere: resolvers, peers and bundles.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if isControl(r) || isBidiControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

func isControl(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t'
}

// isBidiControl reports whether a character is an embedding, an override or an isolate (UAX #9, section 2), which can
// make a text look like another one (CVE-2021-42574). Marks, such as U+200F, are allowed: right-to-left text needs
// them.
func isBidiControl(r rune) bool {
	return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}
