// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// gateOn is a configuration that lets terraform_data.rollout through if the check of an address allows it.
func gateOn(address, analysisArguments string) string {
	return requiredProviders + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %s
}
data "preflight_analysis" "db" {
  check_name = "Database"
  status     = data.preflight_tcp_connect.db.status
  %s
}
resource "terraform_data" "rollout" {
  lifecycle {
    precondition {
      condition     = data.preflight_analysis.db.proceed
      error_message = data.preflight_analysis.db.message
    }
  }
}
`, address, analysisArguments)
}

func quoted(endpoint netip.AddrPort) string { return fmt.Sprintf("%q", endpoint) }

const connectedOrFail = `outcomes = [{ pass = { when = "connected" } }, { fail = { message = "No database" } }]`

func TestDefaultResultFileHoldsTheStatusAlone(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	peer := loopback.Refused(t)
	config := requiredProviders + fmt.Sprintf(`
data "preflight_tcp_connect" "unnamed" {
  address = %q
}
data "preflight_tcp_connect" "named" {
  collector_name = "kubernetes-api-tcp-conn-status"
  address        = %q
}
`, peer, peer)
	w := newWorkspace(t, map[string]string{"main.tf": config})
	w.succeed("plan")
	w.expectFile("support-bundle/host-collectors/connect/connect.json", "connection-refused")
	w.expectFile("support-bundle/host-collectors/connect/kubernetes-api-tcp-conn-status.json", "connection-refused")
}

func TestWarnOutcomeShowsAsAWarningAndProceeds(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(loopback.Refused(t)),
		`outcomes = [{ warn = { message = "Running without the database", uri = "https://example.com/db" } }]`)})
	output := w.succeed("apply", "-auto-approve")
	expectText(t, output, "Warning: Database: Running without the database", "Status: connection-refused", "More: https://example.com/db")
	w.expectResource(protected, true)
}

func TestStrictStopsThePlanWithAllThereIsToKnow(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + `
data "preflight_analysis" "db" {
  check_name = "Database"
  status     = "connection-refused"
  strict     = true
  outcomes   = [{ fail = { message = "No database", uri = "https://example.com/db" } }]
}
`})
	expectText(t, w.fail("plan"), "Error: Preflight Check Failed: Database", "No database", "Status: connection-refused", "More: https://example.com/db")
}

func TestPreconditionTextIsAlwaysValid(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	refused := quoted(loopback.Refused(t))
	for name, test := range map[string]struct{ config, says string }{
		"outcome without message": {gateOn(refused, `outcomes = [{ fail = {} }]`), "Database: connection-refused"},
		"blank message":           {gateOn(refused, `outcomes = [{ fail = { message = " ", title = "" } }]`), "Database: connection-refused"},
		"title":                   {gateOn(refused, `outcomes = [{ fail = { title = "Primary" } }]`), "Primary: connection-refused"},
		"unmatched":               {gateOn(refused, `outcomes = [{ pass = { when = "connected" } }]`), `Database: no outcome covers the status "connection-refused"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, map[string]string{"main.tf": test.config})
			expectText(t, w.fail("plan"), "Resource precondition failed", test.says)
		})
	}
	t.Run("excluded", func(t *testing.T) {
		t.Parallel()
		w := newWorkspace(t, map[string]string{"main.tf": gateOn(refused+"\n exclude = true", "exclude = true\n"+connectedOrFail)})
		expectNoText(t, w.succeed("apply", "-auto-approve"), "Error", "Warning")
		w.expectResource(protected, true)
		if _, err := os.Stat(w.path("support-bundle")); !os.IsNotExist(err) {
			t.Errorf("an excluded check made a bundle: %v", err)
		}
	})
}

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

func TestUnknownAddressIsDialledDuringApply(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	peer := loopback.Listen(t, loopback.IPv4)
	config := func(endpoint netip.AddrPort) map[string]string {
		return map[string]string{"main.tf": gateOn("terraform_data.db.output", connectedOrFail) +
			fmt.Sprintf("resource \"terraform_data\" \"db\" {\n  input = %q\n}\n", endpoint)}
	}
	up := newWorkspace(t, config(peer.AddrPort()))
	up.succeed("plan", "-out=plan")
	if peer.Accepted() > 0 {
		t.Error("the address was dialled while planning")
	}
	up.succeed("apply", "plan")
	up.expectResource(protected, true)
	if peer.Accepted() == 0 {
		t.Error("the address was not dialled")
	}

	down := newWorkspace(t, config(loopback.Refused(t)))
	down.succeed("plan", "-out=plan")
	expectText(t, down.fail("apply", "plan"), "Resource precondition failed", "No database")
	down.expectResource("terraform_data.db", true)
	down.expectResource(protected, false)
}

// What the guide "What happens when" says of each phase.

func TestSavedPlanKeepsTheAnswerOfThePlan(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	peer := loopback.Listen(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(peer.AddrPort()), connectedOrFail)})
	w.succeed("plan", "-out=plan")
	dials := peer.Accepted()
	_ = peer.Close()
	w.succeed("apply", "plan")
	w.expectResource(protected, true)
	if dials != 1 || peer.Accepted() != dials {
		t.Errorf("%d dials while planning and %d in all, want 1 and 1", dials, peer.Accepted())
	}
}

