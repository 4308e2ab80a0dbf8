// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/terraform"
)

// The first screen of the README and of the overview shows what the closed gate prints. Only the addresses differ.
func TestTheFirstScreenShowsWhatTheClosedGatePrints(t *testing.T) {
	t.Parallel()
	gate := examples["gate"]
	requireTerraform(t, gate.needs)
	files := gate.files(t, "gate")
	refused := loopback.Refused(t).String()
	files["test_override.tf"] = fmt.Sprintf(
		"data \"preflight_endpoints\" \"rollout\" {\n  endpoints = { database = %q, registry = %q }\n}\n",
		refused, loopback.Open(t),
	)
	delete(files, "test_variables.tf")
	w := newWorkspace(t, files)
	output := strings.NewReplacer(
		"dial tcp "+refused, "dial tcp 10.0.0.7:5432", // the address of the name, and
		refused, "db.internal:5432", // the name
	).Replace(w.fail("plan"))
	shown := regexp.MustCompile("(?ms)^```\n(Error: .*?)^```$")
	for _, page := range []string{"README.md", "docs/index.md"} {
		match := shown.FindStringSubmatch(readPage(t, page))
		if match == nil {
			t.Fatalf("%s shows no error", page)
		}
		if !strings.HasSuffix(output, flatten(match[1])) {
			t.Errorf("%s shows\n%s\nbut the plan prints\n%s", page, match[1], output)
		}
	}
}

// The gate of the first screen is a whole configuration, as it stands and after `make install`.
func TestTheFirstGateAfterMakeInstall(t *testing.T) {
	t.Parallel()
	requireTerraform(t, examples["gate"].needs)
	if _, err := exec.LookPath("make"); err != nil || runtime.GOOS == "windows" {
		t.Skip("needs make, and a home directory that the environment sets")
	}
	home := t.TempDir()
	cliConfig := filepath.Join(home, "empty.tfrc") // not the one of this user
	if err := os.WriteFile(cliConfig, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	environment := append(terraform.Environment(cliConfig), "HOME="+home)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		environment = append(environment, name+"="+strings.TrimSpace(string(value)))
	}
	configuration := filepath.Join(home, "gate")
	if err := os.CopyFS(configuration, os.DirFS(filepath.Join(repository, "examples", "gate"))); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		dir     string
		command []string
	}{
		{repository, []string{"make", "install"}},
		{configuration, []string{cli.Path, "init", "-input=false"}},
		{configuration, []string{cli.Path, "validate"}},
	} {
		command := exec.CommandContext(t.Context(), step.command[0], step.command[1:]...)
		command.Dir, command.Env = step.dir, environment
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", step.command, err, output)
		}
	}
}

func TestEveryMakeTargetOfThePagesExists(t *testing.T) {
	t.Parallel()
	makefile := readPage(t, "GNUmakefile")
	target := regexp.MustCompile("(?m)(?:^|`)make ([a-z]+)")
	for _, page := range documentation(t) {
		for _, match := range target.FindAllStringSubmatch(readPage(t, page), -1) {
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s mentions make %s, which is not a target", page, match[1])
			}
		}
	}
}
