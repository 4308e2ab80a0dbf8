// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

const repository = "../.."

// protected is what waits for the gate in every example that has one.
const protected = "terraform_data.rollout"

// gateClosed matches how Terraform reports a condition that does not hold.
var gateClosed = regexp.MustCompile(`(Resource (pre|post)condition|Check block assertion) failed`)

// example describes how a directory below examples/ is run.
type example struct {
	needs     string                               // oldest Terraform
	variables func(t *testing.T, up bool) []string // that make its check succeed (up) or fail
	openSays  string                               // in the output with an open gate
	shutSays  string                               // in the output with a closed gate; empty if it is not a gate
	onlyWarns bool                                 // a closed gate is a warning
	unmocked  bool                                 // the gate is the data source itself, which mock providers replace
	literal   bool                                 // its endpoints are no variable, so an override file replaces them
}

// apiRefused is what most examples say of a Kubernetes API that refuses connections.
const apiRefused = "Connection to the Kubernetes API address was refused"

var examples = map[string]example{
	"gate": {
		needs: "1.0.0", variables: endpointsVariable, literal: true,
		openSays: "Apply complete", shutSays: "Preflight Endpoints Failed: 1 of 2 Checks", unmocked: true,
	},
	"provider": {needs: "1.0.0", variables: noVariables},
	"data-sources/preflight_tcp_connect": {
		needs: "1.0.0", variables: addressVariable,
		openSays: `status = "connected"`,
	},
	"data-sources/preflight_analysis": {
		needs: "1.0.0", variables: addressVariable,
		openSays: `outcome = "pass"`,
	},
	"outputs": {
		needs: "1.0.0", variables: addressVariable,
		openSays: `message = "Successfully connected to the Kubernetes API address"`,
	},
	"precondition":  {needs: "1.4.0", variables: addressVariable, shutSays: apiRefused},
	"module":        {needs: "1.4.0", variables: addressVariable, shutSays: "kubernetes-api: 127."},
	"check-block":   {needs: "1.5.0", variables: addressVariable, shutSays: apiRefused, onlyWarns: true},
	"exclude":       {needs: "1.4.0", variables: addressVariable, shutSays: apiRefused},
	"postcondition": {needs: "1.4.0", variables: addressVariable, shutSays: apiRefused},
	"strict": {
		needs: "1.0.0", variables: addressVariable,
		shutSays: "The Kubernetes API must be reachable from here", unmocked: true,
	},
	"for-each": {needs: "1.4.0", variables: endpointsVariable, shutSays: "connect: connection refused"},
	"aliases": {
		needs: "1.4.0", variables: bothAddressVariables,
		shutSays: "Kubernetes API of the main site: connection-refused",
	},
	"closed-port": {needs: "1.4.0", variables: debugPortVariable, shutSays: "The debug port is open"},
	"yamldecode":  {needs: "1.4.0", variables: addressVariable, shutSays: apiRefused},
	"bundle": {
		needs: "1.4.0", variables: bundleVariable,
		shutSays: "The Kubernetes API could not be reached when the bundle was collected",
	},
	"data-sources/preflight_spec": {
		needs: "1.4.0", variables: specVariable,
		openSays: "Apply complete", shutSays: "Kubernetes API: Connection to the Kubernetes API address was refused",
	},
	"spec-from-hcl": {needs: "1.4.0", variables: endpointsVariable, shutSays: "b: 127."},
	"archive": {
		needs: "1.4.0", variables: specVariable,
		shutSays: "Send it to those who support you. Acme support: support@acme.example",
	},
	"customer-bundle": {needs: "1.0.0", variables: archiveVariable, openSays: `node = "node-2"`},
	"apply-time": {
		needs: "1.4.0", variables: portVariable,
		shutSays: "The new service does not accept connections",
	},
	"ephemeral-resources/preflight_tcp_connect": {
		needs: ephemeralResources, variables: addressVariable,
		shutSays: "Preflight Check Failed: Kubernetes API TCP Connection Status", unmocked: true,
	},
	"actions/preflight_tcp_connect": {
		needs: actions, variables: impatientVariables,
		shutSays: "Preflight Check Failed: The new service accepts connections", unmocked: true,
	},
	"apply-only": {
		needs: ephemeralResources, variables: addressVariable,
		shutSays: "The Kubernetes API must be reachable where the plan is applied", unmocked: true,
	},
	"ephemeral-postcondition": {
		needs: ephemeralResources, variables: addressVariable,
		shutSays: "Preflight Check Failed: Kubernetes API TCP Connection Status", unmocked: true,
	},
	"created-service": {
		needs: ephemeralResources, variables: impatientVariables,
		shutSays: "Preflight Check Failed: The new service accepts connections", unmocked: true,
	},
	"wait": {
		needs: "1.4.0", variables: addressVariable,
		shutSays: "connection-refused, reason: refused, after ",
	},
	"drain": {
		needs: "1.4.0", variables: debugPortVariable,
		shutSays: "The old server still accepts connections",
	},
	"all-addresses": {
		needs: "1.4.0", variables: addressVariable,
		shutSays: "Not every address of the Kubernetes API can be reached",
	},
	"data-sources/preflight_endpoints": {
		needs: "1.4.0", variables: endpointsVariable, literal: true,
		shutSays: "b: connection-refused Address: 127.",
	},
	"ephemeral-resources/preflight_endpoints": {
		needs: ephemeralResources, variables: endpointsVariable,
		shutSays: "Preflight Endpoints Failed: 1 of 2 Checks", unmocked: true,
	},
	"actions/preflight_endpoints": {
		needs: actions, variables: impatientEndpointsVariables,
		shutSays: "Preflight Endpoints Failed: 1 of 2 Checks", unmocked: true,
	},
	"ephemeral-resources/preflight_spec": {
		needs: ephemeralResources, variables: specVariable,
		shutSays: "Preflight Spec Failed: 1 of 2 Checks", unmocked: true,
	},
	"reports": {needs: "1.4.0", variables: endpointsVariable, shutSays: "b: connection-refused Address: 127."},
	"customer-spec": {
		needs: "1.0.0", variables: specAndBundleVariables,
		openSays: `outcome = "warn"`,
	},
	"endpoints-wait": {
		needs: ephemeralResources, variables: impatientEndpointsVariables,
		shutSays: "Preflight Endpoints Failed: 1 of 2 Checks", unmocked: true,
	},
	"endpoints-warn": {
		needs: "1.4.0", variables: warnVariable,
		openSays: "Preflight Endpoints: 1 of 2 Checks Warn", shutSays: "database: connection-refused Address: 127.",
	},
	"endpoints-exclude": {
		needs: "1.4.0", variables: endpointsVariable,
		shutSays: "b: connection-refused Address: 127.",
	},
	"endpoints-module": {
		needs: "1.4.0", variables: endpointsVariable,
		shutSays: "b: connection-refused Address: 127.",
	},
	"module-team": {
		needs: "1.5.0", variables: teamVariable,
		openSays: "cache (web): connection-refused", shutSays: "database (data): No start without it.",
	},
	"vantage-bastion": {needs: "1.4.0", variables: bastionVariables, shutSays: refusedThere},
	"vantage-ephemeral": {
		needs: ephemeralResources, variables: bastionVariables, shutSays: refusedThere, unmocked: true,
	},
	"vantage-chain": {needs: "1.4.0", variables: chainVariables, shutSays: refusedBehind},
	"vantage-proxy": {needs: "1.4.0", variables: proxyVariables, shutSays: refusedBySOCKS},
	"vantage-matrix": {
		needs: "1.4.0", variables: matrixVariables,
		shutSays: "Database from bastion: connection-refused",
	},
	"vantage-endpoints": {needs: "1.4.0", variables: bastionEndpointsVariables, shutSays: refusedThere},
	"vantage-spec": {
		needs: "1.4.0", variables: bastionSpecVariables,
		shutSays: "Message: from bastion: SSH channel to 127.",
	},
	"vantage-created": {needs: "1.4.0", variables: createdBastionVariables, shutSays: refusedThere},
	"ci-hcp": {
		needs: ephemeralResources, variables: endpointsVariable,
		shutSays: "Preflight Endpoints Failed: 1 of 2 Checks", unmocked: true,
	},
	"data-source-waits": {
		needs: "1.4.0", variables: networkVariables,
		shutSays: "b: connection-refused Address: 127.",
	},
	"null-endpoints": {
		needs: "1.4.0", variables: databaseVariable,
		shutSays: "database: connection-refused Address: 127.",
	},
	"local-exec-nc": {needs: "1.4.0", variables: netcatVariables},
	"local-exec-replaced": {
		needs: "1.4.0", variables: hostAndPortVariables,
		shutSays: "Status: connection-refused, reason: refused",
	},
	"local-exec-loops": {
		needs: ephemeralResources, variables: loopsVariables,
		openSays: "Preflight Endpoints: 1 of 3 Checks Warn: licences", shutSays: refusedThere, unmocked: true,
	},
	"troubleshoot-in-hcl": {
		needs: "1.4.0", variables: kubernetesVariables,
		shutSays: "Kubernetes API: Connection to the Kubernetes API address was refused",
	},
	"terraform-test": {needs: "1.7.0", variables: addressVariable, shutSays: apiRefused},
}

