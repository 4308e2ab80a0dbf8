// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
	"unicode"
)

// ValidateText returns an error if a text that people see holds a control character other than a newline or a tab. Terminals obey such
// characters, and some hide what follows. A carriage return is allowed as part of a Windows line ending. The error says what to do.
func ValidateText(text string) error {
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		if isObeyed(r) {
			return fmt.Errorf("The text contains the control character %U, which terminals obey instead of showing it. Remove it: newlines and tabs are the only control characters allowed.", r)
		}
	}
	return nil
}

// Printable shows what ValidateText forbids as U+FFFD. What resolvers, far ends and bundles say is shown so.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if isObeyed(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

func isObeyed(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t'
}
