// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/loopback"
)

func TestInterruptEndsASilentDial(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	peer := loopback.Silent(t, loopback.IPv4)
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  timeout = "5m"
}
`, peer)})
	command := w.command("plan", "-no-color")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals the whole group
	var errorOutput bytes.Buffer
	command.Stderr = &errorOutput
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() && !strings.Contains(lines.Text(), "data.preflight_tcp_connect.db: Reading...") {
	}
	interrupted := time.Now()
	if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // to the end, so that Terraform can write
	}
	err = command.Wait()
	elapsed := time.Since(interrupted)
	t.Logf("ended %s after the interrupt", elapsed)
	if err == nil {
		t.Error("the interrupted plan succeeded")
	}
	expectText(t, flatten(errorOutput.String()), "Check Interrupted", peer.String(), "no result was written")
	if elapsed > 10*time.Second {
		t.Errorf("ended %s after the interrupt", elapsed)
	}
	if _, err := os.Stat(w.path("support-bundle")); !os.IsNotExist(err) {
		t.Errorf("an interrupted check made a bundle: %v", err)
	}
}

func TestFiftyPlansInOneDirectoryLeaveWholeFiles(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + `
variable "address" {
  type = string
}
data "preflight_tcp_connect" "db" {
  address = var.address
}
`})
	addresses := []string{loopback.Open(t).String(), loopback.Refused(t).String()}
	var plans sync.WaitGroup
	for i := range 50 {
		plans.Go(func() {
			if output, exitCode := w.run("plan", "-lock=false", "-var=address="+addresses[i%2]); exitCode != 0 {
				t.Error(output)
			}
		})
	}
	plans.Wait()
	entries, err := os.ReadDir(w.path("support-bundle/host-collectors/connect"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "connect.json" {
		t.Errorf("the directory of results holds %v, %v", entries, err)
	}
	content, err := os.ReadFile(w.path("support-bundle/host-collectors/connect/connect.json"))
	if status := string(content); err != nil || status != "connected" && status != "connection-refused" {
		t.Errorf("the result file holds %q, %v", content, err)
	}
}