func endpoint(t *testing.T, up bool) string {
	t.Helper()
	if up {
		return loopback.Open(t).String()
	}
	return loopback.Refused(t).String()
}

func impatientVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(addressVariable(t, up), "-var=patience=3s")
}

func impatientEndpointsVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(endpointsVariable(t, up), "-var=patience=3s")
}

// warnVariable is a database, and a cache that never accepts connections.
func warnVariable(t *testing.T, up bool) []string {
	t.Helper()
	return []string{fmt.Sprintf(
		"-var=endpoints={ database = %q, cache = { address = %q, severity = \"warn\", message = \"Slow\" } }",
		endpoint(t, up), endpoint(t, false),
	)}
}

func noVariables(*testing.T, bool) []string { return nil }

func addressVariable(t *testing.T, up bool) []string {
	t.Helper()
	return []string{"-var=address=" + endpoint(t, up)}
}

func debugPortVariable(t *testing.T, up bool) []string {
	t.Helper()
	return addressVariable(t, !up)
}

func bothAddressVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(addressVariable(t, up), "-var=backup_address="+endpoint(t, false))
}

func endpointsVariable(t *testing.T, up bool) []string {
	t.Helper()
	return []string{fmt.Sprintf("-var=endpoints={ a = %q, b = %q }", endpoint(t, true), endpoint(t, up))}
}

