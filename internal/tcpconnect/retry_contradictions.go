// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Contradiction is what is wrong with an argument of the block retry, given the others.
type Contradiction struct {
	Argument string
	Summary  string
	Text     string // what is wrong, and what to do
}

// Contradictions lists what is wrong with a retry within a timeout, in a check whose outcomes pass some statuses.
// Values that are zero are not known, and contradict nothing.
func (r *Retry) Contradictions(timeout time.Duration, passes []Status) (found []Contradiction) {
	add := func(argument, summary, format string, values ...any) {
		found = append(found, Contradiction{argument, summary, fmt.Sprintf(format, values...)})
	}
	if timeout > 0 && r.AttemptTimeout > timeout {
		add("attempt_timeout", "Attempt Timeout Above Timeout",
			"attempt_timeout is %s, more than the timeout of the whole check, %s. Lower it or raise timeout.",
			r.AttemptTimeout, timeout)
	}
	if r.Attempts > 0 && r.Consecutive > r.Attempts {
		add("consecutive", "Consecutive Above Attempts",
			"consecutive is %d, but attempts allows only %d dials, so the check could never be ready. Lower it or "+
				"raise attempts.",
			r.Consecutive, r.Attempts)
	}
	if timeout > 0 && r.MinDelay > 0 && r.Consecutive > 1 && r.Consecutive-1 > int64((timeout-1)/r.MinDelay) {
		add("consecutive", "Consecutive Does Not Fit Into Timeout",
			"%d dials in a row, with at least %s (min_delay) between two of them, take more than the timeout of %s, "+
				"so the check could never be ready. Lower consecutive or min_delay, or raise timeout.",
			r.Consecutive, r.MinDelay, timeout)
	}
	if err := validateUntil(r.Until); err != nil {
		add("until", "Nothing Left for Not Ready", "%s", err)
	}
	unwaited := slices.DeleteFunc(slices.Clone(passes), func(status Status) bool {
		return slices.Contains(r.Until, status)
	})
	if len(r.Until) > 0 && len(unwaited) > 0 {
		add("until", "Pass Without Being Ready",
			"outcomes pass %s, which until does not wait for: the check would pass although it is not ready. Omit "+
				"until, which then is what outcomes pass, or let outcomes pass only statuses of until. A warn lets a "+
				"rollout go on as well, and says so.",
			suggest.Choice(unwaited))
	}
	if r.MaxDelay > 0 && r.MinDelay > r.MaxDelay {
		add("min_delay", "Min Delay Above Max Delay",
			"min_delay is %s, more than max_delay, %s. Lower it or raise max_delay.", r.MinDelay, r.MaxDelay)
	}
	return found
}

// validateUntil returns an error if the statuses that a Retry waits for leave none for "not ready". The error says what
// to do.
func validateUntil(until []Status) error {
	for _, status := range Statuses() {
		if status != Connected && !slices.Contains(until, status) {
			return nil
		}
	}
	return errors.New("With connection-refused, connection-timeout and error in until, " +
		"no status is left for a check that is not ready. List only the statuses to wait for.")
}
