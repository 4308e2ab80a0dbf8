// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package suggest

import "testing"

func TestNearestFindsTheWordThatWasMeant(t *testing.T) {
	t.Parallel()
	statuses := []string{"connected", "connection-refused", "connection-timeout", "error"}
	keys := []string{"when", "message", "uri", "title"}
	for _, test := range []struct {
		found string
		known []string
		want  string
	}{
		{"connection_refused", statuses, "connection-refused"},
		{"Connected", statuses, "connected"},
		{"refused", statuses, "connection-refused"},
		{"timeout", statuses, "connection-timeout"},
		{"connect", statuses, "connected"},
		{"errors", statuses, "error"},
		{"whne", keys, "when"},
		{"mesage", keys, "message"},
		{"url", keys, "uri"},
		{"pas", []string{"fail", "warn", "pass"}, "pass"},
		{"anything", nil, ""},
		{"ok", statuses, ""},
		{"ok", []string{"fail", "warn", "pass"}, ""},
		{"true", statuses, ""},
		{"", statuses, ""},
	} {
		if got := Nearest(test.found, test.known); got != test.want {
			t.Errorf("Nearest(%q) = %q, want %q", test.found, got, test.want)
		}
	}
}
