// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage_test

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/vantagelab"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// The servers of the matrix, in the order of its columns.
var servers = []struct {
	name  string
	start func(*vantagelab.Lab) []vantage.Config // the first is the vantage point, the others are on the way to it
}{
	{"OpenSSH", func(lab *vantagelab.Lab) []vantage.Config {
		return sshPoint(lab.OpenSSH(at(22), 0, vantagelab.PermitOpen()))
	}},
	{"OpenSSH behind OpenSSH", func(lab *vantagelab.Lab) []vantage.Config {
		// The client can't reach a loopback address of the bastion.
		inner := sshPoint(lab.OpenSSH("127.0.0.1:2201", 0, vantagelab.PermitOpen()))
		outer := sshPoint(lab.OpenSSH(at(2202), 0))
		inner[0].Via, outer[0].Name = "outer", "outer"
		return append(inner, outer...)
	}},
	{"OpenSSH, asking its name server", func(lab *vantagelab.Lab) []vantage.Config {
		configs := sshPoint(lab.OpenSSH(at(2203), 0, vantagelab.PermitOpen()))
		configs[0].Resolve.Server = netip.AddrPortFrom(vantagelab.DNS, 53)
		return configs
	}},
	{"dropbear", func(lab *vantagelab.Lab) []vantage.Config { return sshPoint(lab.Dropbear(at(2204))) }},
	{"microsocks", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Microsocks(at(1080)), "") }},
	{"dante", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Dante(at(1081)), "") }},
	{"`ssh -D`", func(lab *vantagelab.Lab) []vantage.Config {
		server := lab.OpenSSH(at(2205), 0, vantagelab.PermitOpen())
		return proxyPoint(lab.DynamicForward(at(1082), server), "")
	}},
	{"squid", func(lab *vantagelab.Lab) []vantage.Config {
		return proxyPoint(lab.Squid(at(3128), vantagelab.Squid{}))
	}},
	{"squid over TLS", func(lab *vantagelab.Lab) []vantage.Config {
		return proxyPoint(lab.Squid(at(3129), vantagelab.Squid{TLS: true}))
	}},
	{"tinyproxy", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Tinyproxy(at(8888), 100), "") }},
	{"apache", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Apache(at(8080)), "") }},
}

// at returns an endpoint of the bastion on the client's side.
func at(port uint16) string { return netip.AddrPortFrom(vantagelab.Bastion, port).String() }

func sshPoint(server *vantagelab.SSHServer) []vantage.Config {
	return []vantage.Config{{
		Name:           "bastion",
		ConnectTimeout: vantage.DefaultConnectTimeout,
		SSH: &vantage.SSH{
			Host: server.Address, User: server.User, PrivateKey: server.PrivateKey, HostKey: server.HostKey,
		},
	}}
}

func proxyPoint(url, authority string) []vantage.Config {
	return []vantage.Config{{
		Name:           "bastion",
		ConnectTimeout: vantage.DefaultConnectTimeout,
		Proxy:          &vantage.Proxy{URL: url, CACertificate: authority},
	}}
}

// The reasons of the matrix, with short names so that the table is one.
const (
	connected    = tcpconnect.ReasonConnected
	refused      = tcpconnect.ReasonRefused
	noResponse   = tcpconnect.ReasonNoResponse
	dnsTimeout   = tcpconnect.ReasonDNSTimeout
	dnsFailure   = tcpconnect.ReasonDNSFailure
	noSuchHost   = tcpconnect.ReasonNoSuchHost
	noHost       = tcpconnect.ReasonHostUnreachable
	noNetwork    = tcpconnect.ReasonNetworkUnreachable
	prohibited   = tcpconnect.ReasonProhibited
	reset        = tcpconnect.ReasonReset
	forbidden    = tcpconnect.ReasonVantageProhibited
	unreachable  = tcpconnect.ReasonVantageUnreachable
	vantageLimit = tcpconnect.ReasonVantageLimit
	other        = tcpconnect.ReasonOther
)

type reasons []tcpconnect.Reason

