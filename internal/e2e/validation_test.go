// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// validationRow is a block with a mistake.
type validationRow struct {
	kind      string // tcp_connect and analysis are data sources, ephemeral is the ephemeral resource
	arguments string // one a line
	attribute string // that the error points at
	says      []string
}

func (r validationRow) block(number int) string {
	if r.kind == "ephemeral" {
		return fmt.Sprintf("ephemeral \"preflight_tcp_connect\" \"row%d\"", number)
	}
	return fmt.Sprintf("data \"preflight_%s\" \"row%d\"", r.kind, number)
}

type validationRows []validationRow

func (r *validationRows) add(kind, arguments, attribute string, says ...string) {
	*r = append(*r, validationRow{kind, arguments, attribute, says})
}

const (
	addressForm  = "Write it as host:port"
	durationForm = `for example "500ms", "10s" or "1m30s"`
	nameRule     = "1 to 128 characters"
	statuses     = `Use one of "connected", "connection-refused", "connection-timeout", "error".`

	someAddress = `address = "db:1"` + "\n"
	somePass    = `outcomes = [{ pass = { when = "connected" } }]` + "\n"
)

// All rows are in one configuration, so that Terraform runs once.
func TestValidationNamesTheAttributeAndSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	rows := slices.Concat(
		addressRows(), durationAndNameRows(), outcomeRows(), analysisRows(), retryRows(), familyRows())
	if cli.Has(ephemeralResources) {
		rows = append(rows, ephemeralRows()...)
	}
	config := requiredProviders
	for i, row := range rows {
		config += fmt.Sprintf("%s {\n%s\n}\n", row.block(i), row.arguments)
	}
	w := newWorkspace(t, map[string]string{"main.tf": config})
	printed, _ := w.command("validate", "-json").Output() // its exit code says that there are errors
	var result struct {
		Diagnostics []struct {
			Detail  string
			Snippet struct {
				Context string
				Code    string
			}
		}
	}
	if err := json.Unmarshal(printed, &result); err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
	for i, row := range rows {
		found := 0
		for _, diagnostic := range result.Diagnostics {
			if diagnostic.Snippet.Context != row.block(i) {
				continue
			}
			found++
			for _, fragment := range row.says {
				if !strings.Contains(diagnostic.Detail, fragment) {
					t.Errorf("%s\nsays %q, not %q", row.arguments, diagnostic.Detail, fragment)
				}
			}
			if !strings.HasPrefix(strings.TrimSpace(diagnostic.Snippet.Code), row.attribute) {
				t.Errorf("%s\npoints at %q, not at %s", row.arguments, diagnostic.Snippet.Code, row.attribute)
			}
		}
		if found != 1 {
			t.Errorf("%s\nhas %d errors, want 1", row.arguments, found)
		}
	}
}

func addressRows() (rows validationRows) {
	for address, says := range map[string]string{
		"db":             "has no port",
		"db:":            "has no port",
		":5432":          "has no host",
		"db:0":           "1 to 65535",
		"db:65536":       "1 to 65535",
		"db:-1":          "1 to 65535",
		"::1:5432":       "write an IPv6 address in brackets",
		"https://db:443": "has a scheme",
		"db:5432/path":   "has a path",
		"0.0.0.0:80":     "unspecified host",
		"[::]:80":        "unspecified host",
		"":               "is empty",
		"d b:5432":       "white space",
		"db:5432\n":      "white space",
		"d\tb:5432":      "control characters",
	} {
		rows.add("tcp_connect", fmt.Sprintf("address = %q", address), "address", says, addressForm)
		rows.add("tcp_connect", fmt.Sprintf("exclude = true\naddress = %q", address), "address", says, addressForm)
	}
	return rows
}

func durationAndNameRows() (rows validationRows) {
	rows.add("tcp_connect", someAddress+"timeout = 10", "timeout", `Did you mean "10s"?`)
	for _, timeout := range []string{"ten", "10", "0s", "-1s", ""} {
		rows.add("tcp_connect", fmt.Sprintf("%stimeout = %q", someAddress, timeout), "timeout", durationForm)
		rows.add("analysis", fmt.Sprintf("bundle = \"b\"\n%smax_age = %q", somePass, timeout), "max_age", durationForm)
	}
	for _, name := range []string{"../x", "/etc/x", "a/b", `a\b`, ".", "con", "", strings.Repeat("a", 300), "a\nb"} {
		argument := fmt.Sprintf("collector_name = %q", name)
		rows.add("tcp_connect", someAddress+argument, "collector_name", nameRule)
		rows.add("analysis", "bundle = \"b\"\n"+somePass+argument, "collector_name", nameRule)
	}
	for kind, arguments := range map[string]string{
		"analysis":    somePass + "status = \"connected\"\n",
		"tcp_connect": someAddress,
	} {
		rows.add(kind, arguments+`check_name = " "`, "check_name", "The value is blank")
		rows.add(kind, arguments+`check_name = "x\u001b[8m"`, "check_name", "the control character U+001B")
	}
	return rows
}