func databaseVariable(t *testing.T, up bool) []string {
	t.Helper()
	return []string{"-var=database=" + endpoint(t, up)}
}

// networkVariables are endpoints, and the state of another configuration.
func networkVariables(t *testing.T, up bool) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "network.tfstate")
	const state = `{"version":4,"terraform_version":"1.4.0","serial":1,"lineage":"network","outputs":{},"resources":[]}`
	if err := os.WriteFile(file, []byte(state), 0o644); err != nil {
		t.Fatal(err)
	}
	return append(endpointsVariable(t, up), "-var=network_state="+file)
}

// portVariable is a port of 127.0.0.1, where the service of the example listens.
func portVariable(t *testing.T, up bool) []string {
	t.Helper()
	listener := loopback.Listen(t, loopback.IPv4)
	if !up {
		_ = listener.Close()
	}
	return []string{fmt.Sprintf("-var=port=%d", listener.AddrPort().Port())}
}

func bundleVariable(t *testing.T, up bool) []string {
	t.Helper()
	status := "connection-refused"
	if up {
		status = "connected"
	}
	dir := t.TempDir()
	writer := bundle.NewWriter(dir, bundle.FormatStatus)
	if _, err := writer.Write("kubernetes-api-tcp-conn-status", bundle.Result{Status: status}); err != nil {
		t.Fatal(err)
	}
	return []string{"-var=bundle=" + dir}
}

