// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func hostAndPortVariables(t *testing.T, up bool) []string {
	t.Helper()
	host, port, err := net.SplitHostPort(endpoint(t, up))
	if err != nil {
		t.Fatal(err)
	}
	return []string{"-var=host=" + host, "-var=port=" + port}
}

func netcatVariables(t *testing.T, up bool) []string {
	t.Helper()
	if _, err := exec.LookPath("nc"); err != nil {
		t.Skip("needs nc: ", err)
	}
	return hostAndPortVariables(t, up)
}

func kubernetesVariables(t *testing.T, up bool) []string {
	t.Helper()
	return []string{"-var=kubernetes_api=" + endpoint(t, up), "-var=licence_server=" + endpoint(t, true)}
}

// The guide "Compared with other ways" says what changes when the provider replaces a provisioner that runs nc.
func TestProvisionerThatIsReplaced(t *testing.T) {
	t.Parallel()
	before, after := examples["local-exec-nc"], examples["local-exec-replaced"]
	requireTerraform(t, before.needs)
	shut := netcatVariables(t, false)

	w := newWorkspace(t, before.files(t, "local-exec-nc"))
	w.succeed(append([]string{"plan"}, shut...)...) // nothing is dialled
	output := w.fail(applyWith(shut)...)
	expectText(t, output, "local-exec provisioner error", "exit status 1. Output:")
	w.expectResource(protected, false)
	w.succeed(applyWith(netcatVariables(t, true))...)
	w.expectResource("terraform_data.database", true)
	w.expectResource(protected, true)
	w.succeed(applyWith(shut)...) // the provisioner has run, so it does not run again

	w = newWorkspace(t, after.files(t, "local-exec-replaced"))
	expectText(t, w.fail(append([]string{"plan"}, shut...)...), after.shutSays)
	w.succeed(applyWith(hostAndPortVariables(t, true))...)
	expectText(t, w.fail(append([]string{"plan"}, shut...)...), after.shutSays)
}

// The guide "From Troubleshoot" shows a spec and the same in HCL.
func TestSpecAndItsTranslationSayTheSame(t *testing.T) {
	t.Parallel()
	translation := examples["troubleshoot-in-hcl"]
	requireTerraform(t, translation.needs)
	vendor := translation.files(t, "data-sources/preflight_spec")
	for _, up := range []bool{true, false} {
		api, licence := endpoint(t, up), endpoint(t, false)
		files := maps.Clone(vendor)
		local := strings.NewReplacer("10.128.0.29:6443", api, "licence.acme.example:443", licence)
		files["preflight.yaml"] = local.Replace(vendor["preflight.yaml"])
		spec, hcl := newWorkspace(t, files), newWorkspace(t, translation.files(t, "troubleshoot-in-hcl"))
		run := func(w *workspace, variables ...string) {
			if up {
				expectText(t, w.succeed(applyWith(variables)...), "The licence server cannot be reached")
				return
			}
			expectText(t, w.fail(applyWith(variables)...), translation.shutSays)
		}
		run(spec)
		run(hcl, "-var=kubernetes_api="+api, "-var=licence_server="+licence)
		for _, file := range []string{
			"analysis.json",
			"host-collectors/connect/kubernetes-api.json",
			"host-collectors/connect/licence-server.json",
		} {
			want, err := os.ReadFile(spec.path(filepath.Join("support-bundle", filepath.FromSlash(file))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(hcl.path(filepath.Join("support-bundle", filepath.FromSlash(file))))
			if err != nil || string(got) != string(want) {
				t.Errorf("up: %t: %s of the translation is %s, %v\nthat of the spec is %s", up, file, got, err, want)
			}
		}
	}
}