// wrongOutcomes are values of outcomes with what the error says of them.
var wrongOutcomes = map[string][]string{
	// Verdicts.
	`[{ fail = {}, pass = { when = "error" } }]`: {"outcomes[0] has fail and pass", "exactly one"},
	`[{ pass = { when = "connected" } }, {}]`:    {"outcomes[1] has none of fail, warn and pass"},
	`[{ fail = null }]`:                          {"outcomes[0] has none of fail, warn and pass"},
	`[{ pas = {} }]`:                             {`outcomes[0] has the key "pas"`, `Did you mean "pass"?`},
	`[{ error = {} }]`:                           {`outcomes[0] has the key "error"`, `Did you mean "fail"?`},
	`[{ fail = {}, note = "x" }]`:                {`outcomes[0] has the key "note"`},
	`[{ when = "connected" }]`: {
		`outcomes[0] has the key "when"`, `Write when inside the verdict: { fail = { when = "..." } }.`,
	},
	`[{ "//" = "comment", pass = { when = "connected" } }]`: {
		`outcomes[0] has the key "//"`, "comments have no place in it",
	},

	// Keys of a verdict.
	`[{ pass = { whne = "connected" } }]`: {`outcomes[0].pass has the key "whne"`, `Did you mean "when"?`},
	`[{ fail = { mesage = "x" } }]`:       {`outcomes[0].fail has the key "mesage"`, `Did you mean "message"?`},
	`[{ pass = { description = "x" } }]`:  {`Did you mean "message"?`},
	`[{ pass = { when = "connected", "//" = "comment" } }]`: {
		`outcomes[0].pass has the key "//"`, "comments have no place in it",
	},
	`[tomap({ pass = { when = "connected", whne = "x" } })]`: {`outcomes[0].pass has the key "whne"`},

	// Values of a verdict.
	`[{ fail = { when = 1 } }]`:                      {"outcomes[0].fail.when is a number, not a string"},
	`[{ fail = { message = ["x"] } }]`:               {"outcomes[0].fail.message is a list, not a string"},
	`[{ pass = { when = null } }]`:                   {"outcomes[0].pass.when: null or empty", "leave the key out"},
	`[{ warn = { when = "" } }]`:                     {"outcomes[0].warn.when: null or empty"},
	`tolist([{ pass = { when = tostring(null) } }])`: {"outcomes[0].pass.when: null or empty"},
	`[{ fail = { when = "no-such-host" } }]`: {
		`"no-such-host" is a reason, not a status`, `Did you mean "error"?`,
	},
	`[{ fail = { when = "connection_refused" } }]`: {
		"outcomes[0].fail.when", statuses, `Did you mean "connection-refused"?`,
	},
	`[{ fail = { when = "Connected" } }]`: {"outcomes[0].fail.when", statuses, `Did you mean "connected"?`},
	`[{ fail = { when = "refused" } }]`: {
		"outcomes[0].fail.when", statuses, `Did you mean "connection-refused"?`,
	},
	`[{ fail = { message = "hidden\u001b[8m" } }]`: {"outcomes[0].fail.message", "the control character U+001B"},
	`[{ fail = { title = "bell\u0007" } }]`:        {"outcomes[0].fail.title", "the control character U+0007"},
	`[{ fail = { uri = "https://example.com/\u001b" } }]`: {
		"outcomes[0].fail.uri", "the control character U+001B",
	},

	// Types.
	`[]`:                       {"outcomes is empty"},
	`tolist([])`:               {"outcomes is empty"},
	`[null]`:                   {"outcomes[0] is null, not an object"},
	`["pass"]`:                 {"outcomes[0] is a string, not an object"},
	`"pass"`:                   {"outcomes is a string"},
	`[{ pass = "connected" }]`: {"outcomes[0].pass is a string, not an object"},
	`toset([{ pass = { when = "connected" } }])`: {"set, which has no order", "Use a list"},
	`{ pass = { when = "connected" } }`: {
		"outcomes is an object. Put braces around each outcome and brackets around all of them: " +
			"[{ fail = { ... } }, { pass = { ... } }]",
	},
	`tomap({ pass = { when = "connected" } })`: {"outcomes is an object"},
	`{}`: {"outcomes is an object. Put braces around"},
	`{ "0" = { fail = {} }, "x" = { fail = {} } }`: {"Put braces around each outcome"},
	`{ "0" = { fail = { when = "error" } }, "1" = { pass = {} } }`: {
		`outcomes is an object with the keys "0", "1"`, "typed binding", `addOverride("outcomes", [...])`,
	},
	`tomap({ "0" = { pass = { when = "connected" } } })`: {`an object with the keys "0": a typed binding`},
}

