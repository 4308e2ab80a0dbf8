// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import "testing"

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

