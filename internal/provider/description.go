// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import "strings"

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
