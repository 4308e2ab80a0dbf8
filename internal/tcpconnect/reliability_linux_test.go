// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const reliabilityPage = "../../RELIABILITY.md"

// The page ends with the table of faults. `make generate` writes it.
func TestReliabilityPageIsTheTableOfFaults(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(reliabilityPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "| fault | how it is made | status | reason |\n"
	text, _, found := strings.Cut(string(content), begin)
	if !found {
		t.Fatalf("the page has no line %q", begin)
	}
	page := text + begin + "| --- | --- | --- | --- |\n"
	for _, fault := range networkFaults() {
		made := strings.ReplaceAll(fault.made, "|", `\|`)
		page += fmt.Sprintf("| %s | %s | `%s` | `%s` |\n", fault.name, made, fault.reason.Status(), fault.reason)
	}
	if os.Getenv("PREFLIGHT_GENERATE") != "" {
		if err := os.WriteFile(reliabilityPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if page != string(content) {
		t.Error("the page is not current; run `make generate`")
	}
}
