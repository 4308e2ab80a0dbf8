// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"time"
)

// ParseDuration parses a Go duration string (https://pkg.go.dev/time#ParseDuration) greater than zero, as timeouts are. The error
// says how one is written.
func ParseDuration(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 {
		return 0, fmt.Errorf("%q is not a duration greater than zero. Write a number and its unit (ms, s, m or h), for example \"500ms\", \"10s\" or \"1m30s\".", text)
	}
	return duration, nil
}
