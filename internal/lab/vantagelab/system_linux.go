// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantagelab

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// inside is set in a process that InOwnSystem started.
const inside = "PREFLIGHT_TEST_VANTAGE_LAB"

// Program is a program of a package of Debian.
type Program struct {
	Name    string // or path
	Package string
}

// InOwnSystem reruns the calling test, subtest or benchmark in a process with a network, mounts and process numbers of
// its own, and returns true there. This process is the client of a [Lab], so what dials in any of its goroutines does
// so from the client. All servers end when it does. The test is skipped if a program is missing.
func InOwnSystem(tb testing.TB, programs ...Program) bool {
	tb.Helper()
	if os.Getenv(inside) != "" {
		return true
	}
	if os.Getuid() != 0 {
		tb.Skip("network namespaces need root")
	}
	for _, program := range append(programs, Program{"ip", "iproute2"}, Program{"nft", "nftables"}) {
		if _, err := exec.LookPath(program.Name); err != nil {
			tb.Skipf("needs the program %s (Debian: %s)", program.Name, program.Package)
		}
	}
	const prepare = "mount --make-rprivate / && mount -t proc proc /proc && ip link set lo up"
	arguments := []string{"-c", prepare + ` && exec "$0" "$@"`, os.Args[0], "-test.v", "-test.timeout=5m",
		"-test.parallel=16", // most of the time the tests wait for a network
	}
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(tb.Name()), "/", "$/^") + "$"
	_, isBenchmark := tb.(*testing.B)
	if isBenchmark {
		arguments = append(arguments, "-test.run=^$", "-test.bench="+pattern,
			"-test.benchtime="+flag.Lookup("test.benchtime").Value.String())
	} else {
		arguments = append(arguments, "-test.run="+pattern)
	}
	command := exec.CommandContext(tb.Context(), "sh", arguments...)
	command.Env = append(os.Environ(), inside+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	runtime.LockOSThread() // the process is killed when the thread that started it ends
	defer runtime.UnlockOSThread()
	output, err := command.CombinedOutput()
	switch text := string(output); {
	case err != nil:
		tb.Errorf("%v\n%s", err, text)
	case strings.Contains(text, "--- SKIP: "+tb.Name()+" "):
		tb.Skip(text)
	case isBenchmark:
		reportMetrics(tb.(*testing.B), text)
	case !strings.Contains(text, "--- PASS: "+tb.Name()+" "):
		tb.Errorf("the test did not run:\n%s", text)
	default:
		tb.Log(text)
	}
	return false
}

// reportMetrics reports what a benchmark in another process has reported.
func reportMetrics(b *testing.B, output string) {
	b.Helper()
	result := regexp.MustCompile(`(?m)^(?:Benchmark\S+)?\s+\d+\t(.+)$`).FindStringSubmatch(output)
	if result == nil {
		b.Fatalf("the benchmark did not run:\n%s", output)
	}
	b.ReportMetric(0, "ns/op")
	for metric := range strings.SplitSeq(result[1], "\t") {
		text, unit, _ := strings.Cut(strings.TrimSpace(metric), " ")
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			b.Fatal(fmt.Errorf("metric %q: %w", metric, err))
		}
		b.ReportMetric(value, unit)
	}
}
