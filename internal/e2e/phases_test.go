// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

func quoted(endpoint netip.AddrPort) string { return fmt.Sprintf("%q", endpoint) }

func TestMisspeltWhenOfATypedVariableOpensNothing(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.3.0") // optional()
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + `
variable "outcomes" {
  type = list(object({
    pass = optional(object({ when = optional(string), message = optional(string) }))
    fail = optional(object({ when = optional(string), message = optional(string) }))
  }))
  default = [{ pass = { whne = "connected" } }]
}
data "preflight_analysis" "db" {
  status   = "connection-refused"
  outcomes = var.outcomes
}
`})
	expectText(t, w.fail("plan"), "outcomes[0].pass.when: null or empty", `misspelt "when"`)
}

// ephemeralGateOn is a configuration whose terraform_data.rollout depends on an ephemeral check.
func ephemeralGateOn(address, arguments string) string {
	return requiredProviders + fmt.Sprintf(`
ephemeral "preflight_tcp_connect" "db" {
  check_name = "Database"
  address    = %s
  %s
}
resource "terraform_data" "rollout" {
  depends_on = [ephemeral.preflight_tcp_connect.db]
}
`, address, arguments)
}

func TestEphemeralCheckGatesASavedPlan(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	peer := loopback.Listen(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{"main.tf": ephemeralGateOn(quoted(peer.AddrPort()), "")})
	w.succeed("plan", "-out=plan")
	_ = peer.Close()
	expectText(t, w.fail("apply", "plan"), "Preflight Check Failed: Database",
		"Address: "+peer.AddrPort().String(), "Status: connection-refused, reason: refused", "Message: dial tcp", "connect: connection refused")
	w.expectResource(protected, false)
	w.expectFile("support-bundle/host-collectors/connect/connect.json", "connection-refused")
}

func TestEphemeralCheckOfTheApplyOnlyLetsThePlanThrough(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	peer := loopback.Refused(t)
	w := newWorkspace(t, map[string]string{"main.tf": ephemeralGateOn(quoted(peer), "exclude = !terraform.applying")})
	w.succeed("plan", "-out=plan")
	listener, err := net.Listen("tcp", peer.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	w.succeed("apply", "plan")
	w.expectResource(protected, true)
}

func TestTriggersPutTheCheckOff(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	peer := loopback.Listen(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{"main.tf": ephemeralGateOn(quoted(peer.AddrPort()), "triggers = { id = terraform_data.service.id }") +
		"resource \"terraform_data\" \"service\" {}\n"})
	w.succeed("plan", "-out=plan")
	if peer.Accepted() > 0 {
		t.Error("the address was dialled while planning")
	}
	w.succeed("apply", "plan")
	w.expectResource(protected, true)
	if peer.Accepted() == 0 {
		t.Error("the address was not dialled")
	}
}

func TestEphemeralCheckIsJudgedByItsOutcomes(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	refused := quoted(loopback.Refused(t))
	for name, test := range map[string]struct {
		outcomes string
		open     bool
		says     string
	}{
		"fail":      {`outcomes = [{ fail = { message = "No database", uri = "https://example.com/db" } }]`, false, "No database Address:"},
		"unmatched": {`outcomes = [{ pass = { when = "connected" } }]`, false, `no outcome covers the status "connection-refused"`},
		"warn":      {`outcomes = [{ warn = {} }]`, true, "Warning: Database: connection-refused"},
		"pass":      {`outcomes = [{ pass = { when = "connection-refused" } }]`, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, map[string]string{"main.tf": ephemeralGateOn(refused, test.outcomes)})
			if test.open {
				expectText(t, w.succeed("apply", "-auto-approve"), test.says)
			} else {
				expectText(t, w.fail("apply", "-auto-approve"), test.says)
			}
			w.expectResource(protected, test.open)
		})
	}
}

func TestOutcomeThatIsNeverReachedIsAWarning(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + `
data "preflight_analysis" "db" {
  status = "connected"
  outcomes = [
    { warn = { when = "error" } },
    { pass = {} },
    { fail = { when = "connection-refused" } },
    { fail = { when = "error" } },
  ]
}
`})
	output := w.succeed("plan")
	expectText(t, output, "Warning: Outcome Never Reached", "outcomes[2] never decides, because outcomes[1] comes first")
}

func TestProviderArgumentsAreCheckedAtValidation(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	for argument, says := range map[string]string{
		`timeout = "ten"`:        "is not a duration",
		`bundle_format = "xml"`:  "is not a bundle format",
		`bundle_dir = ""`:        "The value is blank",
		`emit_bundle = "either"`: "bool",
	} {
		t.Run(argument, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + "provider \"preflight\" {\n  " + argument + "\n}\ndata \"preflight_tcp_connect\" \"db\" {\n  address = \"db:1\"\n}\n"})
			expectText(t, w.fail("validate"), says)
		})
	}
}

func TestEphemeralCheckStopsADestroyUnlessItIsOfTheApplyOnly(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	for arguments, stopped := range map[string]bool{"": true, "exclude = !terraform.applying": false} {
		t.Run(arguments, func(t *testing.T) {
			t.Parallel()
			peer := loopback.Listen(t, loopback.IPv4)
			w := newWorkspace(t, map[string]string{"main.tf": ephemeralGateOn(quoted(peer.AddrPort()), arguments)})
			w.succeed("apply", "-auto-approve")
			_ = peer.Close()
			if stopped {
				expectText(t, w.fail("plan", "-refresh-only"), "Preflight Check Failed: Database")
				expectText(t, w.fail("destroy", "-auto-approve"), "Preflight Check Failed: Database")
			} else {
				w.succeed("plan", "-refresh-only")
				w.succeed("destroy", "-auto-approve")
			}
			w.expectResource(protected, stopped)
		})
	}
}
