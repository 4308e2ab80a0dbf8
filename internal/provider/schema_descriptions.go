// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strconv"
	"strings"
	"time"
)

// listOf writes the accepted values of an attribute as Markdown, so that descriptions cannot drift from the code.
func listOf[S ~string](values []S) string {
	var text strings.Builder
	for i, value := range values {
		switch {
		case i > 0 && i == len(values)-1:
			text.WriteString(" or ")
		case i > 0:
			text.WriteString(", ")
		}
		text.WriteString("`" + string(value) + "`")
	}
	return text.String()
}

// plainList writes accepted values for an error message.
func plainList[S ~string](values []S) string {
	return strings.ReplaceAll(listOf(values), "`", `"`)
}

// quotedList writes words that were found for an error message.
func quotedList(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, word := range words {
		quoted = append(quoted, strconv.Quote(word))
	}
	return strings.Join(quoted, ", ")
}

// roundedForPeople keeps about two digits of a duration. It makes nothing of no duration but zero.
func roundedForPeople(duration time.Duration) time.Duration {
	unit := time.Second
	for unit > 1 && duration.Abs() < 10*unit {
		unit /= 10
	}
	return duration.Round(unit)
}
