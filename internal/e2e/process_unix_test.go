// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

//nolint:paralleltest // It measures time, so nothing else may run beside it.
func TestInterruptEndsACheck(t *testing.T) {
	const retry = "retry {\n    min_delay = \"2m\"\n    max_delay = \"2m\"\n  }"
	for name, test := range map[string]struct {
		oldest string
		block  string
		peer   netip.AddrPort
		more   string
		during string // what the provider logs when it has come there
	}{
		"silent dial":              {"1.0.0", "data", loopback.Silent(t, loopback.IPv4), "", "dialling:"},
		"between dials":            {"1.0.0", "data", loopback.Refused(t), retry, "dialled connect at"},
		"between dials, ephemeral": {ephemeralResources, "ephemeral", loopback.Refused(t), retry, "dialled connect at"},
	} {
		t.Run(name, func(t *testing.T) {
			requireTerraform(t, test.oldest)
			w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + fmt.Sprintf(`
%s "preflight_tcp_connect" "db" {
  address = %q
  timeout = "5m"
  %s
}
`, test.block, test.peer, test.more)})
			interruptPlan(t, w, test.during, test.peer.String())
		})
	}
	t.Run("sweep of a spec", func(t *testing.T) {
		requireTerraform(t, "1.0.0")
		silent := loopback.Silent(t, loopback.IPv4)
		config := requiredProviders + fmt.Sprintf(`
data "preflight_spec" "all" {
  archive = "acme.tar.gz"
  spec = yamlencode({
    apiVersion = "troubleshoot.sh/v1beta2"
    kind       = "HostPreflight"
    spec = {
      collectors = [for i in range(1000) : {
        tcpConnect = { collectorName = "c${i}", address = %q, timeout = "5m" }
      }]
      analyzers = [for i in range(1000) : {
        tcpConnect = { collectorName = "c${i}", outcomes = [{ warn = {} }] }
      }]
    }
  })
}
`, silent)
		w := newWorkspace(t, map[string]string{"acme.tar.gz": "an older one", "main.tf": config})
		interruptPlan(t, w, "dialling the addresses of the spec")
		w.expectFile("acme.tar.gz", "an older one")
		if files := w.files(); !slices.Equal(files, []string{"acme.tar.gz", "main.tf"}) {
			t.Errorf("the interrupted sweep left %q", files)
		}
	})
}

// interruptPlan interrupts a plan when the provider has logged a text: see interrupt.
func interruptPlan(t *testing.T, w *workspace, during string, says ...string) {
	t.Helper()
	plan := startPlan(t, w, "TF_LOG_PROVIDER=DEBUG")
	for plan.lines.Scan() && !strings.Contains(plan.lines.Text(), during) {
	}
	plan.interrupt(t, w, says...)
}

// plan is a plan that is under way.
type plan struct {
	command *exec.Cmd
	lines   *bufio.Scanner // of its error output
}

func startPlan(t *testing.T, w *workspace, environment ...string) plan {
	t.Helper()
	command := w.command("plan", "-no-color")
	command.Env = append(command.Env, environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal signals the whole group
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return plan{command, bufio.NewScanner(output)}
}

// interrupt sends the plan what Ctrl-C sends, and expects that the plan ends at once with an error and leaves no file
// and no process.
func (p plan) interrupt(t *testing.T, w *workspace, says ...string) {
	t.Helper()
	command, lines := p.command, p.lines
	interrupted := time.Now()
	if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var errorOutput strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&errorOutput, lines.Text())
	}
	err := command.Wait()
	elapsed := time.Since(interrupted)
	t.Logf("ended %s after the interrupt", elapsed)
	if err == nil {
		t.Error("the interrupted plan succeeded")
	}
	expectText(t, flatten(errorOutput.String()), append(says, "Error: Check Interrupted", "no result was written")...)
	if elapsed > time.Second {
		t.Errorf("ended %s after the interrupt", elapsed)
	}
	if err := syscall.Kill(-command.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("a process of the plan is left: %v", err)
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
