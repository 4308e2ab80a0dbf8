// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
)

// maxSummaryLines keeps an error message readable whatever has failed.
const maxSummaryLines = 20

// Summarize returns the worst verdict of several analyses, Fail if there are none, and a message that is never empty: the texts of
// what is not a pass, the worst first.
func Summarize(analyses []Analysis) (Verdict, string) {
	var lines []string
	worst := Fail
	for _, verdict := range []Verdict{Pass, Warn, Fail} {
		var ofVerdict []string
		for _, analysis := range analyses {
			if analysis.Verdict == verdict {
				ofVerdict = append(ofVerdict, analysis.line())
			}
		}
		if len(ofVerdict) > 0 {
			worst = verdict
			if verdict != Pass {
				lines = append(ofVerdict, lines...)
			}
		}
	}
	switch {
	case len(analyses) == 0:
		return Fail, "Nothing was judged."
	case len(lines) == 0 && len(analyses) == 1:
		return Pass, analyses[0].Message
	case len(lines) == 0:
		return Pass, fmt.Sprintf("All %d checks passed.", len(analyses))
	case len(lines) > maxSummaryLines:
		more := len(lines) - maxSummaryLines
		lines = append(lines[:maxSummaryLines], fmt.Sprintf("... and %d more.", more))
	}
	return worst, strings.Join(lines, "\n")
}

// line tells of an analysis where there are several.
func (a Analysis) line() string {
	return a.Title + ": " + strings.TrimPrefix(a.Message, a.Title+": ")
}