// specVariable is the spec of the examples, with its addresses replaced by local ones.
func specVariable(t *testing.T, up bool) []string {
	t.Helper()
	spec, err := os.ReadFile(filepath.Join(repository, "examples", "data-sources", "preflight_spec", "preflight.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	local := strings.NewReplacer(
		"10.128.0.29:6443", endpoint(t, up),
		"licence.acme.example:443", endpoint(t, true),
	).Replace(string(spec))
	file := filepath.Join(t.TempDir(), "preflight.yaml")
	if err := os.WriteFile(file, []byte(local), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"-var=spec=" + file}
}

// archiveVariable is a bundle of two nodes, as the Troubleshoot tools write one.
func archiveVariable(t *testing.T, up bool) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "acme.tar.gz")
	if err := os.WriteFile(file, clusterArchive(t, up), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"-var=bundle=" + file}
}

// specAndBundleVariables are the vendor's spec and a bundle of one machine that holds the results of its collectors.
func specAndBundleVariables(t *testing.T, up bool) []string {
	t.Helper()
	dir := t.TempDir()
	writer := bundle.NewWriter(dir, bundle.FormatJSON)
	statuses := map[string]string{"kubernetes-api": "connected", "licence-server": "connection-timeout"}
	for collector, status := range statuses {
		if _, err := writer.Write(collector, bundle.Result{Status: status}); err != nil {
			t.Fatal(err)
		}
	}
	return append(specVariable(t, up), "-var=bundle="+dir)
}

func clusterArchive(t *testing.T, up bool) []byte {
	t.Helper()
	status := "connection-refused"
	if up {
		status = "connected"
	}
	var content bytes.Buffer
	zip := gzip.NewWriter(&content)
	archive := tar.NewWriter(zip)
	for name, text := range map[string]string{
		"system/node_list.json":              `{"nodes":["node-1","node-2"]}`,
		"connect/node-1/kubernetes-api.json": `{"status":"connected","message":""}`,
		"connect/node-2/kubernetes-api.json": fmt.Sprintf(`{"status":%q,"message":""}`, status),
	} {
		name = "acme/host-collectors/" + name
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o644}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// literalEndpoints are files beside an example with literal endpoints, which no machine can dial. An override file
// leaves the example as it stands: Terraform merges it into the data source.
var literalEndpoints = map[string]string{
	"test_variables.tf": "variable \"endpoints\" {\n  type = map(string)\n}\n",
	"test_override.tf":  "data \"preflight_endpoints\" \"rollout\" {\n  endpoints = var.endpoints\n}\n",
}

// files returns an example as it stands.
func (e example) files(t *testing.T, name string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	root := filepath.Join(repository, "examples", filepath.FromSlash(name))
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(file)
		relative, _ := filepath.Rel(root, file)
		files[filepath.ToSlash(relative)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if e.literal {
		maps.Copy(files, literalEndpoints)
	}
	return files
}

func applyWith(variables []string) []string {
	return append([]string{"apply", "-auto-approve", "-input=false"}, variables...)
}

func (e example) expectShut(t *testing.T, w *workspace, variables []string, says string) {
	t.Helper()
	if e.onlyWarns {
		expectText(t, w.succeed(applyWith(variables)...), "Warning:", says)
		return
	}
	expectText(t, w.fail(applyWith(variables)...), says)
	w.expectResource(protected, false)
}

func TestEveryExampleRunsAsItStands(t *testing.T) {
	t.Parallel()
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireTerraform(t, example.needs)
			files := example.files(t, name)
			w := newWorkspace(t, files)
			output := w.succeed(applyWith(example.variables(t, true))...)
			expectText(t, output, example.openSays)
			if example.shutSays == "" {
				return
			}
			if gateClosed.MatchString(output) {
				t.Errorf("the gate is closed:\n%s", output)
			}
			text := strings.Join(slices.Collect(maps.Values(files)), "\n")
			if strings.Contains(text, `"terraform_data" "rollout"`) {
				w.expectResource(protected, true)
			}
			if strings.Contains(text, `resource "terraform_data"`) {
				w.succeed(append([]string{"destroy", "-auto-approve"}, example.variables(t, true)...)...)
			}
			example.expectShut(t, w, example.variables(t, false), example.shutSays)
		})
	}
}

