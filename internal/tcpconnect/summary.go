// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
)

// maxJoined keeps an error message readable whatever has failed.
const maxJoined = 20

// Summarize returns the worst verdict of several analyses, Fail if there are none, and a message that is never empty: the texts of
// what is not a pass, the failures first.
func Summarize(analyses []Analysis) (Verdict, string) {
	var failures, warnings []string
	for _, analysis := range analyses {
		switch analysis.Verdict {
		case Pass:
		case Warn:
			warnings = append(warnings, analysis.Line())
		default:
			failures = append(failures, analysis.Line())
		}
	}
	switch {
	case len(failures) > 0:
		return Fail, JoinFirst(append(failures, warnings...), "\n")
	case len(warnings) > 0:
		return Warn, JoinFirst(warnings, "\n")
	case len(analyses) == 0:
		return Fail, "Nothing was judged."
	case len(analyses) == 1:
		return Pass, analyses[0].Message
	default:
		return Pass, fmt.Sprintf("All %d checks passed.", len(analyses))
	}
}

// JoinFirst joins texts, and only counts those that would be too many to read.
func JoinFirst(texts []string, separator string) string {
	if more := len(texts) - maxJoined; more > 0 {
		texts = append(texts[:maxJoined:maxJoined], fmt.Sprintf("... and %d more.", more))
	}
	return strings.Join(texts, separator)
}

// Line tells of an analysis where there are several: its title, and then its message, which may begin with the title by itself.
func (a Analysis) Line() string {
	return a.Title + ": " + strings.TrimPrefix(a.Message, a.Title+": ")
}