// matrix holds what is said of each target from each server.
var matrix = []struct {
	target  string
	made    string // for RELIABILITY.md
	address string
	want    reasons                      // one for each server
	or      map[string]tcpconnect.Reason // another one that a server may tell, by its name
}{
	{"open port", "a listener", target(vantagelab.PortOpen), every(connected), nil},
	{"open port, IPv6", "a listener", target6(vantagelab.PortOpen), every(connected), nil},
	{"closed port", "no listener", target(vantagelab.PortRefused), every(refused), nil},
	{"closed port, IPv6", "no listener", target6(vantagelab.PortRefused), every(refused), nil},
	{"silent port", "`input tcp dport 82 drop` at the target", target(vantagelab.PortSilent), every(noResponse), nil},
	{"host unreachable, told later", "`reject with icmp host-unreachable` at the target",
		target(vantagelab.PortUnreachable), every(noHost), nil},
	{"no route", "no route at the server", vantagelab.NoRoute + ":80", every(noNetwork), nil},
	{"unreachable route", "`ip route add unreachable` at the server", vantagelab.UnreachableRoute + ":80", every(noHost), nil},
	{"prohibit route", "`ip route add prohibit` at the server", vantagelab.ProhibitedRoute + ":80", every(prohibited), nil},
	{"forbidden port", "a rule of the server; the port is open", target(vantagelab.PortForbidden), every(forbidden), nil},
	{"accepted and reset at once", "the target closes each connection with SO_LINGER 0",
		target(vantagelab.PortReset), every(connected), nil},
	{"name of an open port", "its name server answers", vantagelab.NameOpen + ":80", every(connected), nil},
	{"name that does not exist", "its name server answers NXDOMAIN", vantagelab.NameMissing + ":80", every(noSuchHost), nil},
	{"name that is not answered", "its name server stays silent", vantagelab.NameUnanswered + ":80", every(dnsTimeout), nil},
	{"name with two addresses, the first is silent", "the other one accepts",
		vantagelab.NameHalfSilent + ":80", every(connected), nil},
}

func every(reason tcpconnect.Reason) reasons { return slices.Repeat(reasons{reason}, len(servers)) }

func target(port uint16) string  { return netip.AddrPortFrom(vantagelab.Target, port).String() }
func target6(port uint16) string { return netip.AddrPortFrom(vantagelab.Target6, port).String() }

var allPrograms = slices.Concat(
	vantagelab.OpenSSHPrograms, vantagelab.DropbearPrograms, vantagelab.ProxyPrograms)

// What real servers say of targets of each kind. RELIABILITY.md has this table.
func TestVantagePointsTellWhatTheirServersSay(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, allPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	measured := make([][]string, len(matrix))
	for column, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			results := sweep(t, server.start(lab), matrixChecks(t))
			for row, result := range results {
				cell := matrix[row]
				measured[row] = append(measured[row], string(result.Reason))
				t.Logf("%s: %s, %s: %s", cell.target, result.Status, result.Reason, result.Message)
				if want := cell.want[column]; result.Reason != want && result.Reason != cell.or[server.name] {
					t.Errorf("%s (%s): %s (%q), want %s", cell.target, cell.address, result.Reason, result.Message, want)
				}
				if result.Status != result.Reason.Status() {
					t.Errorf("%s: %s with %s", cell.target, result.Status, result.Reason)
				}
			}
		})
	}
	for row, cell := range matrix {
		t.Log(cell.target, strings.Join(measured[row], " "))
	}
}

func matrixChecks(t *testing.T) []tcpconnect.Check {
	t.Helper()
	checks := make([]tcpconnect.Check, len(matrix))
	for i, cell := range matrix {
		checks[i] = check(t, cell.address, 2*time.Second)
	}
	return checks
}

// check is one from the vantage point of a test.
func check(tb testing.TB, address string, timeout time.Duration) tcpconnect.Check {
	tb.Helper()
	parsed, err := tcpconnect.ParseAddress(address)
	if err != nil {
		tb.Fatal(err)
	}
	return tcpconnect.Check{Target: tcpconnect.Target{Address: parsed, Via: "bastion"}, Timeout: timeout}
}

// collector returns a collector that dials from vantage points.
func collector(tb testing.TB, configs []vantage.Config) *tcpconnect.Collector {
	tb.Helper()
	points, err := vantage.New(configs)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := points.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &tcpconnect.Collector{VantagePoints: points.Map()}
}

func sweep(tb testing.TB, configs []vantage.Config, checks []tcpconnect.Check) []tcpconnect.Result {
	tb.Helper()
	results, err := collector(tb, configs).Sweep(tb.Context(), checks, tcpconnect.SweepOptions{Limit: 1000})
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

const reliabilityPage = "../../RELIABILITY.md"

// The page has the matrix. With PREFLIGHT_GENERATE, this test writes it.
func TestReliabilityPageHasTheMatrixOfVantagePoints(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(reliabilityPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "| target | how it is made |"
	before, table, found := strings.Cut(string(content), begin)
	_, after, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatalf("the page has no table that begins with %q, or nothing after it", begin)
	}
	page := before + matrixTable(begin) + "\n" + after
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

func matrixTable(begin string) string {
	var table strings.Builder
	table.WriteString(begin)
	for _, server := range servers {
		fmt.Fprintf(&table, " %s |", server.name)
	}
	table.WriteString("\n" + strings.Repeat("| --- ", len(servers)+2) + "|\n")
	for _, cell := range matrix {
		fmt.Fprintf(&table, "| %s | %s |", cell.target, cell.made)
		for column, reason := range cell.want {
			fmt.Fprintf(&table, " `%s`", reason)
			if or := cell.or[servers[column].name]; or != "" {
				fmt.Fprintf(&table, " or `%s`", or)
			}
			table.WriteString(" |")
		}
		table.WriteString("\n")
	}
	return table.String()
}
