// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"strings"
)

// Finding is a check with its result and its verdict. The zero value does not pass.
type Finding struct {
	Verdict Verdict
	Title   string // never empty
	Message string // never empty; may begin with the title
	URI     string // where to read more, may be empty
	Matched bool   // whether an outcome matched

	CollectorName string  // empty: the finding is not about a check
	Node          string  // of a cluster, which has made the check; empty: this machine, or the one of a bundle
	Address       string  // empty: there is no such check
	Result        *Result // nil: the check was not made
	Strict        bool    // a failure is an error
}

// Line describes the finding in one line, for a list of several.
func (f Finding) Line() string {
	return f.Title + ": " + f.Text()
}

// Text returns the message without the title.
func (f Finding) Text() string {
	return strings.TrimPrefix(f.Message, f.Title+": ")
}

// Standalone returns the finding with a complete message: unless the verdict is Pass, the address, the status and the
// URI are appended.
func (f Finding) Standalone() Finding {
	if f.Verdict == Pass {
		return f
	}
	if f.Result != nil {
		status := string(f.Result.Status)
		if f.Result.Status == Error && f.Result.Reason != "" {
			status += ", " + string(f.Result.Reason)
		}
		f.Message += fmt.Sprintf(" (%s%s: %s)", f.Address, viaText(" from ", f.Result.Via), status)
	}
	if f.URI != "" {
		f.Message += " More: " + f.URI
	}
	return f
}

// Explanation explains the finding to people in several lines: the line, and then the details.
func (f Finding) Explanation() string {
	return strings.Join(append([]string{f.Line()}, f.Details()...), "\n")
}

// Details lists what the message does not say, one fact in each line: address, status and reason, the message of the
// operating system, what to do unless the verdict is Pass, and where to read more.
func (f Finding) Details() []string {
	var details []string
	if f.Result != nil {
		if f.Address != "" {
			details = append(details, "Address: "+f.Address+viaText(", from ", f.Result.Via))
		}
		status := "Status: " + string(f.Result.Status)
		if f.Result.Reason != "" {
			status += ", reason: " + string(f.Result.Reason)
		}
		if f.Result.Attempts > 1 {
			status += fmt.Sprintf(", after %d attempts", f.Result.Attempts)
		}
		details = append(details, status)
		if f.Result.Message != "" {
			details = append(details, "Message: "+f.Result.Message)
		}
		if advice := f.Result.Advice(); advice != "" && f.Verdict != Pass {
			details = append(details, advice)
		}
	}
	if f.URI != "" {
		details = append(details, "More: "+f.URI)
	}
	return details
}

// viaText names a vantage point after a preposition. It is empty for this machine.
func viaText(preposition, via string) string {
	if via == "" {
		return ""
	}
	return preposition + via
}

// Summarize returns the worst verdict of several findings, or Fail if there are none. The message is never empty: it
// lists the failures and then the warnings.
func Summarize(findings []Finding) (Verdict, string) {
	var failures, warnings []string
	for _, finding := range findings {
		switch finding.Verdict {
		case Pass:
		case Warn:
			warnings = append(warnings, finding.Line())
		default:
			failures = append(failures, finding.Line())
		}
	}
	switch {
	case len(failures) > 0:
		return Fail, JoinFirst(append(failures, warnings...), "\n")
	case len(warnings) > 0:
		return Warn, JoinFirst(warnings, "\n")
	case len(findings) == 0:
		return Fail, "Nothing was judged."
	case len(findings) == 1:
		return Pass, findings[0].Message
	default:
		return Pass, fmt.Sprintf("All %d checks passed.", len(findings))
	}
}

// MaxJoined is how many texts a message lists, so that it is readable if many checks failed.
const MaxJoined = 20

// JoinFirst joins texts, at most 20 of them, and counts the rest.
func JoinFirst(texts []string, separator string) string {
	if more := len(texts) - MaxJoined; more > 0 {
		texts = append(texts[:MaxJoined:MaxJoined], fmt.Sprintf("... and %d more.", more))
	}
	return strings.Join(texts, separator)
}
