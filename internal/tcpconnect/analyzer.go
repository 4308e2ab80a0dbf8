// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// DefaultCheckName is the title of a check without a name, as in Troubleshoot.
const DefaultCheckName = "TCP Connection Attempt"

// Analyzer turns a status into a verdict: the first outcome that matches decides.
type Analyzer struct {
	CheckName string // not empty
	Outcomes  []Outcome
}

// Unreachable returns the outcomes that never decide, because an earlier one matches everything that they match. It
// yields the index of each and the index of the earlier one.
func (a Analyzer) Unreachable() iter.Seq2[int, int] {
	return func(yield func(index, earlier int) bool) {
		first := make(map[Status]int) // index of the first outcome for a status; empty: for every status
		for i, outcome := range a.Outcomes {
			earlier, covered := first[""]
			if covered && outcome.When == "" && a.Outcomes[earlier].Verdict == Pass {
				continue // it decides a status that this version does not know: no pass matches that
			}
			if !covered {
				earlier, covered = first[outcome.When]
			}
			if !covered {
				first[outcome.When] = i
			} else if !yield(i, earlier) {
				return
			}
		}
	}
}

// Passes returns the statuses that pass if the reason is not known.
func (a Analyzer) Passes() []Status {
	return slices.DeleteFunc(Statuses(), func(status Status) bool { return a.Judge(status, "").Verdict != Pass })
}

// CanFail reports whether the result of any dial fails.
func (a Analyzer) CanFail() bool {
	return len(a.Outcomes) == 0 || slices.ContainsFunc(Reasons(), func(reason Reason) bool {
		return !a.Judge(reason.Status(), reason).Verdict.Proceed()
	})
}

// OnNode returns the analyzer with the name of a cluster's node in its titles, as in Troubleshoot.
func (a Analyzer) OnNode(node string) Analyzer {
	titled := func(title string) string { return fmt.Sprintf("%s - Node %s", title, node) }
	outcomes := slices.Clone(a.Outcomes)
	for i := range outcomes {
		if outcomes[i].Title != "" {
			outcomes[i].Title = titled(outcomes[i].Title)
		}
	}
	return Analyzer{CheckName: titled(a.CheckName), Outcomes: outcomes}
}

// JudgeResult judges the result of a check. Without outcomes, a ready result passes and any other fails.
func (a Analyzer) JudgeResult(result *Result) Finding {
	finding := a.Judge(result.Status, result.Reason)
	if len(a.Outcomes) == 0 {
		finding.Verdict, finding.Matched = Fail, true
		finding.Message = fmt.Sprintf("%s: %s", a.CheckName, result.Status)
		switch {
		case result.Ready:
			finding.Verdict = Pass
		case result.Status == Connected:
			finding.Message += ", which is not what retry waits for"
		}
	}
	finding.Result = result
	return finding
}

// Judge judges a status and its reason, which is empty if it is not known. If no outcome matches, the verdict is Fail
// and the message names the status. No pass matches a reason that says nothing about the peer.
func (a Analyzer) Judge(status Status, reason Reason) Finding {
	for _, outcome := range a.Outcomes {
		if outcome.matches(status, reason) {
			title := cmp.Or(outcome.Title, a.CheckName)
			return Finding{
				Verdict: outcome.Verdict,
				Title:   title,
				Message: cmp.Or(outcome.Message, fmt.Sprintf("%s: %s", title, status)),
				URI:     outcome.URI,
				Matched: true,
			}
		}
	}
	uncovered := fmt.Sprintf("no outcome covers the status %q, so the check fails", status)
	if reason.SaysNothing() {
		uncovered = fmt.Sprintf("the reason %q says nothing about the peer, so no pass applies to the status %q, "+
			"and the check fails", reason, status)
	}
	return Finding{Verdict: Fail, Title: a.CheckName, Message: a.CheckName + ": " + uncovered}
}
