// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
	"unicode"
)

// CheckText returns an error if a text that people see holds a control character other than a newline or a tab. Terminals obey such
// characters, and some hide what follows. A carriage return is allowed as part of a Windows line ending. The error says what to do.
func CheckText(text string) error {
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("The text contains the control character %U, which terminals obey instead of showing it. Remove it: newlines and tabs are the only control characters allowed.", r)
		}
	}
	return nil
}
