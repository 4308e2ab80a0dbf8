// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package e2e drives the built provider through the Terraform or OpenTofu of this machine, as users do.
package e2e

import (
	"errors"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/dev/mirror"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/terraform"
)

// What start finds and builds, in a directory that TestMain makes.
var (
	directory string
	cli       terraform.CLI
	cliConfig string // path of a CLI configuration that finds the built provider
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if directory, err = os.MkdirTemp("", "preflight-e2e"); err != nil {
		log.Print(err)
		return 1
	}
	defer os.RemoveAll(directory) //nolint:errcheck // A directory below the system's temporary one.
	return m.Run()
}

// start is called by tests and not by TestMain: Go's cache of test results regards only the environment and the files
// that tests read. Thus they run again with another Terraform or another provider.
var start = sync.OnceValue(func() (err error) {
	if cli, err = terraform.Find(); err != nil {
		return err
	}
	if err = readSources(); err != nil {
		return err
	}
	cliConfig, err = mirror.BuildWithConfig(directory)
	return err
})

// readSources reads the directories that the provider is built from, with the sizes and times of their files. The
// linker leaves out of the tests most of the provider, so that a change of it does not always change them.
func readSources() error {
	if _, err := os.Stat(filepath.Join(repository, "go.mod")); err != nil {
		return err
	}
	return filepath.WalkDir(filepath.Join(repository, "internal"), func(_ string, _ fs.DirEntry, err error) error {
		return err
	})
}

// The versions of Terraform that introduced what some tests need.
const (
	mockProviders      = "1.7.0"
	ephemeralResources = "1.10.0"
	actions            = "1.14.0"
)

// requireTerraform skips the test unless the CLI is that version of Terraform or a later one, or an OpenTofu that can
// do the same.
func requireTerraform(tb testing.TB, oldest string) {
	tb.Helper()
	if os.Getenv("TF_ACC") == "" {
		tb.Skip("acceptance tests run Terraform only if TF_ACC is set; `make test` sets it")
	}
	if err := start(); err != nil {
		tb.Fatal(err)
	}
	if !cli.Has(oldest) {
		tb.Skipf("needs Terraform %s, this is %s", oldest, cli)
	}
}

// workspace is a directory in which Terraform is run.
type workspace struct {
	t   testing.TB
	dir string
}

// newWorkspace writes files, by their slash-separated paths, into a new directory and initializes it.
func newWorkspace(tb testing.TB, files map[string]string) *workspace {
	tb.Helper()
	w := &workspace{t: tb, dir: tb.TempDir()}
	for name, content := range files {
		w.write(name, content)
	}
	w.succeed("init", "-input=false")
	return w
}

func (w *workspace) path(name string) string {
	return filepath.Join(w.dir, filepath.FromSlash(name))
}

func (w *workspace) write(name, content string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *workspace) command(arguments ...string) *exec.Cmd {
	command := exec.CommandContext(w.t.Context(), cli.Path, append([]string{"-chdir=" + w.dir}, arguments...)...)
	command.Env = terraform.Environment(cliConfig)
	return command
}

// run returns what Terraform printed, with its line breaks and margins taken out, and its exit code.
func (w *workspace) run(arguments ...string) (output string, exitCode int) {
	w.t.Helper()
	printed, err := w.command(append(arguments, "-no-color")...).CombinedOutput()
	if err != nil {
		exit, exited := errors.AsType[*exec.ExitError](err)
		if !exited {
			w.t.Fatal(err)
		}
		exitCode = exit.ExitCode()
	}
	return flatten(string(printed)), exitCode
}

// flatten makes one line of Terraform's boxed and broken output.
func flatten(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(output)), " ")
}

func (w *workspace) succeed(arguments ...string) (output string) {
	w.t.Helper()
	output, exitCode := w.run(arguments...)
	if exitCode != 0 {
		w.t.Fatalf("terraform %s: exit code %d\n%s", strings.Join(arguments, " "), exitCode, output)
	}
	return output
}

func (w *workspace) fail(arguments ...string) (output string) {
	w.t.Helper()
	output, exitCode := w.run(arguments...)
	if exitCode == 0 {
		w.t.Fatalf("terraform %s succeeded\n%s", strings.Join(arguments, " "), output)
	}
	return output
}

// files lists the names in the workspace, without what Terraform or OpenTofu keeps there.
func (w *workspace) files() (names []string) {
	w.t.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, ".terraform") && !strings.HasPrefix(name, "terraform.tfstate") {
			names = append(names, name)
		}
	}
	return names
}

func (w *workspace) expectFile(name, want string) {
	w.t.Helper()
	content, err := os.ReadFile(w.path(name))
	if err != nil || string(content) != want {
		w.t.Errorf("%s holds %q, %v; want %q", name, content, err, want)
	}
}

func expectText(t *testing.T, output string, fragments ...string) {
	t.Helper()
	for _, fragment := range fragments {
		if !strings.Contains(output, fragment) {
			t.Errorf("the output does not say %q:\n%s", fragment, output)
		}
	}
}

// resources lists what is in the state.
func (w *workspace) resources() []string {
	w.t.Helper()
	if _, err := os.Stat(w.path("terraform.tfstate")); err != nil {
		return nil
	}
	printed, err := w.command("state", "list").Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Fields(string(printed))
}

func (w *workspace) expectResource(name string, want bool) {
	w.t.Helper()
	if resources := w.resources(); slices.Contains(resources, name) != want {
		w.t.Errorf("the state holds %q, want %s in it: %t", resources, name, want)
	}
}

// requiredProviders begins every configuration.
const requiredProviders = `terraform {
  required_providers {
    preflight = {
      source = "terraform-preflight/preflight"
    }
  }
}
`
