// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"strings"
	"testing"
)

func TestParseAddressAcceptsHostsAndPorts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"db:5432":                      "db:5432",
		"db.example.com.:5432":         "db.example.com.:5432",
		"my_db-1.internal:1":           "my_db-1.internal:1",
		"10.0.0.5:65535":               "10.0.0.5:65535",
		"[2001:db8::1]:6443":           "[2001:db8::1]:6443",
		"[2001:0DB8:0::1]:6443":        "[2001:db8::1]:6443",
		"[fe80::1%eth0]:22":            "[fe80::1%eth0]:22",
		"[::ffff:10.0.0.5]:443":        "10.0.0.5:443",
		"db:https":                     "db:443",
		strings.Repeat("a", 63) + ":1": strings.Repeat("a", 63) + ":1",
	} {
		address, err := ParseAddress(text)
		if err != nil {
			t.Errorf("ParseAddress(%q): %v", text, err)
		} else if address.String() != want {
			t.Errorf("ParseAddress(%q) = %s, want %s", text, address, want)
		}
	}
}

func TestParseAddressSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                       "is empty",
		"db":                                     "has no port",
		"db:":                                    "has no port after the colon",
		":5432":                                  "has no host",
		"db:0":                                   `has the port "0"`,
		"db:65536":                               `has the port "65536"`,
		"db:-1":                                  `has the port "-1"`,
		"db:+80":                                 `has the port "+80"`,
		"db:no-such-service":                     "a service name that this machine does not know",
		"::1:5432":                               "write an IPv6 address in brackets",
		"[::1]":                                  "has no port",
		"[::1]5432":                              "has no port",
		"[::1:5432":                              `has no "]"`,
		"[10.0.0.5]:80":                          "which is not an IPv6 address",
		"[db]:80":                                "which is not an IPv6 address",
		"https://db:443":                         "has a scheme",
		"db:5432/path":                           "has a path",
		"0.0.0.0:80":                             "unspecified host",
		"[::]:80":                                "unspecified host",
		"[::%lo]:80":                             "unspecified host",
		"[::ffff:0.0.0.0]:80":                    "unspecified host",
		"0:80":                                   "ends in a number",
		"127.1:80":                               "ends in a number",
		"10.0.0.256:80":                          "ends in a number",
		"0x7f000001:80":                          "ends in a number",
		"db :5432":                               "white space or control characters",
		" db:5432":                               "white space or control characters",
		"db:5432\n":                              "white space or control characters",
		"d\x00b:5432":                            "white space or control characters",
		"d\u00a0b:5432":                          "white space or control characters",
		"user@db:5432":                           `has the label "user@db"`,
		"-db:5432":                               `has the label "-db"`,
		"db..internal:5432":                      `has the label ""`,
		".:5432":                                 `has the label ""`,
		"bücher.example:443":                     "ASCII form",
		"d\u200bb:5432":                          "ASCII form",
		strings.Repeat("a", 64) + ":1":           "a label is 1 to 63",
		strings.Repeat("a23456789.", 30) + "a:1": "at most 253",
	} {
		address, err := ParseAddress(text)
		if err == nil {
			t.Errorf("ParseAddress(%q) = %s, want an error", text, address)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), AddressForm) {
			t.Errorf("ParseAddress(%q): %v, want it to say %q and the form", text, err, want)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{
		"db:5432", "[::1]:443", "[fe80::1%eth0]:22", "0.0.0.0:80",
		"https://db:443/x", "db:https", "a..b:1", "[::ffff:1.2.3.4]:1",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := ParseAddress(text)
		if err != nil {
			return
		}
		again, err := ParseAddress(address.String())
		if err != nil || again != address {
			t.Errorf("ParseAddress(%q) = %s, which parses to %s, %v", text, address, again, err)
		}
	})
}