// Each documented gate closes in every way in which a check can go wrong. TestEveryExampleRunsAsItStands covers the
// wrong status.
func TestEveryGateFailsClosed(t *testing.T) {
	t.Parallel()
	outcomes := regexp.MustCompile(`(?s)outcomes +?= (\[\n.*?\n +\]|local\.\S+)\n`)
	source := regexp.MustCompile(`(status|bundle) += \S+\n( +reason += \S+\n)?`)
	for name, example := range examples {
		if example.shutSays == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireTerraform(t, example.needs)
			files := example.files(t, name)
			file, judge := findJudge(t, files)
			before, block, _ := strings.Cut(files[file], judge)
			// change replaces an argument of what judges.
			change := func(t *testing.T, argument *regexp.Regexp, with string) *workspace {
				t.Helper()
				at := argument.FindStringIndex(block)
				changed := maps.Clone(files)
				changed[file] = before + judge + block[:at[0]] + with + "\n" + block[at[1]:]
				return newWorkspace(t, changed)
			}
			if outcomes.MatchString(block) && !strings.Contains(judge, "preflight_spec") {
				t.Run("unmatched", func(t *testing.T) {
					t.Parallel()
					w := change(t, outcomes, `outcomes = [{ warn = { when = "error" } }]`)
					example.expectShut(t, w, example.variables(t, true), "no outcome covers the status")
				})
			}
			if source.MatchString(block) {
				t.Run("missing", func(t *testing.T) {
					t.Parallel()
					w := change(t, source, `bundle = "no-such-bundle"`)
					example.expectShut(t, w, example.variables(t, true), "the bundle no-such-bundle does not exist")
				})
			}
			if example.unmocked {
				return
			}
			t.Run("mocked", func(t *testing.T) {
				t.Parallel()
				requireTerraform(t, mockProviders)
				mocked := maps.Clone(files)
				maps.DeleteFunc(mocked, func(file, _ string) bool { return strings.HasSuffix(file, ".tftest.hcl") })
				mocked["gate.tftest.hcl"] = mockProvider("") + "run \"gate\" {}\n"
				if strings.Contains(files["main.tf"], `alias      = "backup"`) {
					mocked["gate.tftest.hcl"] += mockProvider(`alias = "backup"`)
				}
				w := newWorkspace(t, mocked)
				output := w.fail(append([]string{"test"}, example.variables(t, true)...)...)
				expectText(t, output, "0 passed, 1 failed")
				if !gateClosed.MatchString(output) {
					t.Errorf("the test failed, but not for a closed gate:\n%s", output)
				}
			})
		})
	}
}

// findJudge returns the file and the beginning of the block that judges the status in an example.
func findJudge(t *testing.T, files map[string]string) (file, judge string) {
	t.Helper()
	for _, judge := range []string{
		`data "preflight_analysis" "api"`,
		`data "preflight_spec" "api"`,
		`ephemeral "preflight_spec" "api"`,
		`data "preflight_endpoints" "rollout"`,
		`ephemeral "preflight_endpoints" "rollout"`,
		`action "preflight_endpoints" "rollout"`,
		`data "preflight_tcp_connect" "api"`,
		`data "preflight_tcp_connect" "database"`,
		`ephemeral "preflight_tcp_connect" "database"`,
		`ephemeral "preflight_tcp_connect" "api"`,
		`action "preflight_tcp_connect" "api"`,
	} {
		for file, content := range files {
			if _, isLiteral := literalEndpoints[file]; !isLiteral && strings.Contains(content, judge) {
				return file, judge
			}
		}
	}
	t.Fatal("nothing judges")
	return "", ""
}

// mockProvider mocks the provider with whatever texts Terraform makes up.
func mockProvider(arguments string) string {
	return fmt.Sprintf("mock_provider \"preflight\" {\n  %s\n}\n", arguments)
}

func TestExamplesAreExcludedOnPurpose(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"exclude", "endpoints-exclude"} {
		exclude := examples[name]
		requireTerraform(t, exclude.needs)
		w := newWorkspace(t, exclude.files(t, name))
		w.succeed(applyWith(append(exclude.variables(t, false), "-var=skip_preflight=true"))...)
		w.expectResource(protected, true)
	}
}

