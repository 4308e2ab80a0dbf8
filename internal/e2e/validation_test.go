// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"encoding/json"
	"fmt"
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

// All rows are in one configuration, so that Terraform runs once.
func TestValidationNamesTheAttributeAndSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	const (
		addressForm  = "Write it as host:port"
		durationForm = `for example "500ms", "10s" or "1m30s"`
		nameRule     = "1 to 128 characters"
		statuses     = `Use one of "connected", "connection-refused", "connection-timeout", "error".`
		somePass     = `outcomes = [{ pass = { when = "connected" } }]`
	)
	var rows []validationRow
	add := func(kind, arguments, attribute string, says ...string) {
		rows = append(rows, validationRow{kind, arguments, attribute, says})
	}
	for address, says := range map[string]string{
		"db": "has no port", "db:": "has no port", ":5432": "has no host", "db:0": "1 to 65535", "db:65536": "1 to 65535", "db:-1": "1 to 65535",
		"::1:5432": "write an IPv6 address in brackets", "https://db:443": "has a scheme", "db:5432/path": "has a path",
		"0.0.0.0:80": "unspecified host", "[::]:80": "unspecified host", "": "is empty", "d b:5432": "white space", "db:5432\n": "white space", "d\tb:5432": "control characters",
	} {
		add("tcp_connect", fmt.Sprintf("address = %q", address), "address", says, addressForm)
		add("tcp_connect", fmt.Sprintf("exclude = true\naddress = %q", address), "address", says, addressForm)
	}
	add("tcp_connect", "address = \"db:1\"\ntimeout = 10", "timeout", `Did you mean "10s"?`)
	for _, timeout := range []string{"ten", "10", "0s", "-1s", ""} {
		add("tcp_connect", fmt.Sprintf("address = \"db:1\"\ntimeout = %q", timeout), "timeout", durationForm)
		add("analysis", fmt.Sprintf("bundle = \"b\"\n%s\nmax_age = %q", somePass, timeout), "max_age", durationForm)
	}
	for _, name := range []string{"../x", "/etc/x", "a/b", `a\b`, ".", "con", "", strings.Repeat("a", 300), "a\nb"} {
		add("tcp_connect", fmt.Sprintf("address = \"db:1\"\ncollector_name = %q", name), "collector_name", nameRule)
		add("analysis", fmt.Sprintf("bundle = \"b\"\n%s\ncollector_name = %q", somePass, name), "collector_name", nameRule)
	}
	for when, nearest := range map[string]string{"connection_refused": "connection-refused", "Connected": "connected", "refused": "connection-refused"} {
		add("analysis", fmt.Sprintf("status = \"connected\"\noutcomes = [{ fail = { when = %q } }]", when), "outcomes",
			"outcomes[0].fail.when", statuses, fmt.Sprintf("Did you mean %q?", nearest))
	}
	for outcomes, says := range map[string][]string{
		`[{ fail = {}, pass = { when = "error" } }]`:     {"outcomes[0] has fail and pass", "exactly one"},
		`[{ pass = { when = "connected" } }, {}]`:        {"outcomes[1] has none of fail, warn and pass"},
		`[{ fail = null }]`:                              {"outcomes[0] has none of fail, warn and pass"},
		`[{ pas = {} }]`:                                 {`outcomes[0] has the key "pas"`, `Did you mean "pass"?`},
		`[{ fail = {}, note = "x" }]`:                    {`outcomes[0] has the key "note"`},
		`[{ pass = { whne = "connected" } }]`:            {`outcomes[0].pass has the key "whne"`, `Did you mean "when"?`},
		`[{ fail = { mesage = "x" } }]`:                  {`outcomes[0].fail has the key "mesage"`, `Did you mean "message"?`},
		`[{ fail = { when = 1 } }]`:                      {"outcomes[0].fail.when is a number, not a string"},
		`[{ fail = { message = ["x"] } }]`:               {"outcomes[0].fail.message is a list, not a string"},
		`[{ pass = { when = null } }]`:                   {"outcomes[0].pass.when: null or empty", "leave the key out"},
		`[{ warn = { when = "" } }]`:                     {"outcomes[0].warn.when: null or empty"},
		`tolist([{ pass = { when = tostring(null) } }])`: {"outcomes[0].pass.when: null or empty"},
		`toset([{ pass = { when = "connected" } }])`:     {"set, which has no order", "Use a list"},
		`[]`:                                {"outcomes is empty"},
		`tolist([])`:                        {"outcomes is empty"},
		`[null]`:                            {"outcomes[0] is null, not an object"},
		`["pass"]`:                          {"outcomes[0] is a string, not an object"},
		`[{ pass = "connected" }]`:          {"outcomes[0].pass is a string, not an object"},
		`{ pass = { when = "connected" } }`: {"outcomes is an object. Put braces around each outcome and brackets around all of them: [{ fail = { ... } }, { pass = { ... } }]"},
		`{}`:                                {"outcomes is an object. Put braces around"},
		`{ "0" = { fail = { when = "error" } }, "1" = { pass = {} } }`: {`outcomes is an object with the keys "0", "1"`, "typed binding", `addOverride("outcomes", [...])`},
		`tomap({ "0" = { pass = { when = "connected" } } })`:           {`an object with the keys "0": a typed binding`},
		`{ "0" = { fail = {} }, "x" = { fail = {} } }`:                 {"Put braces around each outcome"},
		`[{ error = {} }]`:                                      {`outcomes[0] has the key "error"`, `Did you mean "fail"?`},
		`[{ when = "connected" }]`:                              {`outcomes[0] has the key "when"`, `Write when inside the verdict: { fail = { when = "..." } }.`},
		`[{ pass = { description = "x" } }]`:                    {`Did you mean "message"?`},
		`[{ "//" = "comment", pass = { when = "connected" } }]`: {`outcomes[0] has the key "//"`, "comments have no place in outcomes"},
		`[{ pass = { when = "connected", "//" = "comment" } }]`: {`outcomes[0].pass has the key "//"`, "comments have no place in outcomes"},
		`[{ fail = { when = "no-such-host" } }]`:                {`"no-such-host" is a reason, not a status`, `Did you mean "error"?`},
		`[{ fail = { message = "hidden\u001b[8m" } }]`:          {"outcomes[0].fail.message", "the control character U+001B"},
		`[{ fail = { title = "bell\u0007" } }]`:                 {"outcomes[0].fail.title", "the control character U+0007"},
		`[{ fail = { uri = "https://example.com/\u001b" } }]`:   {"outcomes[0].fail.uri", "the control character U+001B"},
		`"pass"`: {"outcomes is a string"},
		`tomap({ pass = { when = "connected" } })`:               {"outcomes is an object"},
		`[tomap({ pass = { when = "connected", whne = "x" } })]`: {`outcomes[0].pass has the key "whne"`},
	} {
		add("analysis", "status = \"connected\"\noutcomes = "+outcomes, "outcomes", says...)
	}
	add("analysis", somePass+"\nstatus = \"connected\"\nbundle = \"b\"", "bundle", "Both status and bundle are set", "Use status for")
	add("analysis", somePass, "", "Neither status nor bundle has a value", "Use status for")
	add("analysis", somePass+"\nstatus = \"connected\"\nmax_age = \"1h\"", "max_age", "leave max_age out, or set bundle")
	add("analysis", somePass+"\nbundle = \"b\"\nreason = \"refused\"", "reason", "leave reason out")
	for _, kind := range []string{"analysis", "tcp_connect"} {
		arguments := map[string]string{"analysis": somePass + "\nstatus = \"connected\"", "tcp_connect": "address = \"db:1\""}[kind]
		add(kind, arguments+"\ncheck_name = \" \"", "check_name", "The value is blank")
		add(kind, arguments+"\ncheck_name = \"x\\u001b[8m\"", "check_name", "the control character U+001B")
	}

	retry := func(arguments string) string {
		return "address = \"db:1\"\ntimeout = \"1m\"\nretry {\n" + arguments + "\n}"
	}
	if cli.Has(ephemeralResources) {
		add("ephemeral", "address = \"db\"", "address", addressForm)
		add("ephemeral", "address = \"db:1\"\nretry {}", "", "must say in timeout how long to wait")
		add("ephemeral", retry("consecutive = 0"), "consecutive", "at least 1")
		add("ephemeral", "address = \"[::1]:1\"\nip_family = \"ipv4\"", "ip_family", `not of the IP family "ipv4"`)
		add("ephemeral", "address = \"db:1\"\noutcomes = [{ pas = {} }]", "outcomes", `Did you mean "pass"?`)
	}
	add("tcp_connect", retry("attempts = 2\nconsecutive = 3"), "consecutive", "could never be ready")
	add("tcp_connect", "address = \"db:1\"\nretry {}", "", "must say in timeout how long to wait")
	add("tcp_connect", retry("attempts = 0"), "attempts", "at least 1")
	add("tcp_connect", retry("consecutive = 0"), "consecutive", "at least 1")
	add("tcp_connect", retry("min_delay = \"10s\"\nmax_delay = \"9s\""), "min_delay", "min_delay is 10s, more than max_delay, 9s")
	add("tcp_connect", retry("min_delay = \"31s\""), "min_delay", "min_delay is 31s, more than max_delay, 30s")
	add("tcp_connect", retry("attempt_timeout = \"2m\""), "attempt_timeout", "attempt_timeout is 2m0s, more than the timeout of the whole check, 1m0s")
	add("tcp_connect", retry("attempt_timeout = \"soon\""), "attempt_timeout", durationForm)
	add("tcp_connect", retry("until = []"), "until", "at least 1")
	add("tcp_connect", retry("until = [\"refused\"]"), "until", statuses, `Did you mean "connection-refused"?`)
	add("tcp_connect", retry("until = [\"connection-refused\", \"error\", \"connection-timeout\"]"), "until", "no status is left")
	add("tcp_connect", retry("until = [\"connection-refused\", \"error\", \"connection-timeout\", \"connected\"]"), "until", "no status is left")
	add("tcp_connect", retry("give_up_on = [\"no-host\"]"), "give_up_on", `Did you mean "no-such-host"?`)
	add("tcp_connect", retry("give_up_on = [\"connection-refused\"]"), "give_up_on", `Did you mean "refused"?`)
	add("tcp_connect", "address = \"db:1\"\nip_family = \"ip4\"", "ip_family", `Use one of "any", "ipv4", "ipv6". Did you mean "ipv4"?`)
	add("tcp_connect", "address = \"db:1\"\nsource_address = \"eth0\"", "source_address", "is not an IP address")
	add("tcp_connect", "address = \"db:1\"\nsource_address = \"10.0.0.5\"\nip_family = \"ipv6\"", "source_address", `not of the IP family "ipv6"`)
	add("tcp_connect", "address = \"[::1]:1\"\nip_family = \"ipv4\"", "ip_family", `not of the IP family "ipv4"`)
	add("tcp_connect", "address = \"db:1\"\noutcomes = [{ pass = { whne = \"connected\" } }]", "outcomes", `outcomes[0].pass has the key "whne"`)

	config := requiredProviders
	for i, row := range rows {
		config += fmt.Sprintf("%s {\n%s\n}\n", row.block(i), row.arguments)
	}
	w := newWorkspace(t, map[string]string{"main.tf": config})
	printed, _ := w.command("validate", "-json").Output() // its exit code says that there are errors
	var result struct {
		Diagnostics []struct {
			Summary string
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

func TestValidationTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	config := requiredProviders + `
variable "status" {
  type = string
}
variable "outcomes" {
  type = list(object({ fail = object({ when = string, message = string }) }))
}
`
	for i, outcomes := range []string{
		`[{ pass = {} }]`,
		`[{ fail = { when = null } }]`,
		`[{ fail = { when = "", message = null, uri = null, title = null } }]`,
		`[{ fail = { when = "error" }, warn = null, pass = null }]`,
		`concat([{ fail = { when = "error" } }], [{ pass = { when = "connected" } }])`,
		`[for status in ["connection-refused", "error"] : { fail = { when = status, message = "It is ${status}" } }]`,
		`tolist([{ fail = { when = "error" } }, { fail = { when = "connected" } }])`,
		`[tomap({ fail = tomap({ when = "error" }) })]`,
		`var.status == "x" ? [{ pass = { when = "connected" } }] : [{ pass = { when = "error" } }]`,
		`var.outcomes`,
		`[{ fail = { when = var.status } }]`,
		`yamldecode("- fail:\n    when: error\n- pass:\n    when: connected\n")`,
	} {
		config += fmt.Sprintf("data \"preflight_analysis\" \"right%d\" {\n  status = var.status\n  outcomes = %s\n}\n", i, outcomes)
	}
	w := newWorkspace(t, map[string]string{"main.tf": config})
	w.succeed("validate")
}