func TestRefreshDialsAndWarnsOfAClosedGate(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	peer := loopback.Listen(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(peer.AddrPort()), connectedOrFail)})
	w.succeed("apply", "-auto-approve")
	dials := peer.Accepted()
	w.succeed("plan", "-refresh-only")
	if peer.Accepted() != dials+1 {
		t.Errorf("%d dials of a refresh, want 1", peer.Accepted()-dials)
	}
	w.succeed("plan", "-refresh=false")
	if peer.Accepted() != dials+2 {
		t.Errorf("%d dials of a plan without refresh, want 1", peer.Accepted()-dials-1)
	}
	_ = peer.Close()
	expectText(t, w.fail("plan", "-refresh=false"), "Resource precondition failed")
	expectText(t, w.succeed("plan", "-refresh-only"), "Resource precondition failed")
}

func TestDestroyIsStoppedByStrictOnly(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	for name, test := range map[string]struct {
		arguments string
		stopped   bool
	}{
		"precondition": {connectedOrFail, false},
		"strict":       {"strict = true\n" + connectedOrFail, true},
		"postcondition": {connectedOrFail + `
lifecycle {
  postcondition {
    condition     = self.proceed
    error_message = self.message
  }
}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := loopback.Listen(t, loopback.IPv4)
			w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(peer.AddrPort()), test.arguments)})
			w.succeed("apply", "-auto-approve")
			_ = peer.Close()
			if test.stopped {
				expectText(t, w.fail("destroy", "-auto-approve"), "No database")
			} else {
				w.succeed("destroy", "-auto-approve")
			}
			w.expectResource(protected, test.stopped)
		})
	}
}

func TestTargetLeavesOutGatesThatNothingTargetedDependsOn(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	peer := loopback.Listen(t, loopback.IPv4)
	refused := loopback.Refused(t)
	w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(refused), connectedOrFail) + fmt.Sprintf(`
resource "terraform_data" "free" {}
resource "terraform_data" "bound" {
  depends_on = [terraform_data.rollout]
}
data "preflight_tcp_connect" "other" {
  collector_name = "other"
  address        = %q
}
`, peer.AddrPort())})
	w.succeed("apply", "-auto-approve", "-target=terraform_data.free")
	w.expectResource("terraform_data.free", true)
	if peer.Accepted() > 0 {
		t.Error("a check that nothing targeted depends on was made")
	}
	expectText(t, w.fail("apply", "-auto-approve", "-target=terraform_data.bound"), "Resource precondition failed")
	w.expectResource("terraform_data.bound", false)
}

func TestDependsOnOfAModuleDefersTheDialToTheApply(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	peer := loopback.Listen(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{
		"main.tf":      requiredProviders + "resource \"terraform_data\" \"network\" {}\nmodule \"gate\" {\n  source = \"./gate\"\n  depends_on = [terraform_data.network]\n}\n",
		"gate/main.tf": gateOn(quoted(peer.AddrPort()), connectedOrFail),
	})
	w.succeed("plan", "-out=plan")
	if peer.Accepted() > 0 {
		t.Error("the address was dialled while planning")
	}
	_ = peer.Close()
	expectText(t, w.fail("apply", "plan"), "Resource precondition failed", "No database")
	w.expectResource("terraform_data.network", true)
	w.expectResource("module.gate.terraform_data.rollout", false)
}

func TestClosedGateHoldsBackOnlyWhatDependsOnItDuringApply(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	refused := loopback.Refused(t)
	w := newWorkspace(t, map[string]string{"main.tf": gateOn("terraform_data.db.output", connectedOrFail) + fmt.Sprintf(`
resource "terraform_data" "db" {
  input = %q
}
resource "terraform_data" "free" {}
resource "terraform_data" "bound" {
  depends_on = [terraform_data.rollout]
}
`, refused)})
	w.fail("apply", "-auto-approve")
	w.expectResource("terraform_data.free", true)
	w.expectResource("terraform_data.bound", false)
}

func TestStrictIsAWarningInsideACheckBlock(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.5.0")
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + `
check "db" {
  data "preflight_analysis" "db" {
    check_name = "Database"
    status     = "error"
    strict     = true
    outcomes   = [{ fail = { message = "No database" } }]
  }
  assert {
    condition     = data.preflight_analysis.db.proceed
    error_message = data.preflight_analysis.db.message
  }
}
`})
	expectText(t, w.succeed("plan"), "Warning: Preflight Check Failed: Database", "No database")
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

func TestUnknownOutcomesAreJudgedDuringApply(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	for name, outcomes := range map[string]string{
		"all":     "terraform_data.outcomes.output",
		"element": "[terraform_data.outcomes.output[0]]",
		"verdict": "[{ pass = terraform_data.outcomes.output[0].pass }]",
		"when":    "[{ pass = { when = terraform_data.outcomes.output[0].pass.when } }]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t, map[string]string{"main.tf": gateOn(quoted(loopback.Refused(t)), "outcomes = "+outcomes) +
				"resource \"terraform_data\" \"outcomes\" {\n  input = [{ pass = { when = \"connected\" } }]\n}\n"})
			w.succeed("plan")
			expectText(t, w.fail("apply", "-auto-approve"), `no outcome covers the status "connection-refused"`)
			w.expectResource(protected, false)
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
