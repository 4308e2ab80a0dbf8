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
		return sshPoint(lab.OpenSSH(at(22), vantagelab.PermitOpen()))
	}},
	{"OpenSSH behind OpenSSH", func(lab *vantagelab.Lab) []vantage.Config {
		// The client can't reach a loopback address of the bastion.
		inner := sshPoint(lab.OpenSSH("127.0.0.1:2201", vantagelab.PermitOpen()))
		outer := sshPoint(lab.OpenSSH(at(2202)))
		inner[0].Via, outer[0].Name = "outer", "outer"
		return append(inner, outer...)
	}},
	{"OpenSSH, asking its name server", func(lab *vantagelab.Lab) []vantage.Config {
		configs := sshPoint(lab.OpenSSH(at(2203), vantagelab.PermitOpen()))
		configs[0].Resolve.Server = netip.AddrPortFrom(vantagelab.DNS, 53)
		return configs
	}},
	{"dropbear", func(lab *vantagelab.Lab) []vantage.Config { return sshPoint(lab.Dropbear(at(2204))) }},
	{"microsocks", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Microsocks(at(1080)), "") }},
	{"dante", func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Dante(at(1081)), "") }},
	{"`ssh -D`", func(lab *vantagelab.Lab) []vantage.Config {
		server := lab.OpenSSH(at(2205), vantagelab.PermitOpen())
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
	connected   = tcpconnect.ReasonConnected
	refused     = tcpconnect.ReasonRefused
	noResponse  = tcpconnect.ReasonNoResponse
	dnsTimeout  = tcpconnect.ReasonDNSTimeout
	dnsFailure  = tcpconnect.ReasonDNSFailure
	noSuchHost  = tcpconnect.ReasonNoSuchHost
	noHost      = tcpconnect.ReasonHostUnreachable
	noNetwork   = tcpconnect.ReasonNetworkUnreachable
	prohibited  = tcpconnect.ReasonProhibited
	reset       = tcpconnect.ReasonReset
	forbidden   = tcpconnect.ReasonVantageProhibited
	unreachable = tcpconnect.ReasonVantageUnreachable
	other       = tcpconnect.ReasonOther
)

type reasons []tcpconnect.Reason

// matrix holds what is said of each target, in a column for each server. What differs is what the servers say; where
// they are wrong, so is the cell.
var matrix = []struct {
	target  string
	made    string // for RELIABILITY.md
	address string
	want    reasons
}{
	{"open port", "a listener", target(vantagelab.PortOpen), every(connected)},
	{"open port, IPv6", "a listener", target6(vantagelab.PortOpen), every(connected)},
	{"closed port", "no listener", target(vantagelab.PortRefused), reasons{
		refused, refused, refused, refused, refused, refused, other, refused, refused, other, other,
	}},
	{"closed port, IPv6", "no listener", target6(vantagelab.PortRefused), reasons{
		refused, refused, refused, refused, refused, refused, other, refused, refused, other, other,
	}},
	{"silent port", "nftables: `input tcp dport 82 drop`", target(vantagelab.PortSilent), every(noResponse)},
	{"unreachable, told by ICMP", "nftables: `reject with icmp host-unreachable`",
		target(vantagelab.PortUnreachable), reasons{
			noHost, noHost, noHost, noHost, noHost, noHost, other, noHost, noHost, other, other,
		}},
	{"no route", "the server has no route", vantagelab.NoRoute + ":80", reasons{
		other, other, other, noNetwork, noNetwork, noNetwork, other, noNetwork, noNetwork, other, other,
	}},
	{"unreachable route", "`ip route add unreachable` at the server", vantagelab.UnreachableRoute + ":80", reasons{
		other, other, other, noHost, noHost, noHost, other, noHost, noHost, other, other,
	}},
	{"prohibit route", "`ip route add prohibit` at the server", vantagelab.ProhibitedRoute + ":80", reasons{
		other, other, other, prohibited, other, other, other, prohibited, prohibited, other, other,
	}},
	{"forbidden port", "a rule of the server (microsocks has none); the port is open",
		target(vantagelab.PortForbidden), reasons{
			forbidden, forbidden, forbidden, forbidden, connected, forbidden, other, forbidden, forbidden, forbidden,
			forbidden,
		}},
	{"name of an open port", "the name server answers", vantagelab.NameOpen + ":80", every(connected)},
	{"name that does not exist", "the name server answers NXDOMAIN", vantagelab.NameMissing + ":80", reasons{
		noSuchHost, noSuchHost, noSuchHost, noSuchHost, other, other, other, other, other, other, other,
	}},
	{"name that is not answered", "the name server stays silent", vantagelab.NameUnanswered + ":80", reasons{
		dnsFailure, dnsFailure, dnsTimeout, dnsFailure, other, other, other, noResponse, noResponse, other, other,
	}},
	{"name with two addresses, the first is silent", "the other one accepts", vantagelab.NameHalfSilent + ":80",
		reasons{
			noResponse, noResponse, connected, noResponse, noResponse, connected, noResponse, connected, connected,
			noResponse, noResponse,
		}},
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
	points := make([][]vantage.Config, len(servers))
	for i, server := range servers {
		points[i] = server.start(lab)
	}
	for column, server := range servers {
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			var checks []tcpconnect.Check
			for _, cell := range matrix {
				checks = append(checks, check(t, cell.address, 3*time.Second))
			}
			for row, result := range sweep(t, points[column], checks) {
				cell := matrix[row]
				t.Logf("%s: %s (%s)", cell.target, result.Reason, result.Message)
				if want := cell.want[column]; result.Reason != want || result.Status != want.Status() {
					t.Errorf("%s: %s, %s; want %s", cell.target, result.Status, result.Reason, want)
				}
			}
		})
	}
}

// The servers race with the reset. Most say that they connected, some say what connect(2) says then, and dante takes it
// for a refusal.
func TestResetAfterTheHandshakeIsNoSilence(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, allPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	for _, server := range servers {
		result := sweep(t, server.start(lab), []tcpconnect.Check{check(t, target(vantagelab.PortReset), patience)})[0]
		allowed := reasons{connected, reset, other}
		if server.name == "dante" {
			allowed = append(allowed, refused)
		}
		if t.Logf("%s: %s (%s)", server.name, result.Reason, result.Message); !slices.Contains(allowed, result.Reason) {
			t.Errorf("%s: %s (%s), want one of %s", server.name, result.Reason, result.Message, allowed)
		}
	}
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
		for _, reason := range cell.want {
			fmt.Fprintf(&table, " `%s` |", reason)
		}
		table.WriteString("\n")
	}
	return table.String()
}
