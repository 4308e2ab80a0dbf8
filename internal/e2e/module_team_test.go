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
	"slices"
	"strings"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// teamVariable is a list as a team writes it. The cache never accepts connections, and only warns.
func teamVariable(t *testing.T, up bool) []string {
	t.Helper()
	return []string{fmt.Sprintf("-var=endpoints={"+
		"database = { address = %q, owner = \"data\", message = \"No start without it.\" },"+
		"cache = { address = %q, owner = \"web\", severity = \"warn\" } }", endpoint(t, up), endpoint(t, false))}
}

func TestModuleOfATeamPassesItsTests(t *testing.T) {
	t.Parallel()
	requireTerraform(t, mockProviders)
	const name = "module-team/gate"
	w := newWorkspace(t, example{}.files(t, name))
	port := loopback.Open(t).Port()
	output := w.script(t, "test.sh", "", fmt.Sprintf("PORT=%d", port))
	expectText(t, output, "11 passed, 0 failed")

	// Nothing accepts connections at that port: the test of an open gate fails, and no other.
	output = w.fail("test", fmt.Sprintf("-var=port=%d", loopback.Refused(t).Port()))
	expectText(t, output, `run "open"... fail`, "database (data): connection-refused")
}

// The guide shows what Terraform prints.
func TestModuleOfATeamSaysWhatItsGuideSays(t *testing.T) {
	t.Parallel()
	team := examples["module-team"]
	requireTerraform(t, team.needs)
	page, err := os.ReadFile(filepath.Join(repository, "docs", "guides", "a-module-for-your-team.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), "\r\n", "\n")
	printed := regexp.MustCompile("(?s)\n\n```\n(.*?)```\n").FindAllStringSubmatch(text, -1)
	if len(printed) != 2 {
		t.Fatalf("the guide shows %d outputs, this test makes 2", len(printed))
	}
	const list = "endpoints.auto.tfvars"
	files := team.files(t, "module-team")
	w := newWorkspace(t, files)

	w.write(list, strings.Replace(files[list], "severity", "sevrity", 1))
	expectText(t, w.fail("plan"), paragraphs(printed[0][1])...)

	w.write(list, files[list])
	expectText(t, w.script(t, "skip.sh", "yes\n"),
		append(paragraphs(printed[1][1]), "Apply complete! Resources: 2 added")...)
}

// paragraphs returns each paragraph of an output in one line. OpenTofu prints more between them.
func paragraphs(output string) (flat []string) {
	for paragraph := range strings.SplitSeq(output, "\n\n") {
		flat = append(flat, flatten(paragraph))
	}
	return flat
}

// script runs the shell of an example and returns what it printed, as run does.
func (w *workspace) script(t *testing.T, file, input string, variables ...string) (output string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := t.TempDir() // in which Terraform or OpenTofu is called terraform
	if err := os.Symlink(cli.Path, filepath.Join(path, "terraform")); err != nil {
		t.Fatal(err)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-e", file)
	shell.Dir, shell.Stdin = w.dir, strings.NewReader(input)
	shell.Env = slices.Concat(w.command().Env, variables, []string{
		"PATH=" + path + ":" + os.Getenv("PATH"), "TF_CLI_ARGS=-no-color",
	})
	printed, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, printed)
	}
	return flatten(string(printed))
}