func outcomeRows() (rows validationRows) {
	for outcomes, says := range wrongOutcomes {
		rows.add("analysis", "status = \"connected\"\noutcomes = "+outcomes, "outcomes", says...)
	}
	rows.add("tcp_connect", someAddress+`outcomes = [{ pass = { whne = "connected" } }]`, "outcomes",
		`outcomes[0].pass has the key "whne"`)
	return rows
}

func analysisRows() (rows validationRows) {
	add := func(arguments, attribute string, says ...string) {
		rows.add("analysis", somePass+arguments, attribute, says...)
	}
	add("status = \"connected\"\nbundle = \"b\"", "bundle", "Both status and bundle are set", "Use status for")
	add("", "", "Neither status nor bundle has a value", "Use status for")
	add("status = \"connected\"\nmax_age = \"1h\"", "max_age", "leave max_age out, or set bundle")
	add("bundle = \"b\"\nreason = \"refused\"", "reason", "leave reason out")
	return rows
}

func inRetry(arguments string) string {
	return someAddress + "timeout = \"1m\"\nretry {\n" + arguments + "\n}"
}

func retryRows() (rows validationRows) {
	rows.add("tcp_connect", someAddress+"retry {}", "", "must say in timeout how long to wait")
	add := func(arguments, attribute string, says ...string) {
		rows.add("tcp_connect", inRetry(arguments), attribute, says...)
	}
	add("attempts = 2\nconsecutive = 3", "consecutive", "could never be ready")
	add("attempts = 0", "attempts", "at least 1")
	add("consecutive = 0", "consecutive", "at least 1")
	add("min_delay = \"10s\"\nmax_delay = \"9s\"", "min_delay", "min_delay is 10s, more than max_delay, 9s")
	add(`min_delay = "31s"`, "min_delay", "min_delay is 31s, more than max_delay, 30s")
	add(`attempt_timeout = "2m"`, "attempt_timeout",
		"attempt_timeout is 2m0s, more than the timeout of the whole check, 1m0s")
	add(`attempt_timeout = "soon"`, "attempt_timeout", durationForm)
	add(`until = []`, "until", "at least 1")
	add(`until = ["refused"]`, "until", statuses, `Did you mean "connection-refused"?`)
	add(`until = ["connection-refused", "error", "connection-timeout"]`, "until", "no status is left")
	add(`until = ["connection-refused", "error", "connection-timeout", "connected"]`, "until", "no status is left")
	add(`give_up_on = ["no-host"]`, "give_up_on", `Did you mean "no-such-host"?`)
	add(`give_up_on = ["connection-refused"]`, "give_up_on", `Did you mean "refused"?`)
	return rows
}

func familyRows() (rows validationRows) {
	add := func(arguments, attribute, says string) { rows.add("tcp_connect", arguments, attribute, says) }
	add(someAddress+`ip_family = "ip4"`, "ip_family", `Use one of "any", "ipv4", "ipv6". Did you mean "ipv4"?`)
	add(someAddress+`source_address = "eth0"`, "source_address", "is not an IP address")
	add(someAddress+"source_address = \"10.0.0.5\"\nip_family = \"ipv6\"", "source_address",
		`not of the IP family "ipv6"`)
	add("address = \"[::1]:1\"\nip_family = \"ipv4\"", "ip_family", `not of the IP family "ipv4"`)
	return rows
}

// ephemeralRows show that the ephemeral resource is validated as the data source is.
func ephemeralRows() (rows validationRows) {
	add := func(arguments, attribute, says string) { rows.add("ephemeral", arguments, attribute, says) }
	add(`address = "db"`, "address", addressForm)
	add(someAddress+"retry {}", "", "must say in timeout how long to wait")
	add(inRetry("consecutive = 0"), "consecutive", "at least 1")
	add("address = \"[::1]:1\"\nip_family = \"ipv4\"", "ip_family", `not of the IP family "ipv4"`)
	add(someAddress+"outcomes = [{ pas = {} }]", "outcomes", `Did you mean "pass"?`)
	return rows
}
