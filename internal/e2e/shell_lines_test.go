// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
)

// shellLines run the shell of pages that is no file of an example, by its first line. Each gets the lines as they stand
// on the page, but for a prompt, and replaces what only a reader can know.
var shellLines = map[string]func(t *testing.T, shell string){
	"make demo    # a gate that is open, one that is closed, and a saved plan that is stopped": func(
		t *testing.T, shell string,
	) {
		t.Helper()
		// The targets of make are run by CI and by TestTheFirstGateAfterMakeInstall.
		lines := regexp.MustCompile("(?m)^terraform .*$").FindAllString(shell, -1)
		r := newRunner(t, map[string]string{}, nil)
		for name, content := range examples["precondition"].files(t, "precondition") {
			r.write(filepath.Join("examples", "precondition", name), content)
		}
		open := loopback.Open(t).String()
		r.mustRun(strings.ReplaceAll(strings.Join(lines, "\n"), "127.0.0.1:22", open))
	},
	"export TF_VAR_bastion=bastion.example.com": func(t *testing.T, shell string) {
		t.Helper()
		r := newRunner(t, examples["vantage-bastion"].files(t, "vantage-bastion"), nil)
		variables := make(map[string]string)
		for _, variable := range bastionVariables(t, true) {
			name, value, _ := strings.Cut(strings.TrimPrefix(variable, "-var="), "=")
			variables[name] = value
		}
		r.write("id_ed25519", variables["private_key"])
		r.mustRun(strings.NewReplacer(
			"bastion.example.com", variables["bastion"], "ssh-ed25519 AAAA...", variables["host_key"],
			"~/.ssh/id_ed25519", "id_ed25519",
		).Replace(shell))
	},
	"cat /etc/ssh/ssh_host_ed25519_key.pub": func(t *testing.T, shell string) {
		t.Helper()
		r := newRunner(t, map[string]string{}, nil, "ssh-keygen")
		keys, err := bastionKeys()
		if err != nil {
			t.Fatal(err)
		}
		r.write("key.pub", keys.host.Public()+"\n")
		output := r.mustRun(strings.ReplaceAll(shell, "/etc/ssh/ssh_host_ed25519_key.pub", "key.pub"))
		expectText(t, output, keys.host.Public(), keys.host.Fingerprint())
	},
	"TF_LOG_PROVIDER=INFO terraform apply": func(t *testing.T, shell string) {
		t.Helper()
		gate := examples["endpoints-warn"]
		r := newRunner(t, gate.files(t, "endpoints-warn"), gate.variables(t, true))
		r.mustRun("echo yes | " + shell)
	},
	"terraform init": func(t *testing.T, shell string) {
		t.Helper()
		r := newRunner(t, examples["customer-spec"].files(t, "customer-spec"), nil)
		vendor := example{}.files(t, "data-sources/preflight_spec")["preflight.yaml"]
		r.write("preflight.yaml", vendor)
		writeCustomerArchive(t, r.path("acme-preflight.tar.gz"), vendor)
		expectText(t, r.mustRun(shell), "explanations", "outcome")
	},
}

// writeCustomerArchive writes the archive of a customer in whose network every check of a spec is refused.
func writeCustomerArchive(t *testing.T, archive, vendor string) {
	t.Helper()
	decoded, err := spec.Decode(vendor)
	if err != nil {
		t.Fatal(err)
	}
	var results []bundle.CollectorResult
	for _, collector := range decoded.Included() {
		results = append(results, bundle.CollectorResult{
			Collector:   collector.Name,
			Result:      bundle.Result{Status: "connection-refused", Reason: "refused"},
			CollectedAt: time.Now(),
		})
	}
	writer := bundle.NewWriter(t.TempDir(), bundle.FormatJSON)
	if err := writer.WriteArchive(archive, bundle.Report{Version: "test", Results: results}); err != nil {
		t.Fatal(err)
	}
}

// mustRun runs shell, which must succeed, and returns what it printed.
func (r *runner) mustRun(shell string) string {
	r.t.Helper()
	output, ok := r.shell(shell, "sh", "-e")
	if !ok {
		r.t.Fatalf("the shell failed:\n%s\n%s", shell, output)
	}
	return output
}

// Every block of shell on every page is a file of an example, which has a test, or is run here as it stands.
func TestEveryShellLineOfThePagesRuns(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.4.0")
	var files []string
	root := filepath.Join(repository, "examples")
	err := filepath.WalkDir(root, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		files = append(files, strings.TrimSpace(strings.ReplaceAll(string(content), "\r\n", "\n")))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	begins := regexp.MustCompile(`^(\$ |#|make |terraform |tofu |export |cat |ssh|jq|curl|code=|[A-Z_]+=\S+ )`)
	seen := make(map[string]bool)
	for _, page := range documentation(t) {
		for _, match := range block.FindAllStringSubmatch(readPage(t, page), -1) {
			language, shell := match[1], strings.TrimSpace(match[2])
			isShell := language == "sh" || language == "" && begins.MatchString(shell)
			if !isShell || slices.Contains(files, shell) {
				continue
			}
			shell = regexp.MustCompile(`(?m)^\$ `).ReplaceAllString(shell, "")
			first, _, _ := strings.Cut(shell, "\n")
			run, isKnown := shellLines[first]
			if !isKnown {
				t.Errorf("%s has shell that no test runs:\n%s", page, shell)
				continue
			}
			seen[first] = true
			t.Run(fmt.Sprintf("%s %.30s", page, first), func(t *testing.T) {
				t.Parallel()
				run(t, shell)
			})
		}
	}
	for first := range shellLines {
		if !seen[first] {
			t.Errorf("no page has the shell that begins with %q", first)
		}
	}
}
