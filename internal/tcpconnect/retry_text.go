// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"errors"
	"fmt"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// ValidateUntil returns an error if the statuses that a Retry waits for leave none for "not ready". The error says what
// to do.
func ValidateUntil(until []Status) error {
	for _, status := range Statuses() {
		if status != Connected && !slices.Contains(until, status) {
			return nil
		}
	}
	return errors.New("With connection-refused, connection-timeout and error in until, " +
		"no status is left for a check that is not ready. List only the statuses to wait for.")
}

// String describes the retry with the names of the block's arguments.
func (r Retry) String() string {
	text := fmt.Sprintf("attempt_timeout %s, min_delay %s, max_delay %s, until %s, consecutive %d",
		r.AttemptTimeout, r.MinDelay, r.MaxDelay, suggest.List(r.Until), r.Consecutive)
	if r.Attempts > 0 {
		text = fmt.Sprintf("attempts %d, %s", r.Attempts, text)
	}
	if len(r.GiveUpOn) > 0 {
		text += ", give_up_on " + suggest.List(r.GiveUpOn)
	}
	return text
}