func TestReportIsInTheSummaryOfTheJob(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	reports := examples["reports"]
	requireTerraform(t, reports.needs)
	path := t.TempDir() // in which Terraform or OpenTofu is called terraform
	if err := os.Symlink(cli.Path, filepath.Join(path, "terraform")); err != nil {
		t.Fatal(err)
	}
	for _, up := range []bool{true, false} {
		w := newWorkspace(t, reports.files(t, "reports"))
		step := exec.CommandContext(t.Context(), "sh", "-e", "plan.sh")
		step.Dir = w.dir
		summary := w.path("summary.md")
		endpoints := strings.TrimPrefix(reports.variables(t, up)[0], "-var=endpoints=")
		step.Env = slices.Concat(w.command().Env, []string{
			"PATH=" + path + ":" + os.Getenv("PATH"), "GITHUB_STEP_SUMMARY=" + summary, "TF_VAR_endpoints=" + endpoints,
		})
		output, err := step.CombinedOutput()
		if (err == nil) != up {
			t.Errorf("with the endpoint up: %t, the step ends with %v:\n%s", up, err, output)
		}
		content, err := os.ReadFile(summary)
		if err != nil || !strings.Contains(string(content), "## Preflight: ") {
			t.Errorf("the summary of the job is %q, %v", content, err)
		}
		for _, name := range []string{bundle.ReportHTML, bundle.ReportJUnit} {
			if _, err := os.Stat(w.path("support-bundle/" + name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestMockedExampleTestPasses(t *testing.T) {
	t.Parallel()
	requireTerraform(t, mockProviders)
	w := newWorkspace(t, examples["terraform-test"].files(t, "terraform-test"))
	expectText(t, w.succeed("test"), "2 passed, 0 failed")
}

func TestMockedEphemeralExampleTestPasses(t *testing.T) {
	t.Parallel()
	requireTerraform(t, ephemeralResources)
	if !cli.IsOpenTofu {
		t.Skip("Terraform can't mock ephemeral resources")
	}
	w := newWorkspace(t, examples["ephemeral-postcondition"].files(t, "ephemeral-postcondition"))
	expectText(t, w.succeed("test"), "1 passed, 0 failed")
}

func TestEveryExampleIsInTheTable(t *testing.T) {
	t.Parallel()
	var found []string
	err := filepath.WalkDir(filepath.Join(repository, "examples"), func(file string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".tf" {
			dir, _ := filepath.Rel(filepath.Join(repository, "examples"), filepath.Dir(file))
			found = append(found, filepath.ToSlash(dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range found {
		_, inTable := examples[dir]
		for parent := path.Dir(dir); !inTable && parent != "."; parent = path.Dir(parent) {
			_, inTable = examples[parent]
		}
		if !inTable {
			t.Errorf("examples/%s is run by no test", dir)
		}
	}
	if found = slices.Compact(found); len(found) < len(examples) {
		t.Errorf("%d directories for %d examples", len(found), len(examples))
	}
}

// What people copy from the documentation is what the tests run.
func TestEveryConfigurationInTheDocumentationIsAnExample(t *testing.T) {
	t.Parallel()
	var configurations []string
	for name, example := range examples {
		for _, content := range example.files(t, name) {
			configurations = append(configurations, strings.TrimSpace(content))
		}
	}
	for _, name := range recipes {
		for _, content := range (example{}).files(t, name) {
			configurations = append(configurations, strings.TrimSpace(content))
		}
	}
	pages := []string{filepath.Join(repository, "README.md")}
	for _, pattern := range []string{"docs/*.md", "docs/*/*.md"} {
		matches, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, matches...)
	}
	block := regexp.MustCompile("(?ms)^```(terraform|hcl|yaml)\n(.*?)^```$")
	blocks := 0
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range block.FindAllStringSubmatch(strings.ReplaceAll(string(content), "\r\n", "\n"), -1) {
			blocks++
			if !slices.Contains(configurations, strings.TrimSpace(match[2])) {
				t.Errorf("%s has a configuration that is not a file of examples/:\n%s", page, match[2])
			}
		}
	}
	if blocks < len(examples) {
		t.Errorf("%d configurations in %d pages, fewer than the %d examples", blocks, len(pages), len(examples))
	}
}
