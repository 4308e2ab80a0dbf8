// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"strings"
	"testing"
	"time"
)

func TestResultIsTooOldOrFromTheFuture(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{
		0:                             "",
		time.Hour:                     "",
		-clockSkew:                    "",
		time.Hour + time.Second:       "the result is 1h0m1s old, and max_age is 1h0m0s.",
		-clockSkew - time.Second:      "the result is dated 1m1s in the future, so its age is not known.",
		time.Hour + time.Nanosecond:   "the result is 1h0m0s old, and max_age is 1h0m0s.",
		-clockSkew - time.Millisecond: "the result is dated 1m0s in the future",
	} {
		if err := checkAge(age, time.Hour); (err == nil) != (want == "") ||
			err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", age, err, want)
		}
	}
}
