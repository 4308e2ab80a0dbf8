// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// ParseDuration parses a Go duration string (https://pkg.go.dev/time#ParseDuration) greater than zero, for example a
// timeout. The error says how to write it.
func ParseDuration(text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil || duration <= 0 {
		return 0, fmt.Errorf("%q is not a duration greater than zero. Write a number and its unit (ms, s, m or h), "+
			"for example \"500ms\", \"10s\" or \"1m30s\".%s", text, durationQuestion(text))
	}
	return duration, nil
}

// numberAndUnit matches a number with a unit in any common spelling, or without a unit, which means seconds in most
// tools.
var numberAndUnit = regexp.MustCompile(`^([0-9.]+)(|ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)$`)

// durationQuestion asks whether the same number was meant, with a unit that Go accepts.
func durationQuestion(text string) string {
	parts := numberAndUnit.FindStringSubmatch(strings.ReplaceAll(strings.ToLower(text), " ", ""))
	if parts == nil {
		return ""
	}
	unit := parts[2]
	switch {
	case strings.HasPrefix(unit, "ms"), strings.HasPrefix(unit, "milli"):
		unit = "ms"
	case unit == "":
		unit = "s"
	default:
		unit = unit[:1]
	}
	meant := parts[1] + unit
	if duration, err := time.ParseDuration(meant); err != nil || duration <= 0 {
		return ""
	}
	return suggest.Asking(meant)
}

// Rounded keeps about two digits of a duration, for people. Only zero becomes zero.
func Rounded(duration time.Duration) time.Duration {
	unit := time.Second
	for unit > 1 && duration.Abs() < 10*unit {
		unit /= 10
	}
	return duration.Round(unit)
}
