// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	r := newRunner(t, example{}.files(t, name), nil)
	r.setenv(map[string]string{"PORT": fmt.Sprint(loopback.Open(t).Port())})
	output, _ := r.shell("sh -e test.sh", "sh", "-e")
	expectText(t, output, "11 passed, 0 failed")

	// Nothing accepts connections at that port: the test of an open gate fails, and no other.
	output = r.fail("test", fmt.Sprintf("-var=port=%d", loopback.Refused(t).Port()))
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
	r := newRunner(t, files, nil)

	r.write(list, strings.Replace(files[list], "severity", "sevrity", 1))
	expectText(t, r.fail("plan"), paragraphs(printed[0][1])...)

	r.write(list, files[list])
	r.setenv(map[string]string{"TF_CLI_ARGS": "-no-color"})
	output, _ := r.shell("echo yes | sh -e skip.sh", "sh", "-e")
	expectText(t, flatten(output), append(paragraphs(printed[1][1]), "Apply complete! Resources: 2 added")...)
}

// paragraphs returns each paragraph of an output in one line. OpenTofu prints more between them.
func paragraphs(output string) (flat []string) {
	for paragraph := range strings.SplitSeq(output, "\n\n") {
		flat = append(flat, flatten(paragraph))
	}
	return flat
}
