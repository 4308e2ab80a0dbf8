// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// joinSurrogates writes those characters of a JSON text as they are that it has as a pair of escapes, "\ud83d\ude00" (RFC 8259,
// section 7): YAML has no such pairs, although else every JSON text is one of YAML. Another text stays as it is.
func joinSurrogates(text string) string {
	const pair = len(`\ud83d\ude00`)
	if !strings.Contains(text, `\u`) || !json.Valid([]byte(text)) {
		return text
	}
	var joined strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' { // in valid JSON it begins an escape of at least one character more
			joined.WriteByte(text[i])
			continue
		}
		if i+pair <= len(text) {
			if r := utf16.DecodeRune(escaped(text[i:i+pair/2]), escaped(text[i+pair/2:i+pair])); r != utf8.RuneError {
				joined.WriteRune(r)
				i += pair - 1
				continue
			}
		}
		joined.WriteString(text[i : i+2])
		i++
	}
	return joined.String()
}

// escaped returns the code unit of an escape such as "\ud83d", utf8.RuneError if it is none.
func escaped(escape string) rune {
	digits, ok := strings.CutPrefix(escape, `\u`)
	unit, err := strconv.ParseUint(digits, 16, 16)
	if !ok || err != nil {
		return utf8.RuneError
	}
	return rune(unit)
}
