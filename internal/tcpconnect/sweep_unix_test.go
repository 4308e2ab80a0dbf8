// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package tcpconnect

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// underLimits is set in a process that rerun started.
const underLimits = "PREFLIGHT_TEST_UNDER_LIMITS"

// rerun runs the calling test again in another process, after a shell command.
func rerun(t *testing.T, shell string) {
	t.Helper()
	rerunIn(t, nil, shell)
}

// rerunIn does the same in a shell that a program starts.
func rerunIn(t *testing.T, program []string, shell string) {
	t.Helper()
	line := slices.Concat(program, []string{
		"sh", "-c", shell + ` && exec "$0" "$@"`,
		os.Args[0], "-test.run=^" + t.Name() + "$", "-test.v",
	})
	command := exec.CommandContext(t.Context(), line[0], line[1:]...)
	command.Env = append(os.Environ(), underLimits+"=1")
	output, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestSweepStaysBelowTheLimitOfOpenFiles(t *testing.T) {
	t.Parallel()
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -n 64")
		return
	}
	open, refused := loopback.Open(t), loopback.Refused(t)
	zone := loopback.Zone{"db.test.": {loopback.IPv4}}
	collector := &Collector{Resolver: loopback.DNS(t, zone, 0)}
	name := mustParse(t, "db.test.:80")
	name.port = open.Port()
	addresses := []Address{mustParse(t, open.String()), mustParse(t, refused.String()), name}
	want := []Status{Connected, ConnectionRefused, Connected}
	checks := make([]Check, 2000)
	for i := range checks {
		checks[i] = Check{Target: Target{Address: addresses[i%3]}, Timeout: patient}
	}
	for i, result := range sweepAll(t, collector, checks, 1000) {
		if result.Status != want[i%3] {
			t.Fatalf("check %d of %s is %s (%s), want %s",
				i, checks[i].Target.Address, result.Status, result.Message, want[i%3])
		}
	}
}

// A name with many silent addresses dials one more every 250 ms.
func TestSweepStaysBelowTheLimitOfOpenFilesWithManyAddresses(t *testing.T) {
	t.Parallel()
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -n 128")
		return
	}
	silent, open := loopback.Silent(t, loopback.IPv4), loopback.Listen(t, loopback.IPv4).AddrPort()
	many := make([]netip.Addr, 12)
	for i := range many {
		many[i] = loopback.IPv4
	}
	collector := &Collector{Resolver: loopback.DNSFunc(t, func(reply *dnsmessage.Message, _ string) bool {
		if reply.Questions[0].Name.String() == "slow.test." {
			loopback.AddAddresses(reply, many...)
			return true
		}
		<-time.After(5 * time.Millisecond) // so that lookups are always in flight
		loopback.AddAddresses(reply, loopback.IPv4)
		return true
	})}
	slow, name := mustParse(t, "slow.test.:80"), mustParse(t, "db.test.:80")
	slow.port, name.port = silent.Port(), open.Port()
	const slowOnes = 15
	checks := make([]Check, 3000)
	for i := range checks {
		checks[i] = Check{Target: Target{Address: name}, Timeout: patient}
		if i < slowOnes {
			checks[i] = Check{Target: Target{Address: slow}, Timeout: 3 * time.Second}
		}
	}
	for i, result := range sweepAll(t, collector, checks, 1000) {
		want := Connected
		if i < slowOnes {
			want = ConnectionTimeout
		}
		if result.Status != want {
			t.Fatalf("check %d of %s is %s (%s), want %s",
				i, checks[i].Target.Address, result.Status, result.Message, want)
		}
	}
}

func TestSoftLimitOfOpenFilesIsRaised(t *testing.T) {
	t.Parallel()
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -Sn 64")
		return
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max <= 1000 {
		t.Skipf("the hard limit is %d: nothing to raise to", limit.Max)
	}
	if free := freeDescriptors(); limit.Cur <= 64 || free <= 64 {
		t.Errorf("the soft limit is %d, and %d descriptors are free", limit.Cur, free)
	}
}

func TestFreeDescriptorsAreCounted(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "freebsd" {
		t.Skip("/dev/fd lists the first three only unless fdescfs is mounted")
	}
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -n 64") // alone, so that no other test opens or closes descriptors
		return
	}
	before := 0
	for i := range 11 {
		if i == 1 {
			before = freeDescriptors() // the first one makes Go's runtime open its poller
		}
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // Nothing was written.
	}
	if after := freeDescriptors(); after != before-10 {
		t.Errorf("%d were free, and %d after ten more files were opened", before, after)
	}
}

func TestDescriptorLimitIsAFaultOfThisMachine(t *testing.T) {
	t.Parallel()
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -n 64")
		return
	}
	peer := loopback.Refused(t)                      // a listener would open and close descriptors of its own
	collect(t, &Collector{}, peer.String(), patient) // opens what Go's runtime keeps
	var files []*os.File
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, file)
	}
	expect(t, collect(t, &Collector{}, peer.String(), patient), Error, ReasonLocalLimit, "too many open files")
	checks := []Check{{Target: Target{Address: mustParse(t, peer.String())}, Timeout: 100 * time.Millisecond}}
	expect(t, sweepAll(t, &Collector{}, checks, 1)[0], Error, ReasonLocalLimit, "RLIMIT_NOFILE")
	for _, file := range files {
		_ = file.Close()
	}
	expect(t, sweepAll(t, &Collector{}, checks, 1)[0], ConnectionRefused, ReasonRefused, "connection refused")
}

// When the first lookup begins, dials may hold nearly all descriptors.
func TestLookupsAreNotFewForeverAfterDescriptorsWere(t *testing.T) {
	t.Parallel()
	if os.Getenv(underLimits) == "" {
		rerun(t, "ulimit -n 256")
		return
	}
	collector := &Collector{Resolver: halves(t, knows(loopback.IPv4), staysSilent), Dialer: endpointDialer(accepting)}
	var files []*os.File
	for freeDescriptors() > spareDescriptors {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	collect(t, collector, "db.test.:80", recountAfter)
	for _, file := range files {
		_ = file.Close()
	}
	// The query for IPv6 addresses is not answered, and must not keep the other one from its turn.
	expect(t, collect(t, collector, "db.test.:80", patient), Connected, ReasonConnected, "")
}
