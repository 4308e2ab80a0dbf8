// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// acceptance runs steps with the real Terraform and a provider with the given resolver. If it is nil, the provider uses
// the resolver of the system.
func acceptance(t *testing.T, resolver tcpconnect.Resolver, steps ...resource.TestStep) {
	t.Helper()
	acceptanceFrom(t, tfversion.Version1_0_0, resolver, steps...)
}

// acceptanceFrom is acceptance for versions of Terraform that are not older than the oldest.
func acceptanceFrom(t *testing.T, oldest *version.Version, resolver tcpconnect.Resolver, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(oldest)},
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"preflight": providerserver.NewProtocol6WithError(&Provider{version: "test", resolver: resolver}),
		},
		Steps: steps,
	})
}

// attributes makes a check of attributes of a data source.
func attributes(address string, want map[string]knownvalue.Check) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for name, value := range want {
		checks = append(checks, statecheck.ExpectKnownValue(address, tfjsonpath.New(name), value))
	}
	return checks
}

// says matches an error text, also if Terraform has wrapped its lines.
func says(fragment string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(fragment), " ", `\s+`))
}

// providerBlock configures a bundle directory, with more arguments.
func providerBlock(dir string, more string) string {
	return fmt.Sprintf(`provider "preflight" {
  bundle_dir = %q
%s}
`, dir, more)
}

// checkBlock is a check of an address, with more arguments.
func checkBlock(address fmt.Stringer, more string) string {
	return fmt.Sprintf(`data "preflight_tcp_connect" "db" {
  address = %q
%s}
`, address, more)
}

func expectFile(t *testing.T, file, want string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil || string(content) != want {
		t.Errorf("%s holds %q, %v; want %q", file, content, err, want)
	}
}

// pageSpec is the example analyzer definition of reference/tcp-connect.md.
const pageSpec = `apiVersion: troubleshoot.sh/v1beta2
kind: SupportBundle
metadata:
  name: tcpConnect
spec:
  hostCollectors:
    - tcpConnect:
        collectorName: kubernetes-api-tcp-conn-status
        address: 10.128.0.29:6443
        timeout: 10s
  hostAnalyzers:
    - tcpConnect:
        checkName: "Kubernetes API TCP Connection Status"
        collectorName: kubernetes-api-tcp-conn-status
        outcomes:
          - fail:
              when: "connection-refused"
              message: Connection to the Kubernetes API address was refused
          - fail:
              when: "connection-timeout"
              message: Timed out connecting to the Kubernetes API address
          - fail:
              when: "error"
              message: Unexpected error connecting to the Kubernetes API address 
          - pass:
              when: "connected"
              message: Successfully connected to the Kubernetes API address
`

func TestPageExampleThroughYamldecode(t *testing.T) {
	t.Parallel()
	unresolvable := loopback.DNS(t, nil, dnsmessage.RCodeNameError)
	for status, test := range map[tcpconnect.Status]struct {
		resolver tcpconnect.Resolver
		address  string
		outcome  string
		message  string
	}{
		tcpconnect.Connected: {
			address: loopback.Open(t).String(),
			outcome: "pass",
			message: "Successfully connected to the Kubernetes API address",
		},
		tcpconnect.ConnectionRefused: {
			address: loopback.Refused(t).String(),
			outcome: "fail",
			message: "Connection to the Kubernetes API address was refused",
		},
		tcpconnect.ConnectionTimeout: {
			address: loopback.Silent(t, loopback.IPv4).String(),
			outcome: "fail",
			message: "Timed out connecting to the Kubernetes API address",
		},
		tcpconnect.Error: {
			resolver: unresolvable,
			address:  "api.invalid:6443",
			outcome:  "fail",
			message:  "Unexpected error connecting to the Kubernetes API address",
		},
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := providerBlock(dir, "") + fmt.Sprintf(`
locals {
  spec      = yamldecode(%q).spec
  collector = local.spec.hostCollectors[0].tcpConnect
  analyzer  = local.spec.hostAnalyzers[0].tcpConnect
}
data "preflight_tcp_connect" "api" {
  collector_name = local.collector.collectorName
  address        = %q
  timeout        = "500ms"
}
data "preflight_analysis" "api" {
  check_name = local.analyzer.checkName
  status     = data.preflight_tcp_connect.api.status
  outcomes   = local.analyzer.outcomes
}
`, pageSpec, test.address)
			checks := attributes("data.preflight_analysis.api", map[string]knownvalue.Check{
				"outcome": knownvalue.StringExact(test.outcome),
				"message": knownvalue.StringExact(test.message),
				"title":   knownvalue.StringExact("Kubernetes API TCP Connection Status"),
				"is_pass": knownvalue.Bool(test.outcome == "pass"),
				"is_fail": knownvalue.Bool(test.outcome == "fail"),
				"is_warn": knownvalue.Bool(false),
				"proceed": knownvalue.Bool(test.outcome == "pass"),
				"matched": knownvalue.Bool(true),
				"uri":     knownvalue.Null(),
			})
			checks = append(checks, attributes("data.preflight_tcp_connect.api", map[string]knownvalue.Check{
				"status":    knownvalue.StringExact(string(status)),
				"connected": knownvalue.Bool(status == tcpconnect.Connected),
			})...)
			acceptance(t, test.resolver, resource.TestStep{Config: config, ConfigStateChecks: checks})
			file := filepath.Join(dir, "host-collectors", "connect", "kubernetes-api-tcp-conn-status.json")
			expectFile(t, file, string(status))
		})
	}
}

func TestConnectedCheckHasBothAddresses(t *testing.T) {
	t.Parallel()
	dir, peer := t.TempDir(), loopback.Open(t)
	file := filepath.Join(dir, "host-collectors", "connect", "connect.json")
	acceptance(t, nil, resource.TestStep{
		Config: providerBlock(dir, "timeout = \"7s\"\n") + checkBlock(peer, ""),
		ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"status":             knownvalue.StringExact("connected"),
			"reason":             knownvalue.StringExact("connected"),
			"message":            knownvalue.StringExact(""),
			"timeout":            knownvalue.StringExact("7s"),
			"collector_name":     knownvalue.StringExact("connect"),
			"remote_address":     knownvalue.StringExact(peer.String()),
			"local_address":      knownvalue.StringRegexp(regexp.MustCompile(`^127\.0\.0\.1:\d+$`)),
			"resolved_addresses": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(peer.String())}),
			"collected_at":       knownvalue.StringRegexp(regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)),
			"duration_ms":        knownvalue.NotNull(),
			"bundle_dir":         knownvalue.StringExact(dir),
			"bundle_file":        knownvalue.StringExact(file),
		}),
	})
	expectFile(t, bundle.ResultFile(dir, "connect"), "connected")
}

func TestCheckWithRetryReportsAttemptsAndReady(t *testing.T) {
	t.Parallel()
	config := func(peer netip.AddrPort) string {
		return providerBlock(t.TempDir(), "") + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  timeout = "1m"
  retry {
    attempts    = 3
    consecutive = 3
    min_delay   = "1ms"
    max_delay   = "1ms"
  }
  outcomes = [
    { pass = { when = "connected", message = "up" } },
    { fail = { message = "down" } },
  ]
}
`, peer)
	}
	for name, test := range map[string]struct {
		peer netip.AddrPort
		want map[string]knownvalue.Check
	}{
		"open": {loopback.Open(t), map[string]knownvalue.Check{
			"status":          knownvalue.StringExact("connected"),
			"ready":           knownvalue.Bool(true),
			"attempts":        knownvalue.Int64Exact(3),
			"addresses":       knownvalue.Null(),
			"outcome":         knownvalue.StringExact("pass"),
			"proceed":         knownvalue.Bool(true),
			"outcome_message": knownvalue.StringExact("up"),
			"message":         knownvalue.StringExact(""),
		}},
		"refused": {loopback.Refused(t), map[string]knownvalue.Check{
			"status":          knownvalue.StringExact("connection-refused"),
			"ready":           knownvalue.Bool(false),
			"attempts":        knownvalue.Int64Exact(3),
			"outcome":         knownvalue.StringExact("fail"),
			"proceed":         knownvalue.Bool(false),
			"outcome_message": knownvalue.StringExact("down"),
			"title":           knownvalue.StringExact("TCP Connection Attempt"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, nil, resource.TestStep{
				Config:            config(test.peer),
				ConfigStateChecks: attributes("data.preflight_tcp_connect.db", test.want),
			})
		})
	}
}

func TestArgumentsChangeTheDial(t *testing.T) {
	t.Parallel()
	peer := loopback.Listen(t, loopback.IPv4).AddrPort()
	peerIPv6 := netip.AddrPortFrom(loopback.IPv6, peer.Port()).String()
	both := loopback.DNS(t, loopback.Zone{"db.test.": {loopback.IPv4, loopback.IPv6}}, dnsmessage.RCodeNameError)
	silent := loopback.Silent(t, loopback.IPv4)
	for name, test := range map[string]struct {
		arguments string
		want      map[string]knownvalue.Check
	}{
		"ip_family": {
			arguments: fmt.Sprintf(`
  address   = "db.test.:%d"
  ip_family = "ipv6"
`, peer.Port()),
			want: map[string]knownvalue.Check{
				"resolved_addresses": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(peerIPv6)}),
			},
		},
		"source_address": {
			arguments: fmt.Sprintf(`
  address        = "db.test.:%d"
  source_address = "127.0.0.1"
`, peer.Port()),
			want: map[string]knownvalue.Check{
				"status":             knownvalue.StringExact("connected"),
				"resolved_addresses": knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(peer.String())}),
			},
		},
		"foreign source_address": {
			arguments: fmt.Sprintf(`
  address        = %q
  source_address = "203.0.113.99"
`, peer),
			want: map[string]knownvalue.Check{
				"status": knownvalue.StringExact("error"),
				"message": knownvalue.StringRegexp(
					regexp.MustCompile("this machine can't dial from the source address 203.0.113.99")),
			},
		},
		"give_up_on": {
			arguments: fmt.Sprintf(`
  address = %q
  timeout = "1m"
  retry {
    give_up_on = ["refused"]
  }
`, loopback.Refused(t)),
			want: map[string]knownvalue.Check{
				"attempts": knownvalue.Int64Exact(1),
				"ready":    knownvalue.Bool(false),
				"reason":   knownvalue.StringExact("refused"),
			},
		},
		"until": {
			arguments: fmt.Sprintf(`
  address = %q
  timeout = "1m"
  retry {
    until = ["connection-refused"]
  }
`, loopback.Refused(t)),
			want: map[string]knownvalue.Check{
				"attempts":  knownvalue.Int64Exact(1),
				"ready":     knownvalue.Bool(true),
				"connected": knownvalue.Bool(false),
			},
		},
		"attempt_timeout": {
			arguments: fmt.Sprintf(`
  address = %q
  timeout = "4s"
  retry {
    attempts        = 3
    attempt_timeout = "50ms"
    min_delay       = "1ms"
    max_delay       = "1ms"
  }
`, silent),
			want: map[string]knownvalue.Check{
				"attempts": knownvalue.Int64Exact(3),
				"status":   knownvalue.StringExact("connection-timeout"),
			},
		},
		"excluded with outcomes": {
			arguments: fmt.Sprintf(`
  address    = %q
  exclude    = true
  check_name = "Database"
  outcomes   = [{ fail = {} }]
`, peer),
			want: map[string]knownvalue.Check{
				"proceed":         knownvalue.Bool(true),
				"is_fail":         knownvalue.Bool(false),
				"outcome":         knownvalue.Null(),
				"outcome_message": knownvalue.StringExact("Database: excluded"),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, both, resource.TestStep{
				Config: providerBlock(t.TempDir(), "") +
					`data "preflight_tcp_connect" "db" {` + test.arguments + "}\n",
				ConfigStateChecks: attributes("data.preflight_tcp_connect.db", test.want),
			})
		})
	}
}

func TestCheckWithoutOutcomesIsJudgedByReady(t *testing.T) {
	t.Parallel()
	config := func(address netip.AddrPort) string {
		return providerBlock(t.TempDir(), "") + checkBlock(address, "strict = false\n")
	}
	want := func(ready bool, outcome, status string) []statecheck.StateCheck {
		return attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"outcome":         knownvalue.StringExact(outcome),
			"proceed":         knownvalue.Bool(ready),
			"is_pass":         knownvalue.Bool(ready),
			"is_fail":         knownvalue.Bool(!ready),
			"is_warn":         knownvalue.Bool(false),
			"matched":         knownvalue.Bool(true),
			"title":           knownvalue.StringExact("TCP Connection Attempt"),
			"outcome_message": knownvalue.StringExact("TCP Connection Attempt: " + status),
			"uri":             knownvalue.Null(),
			"ready":           knownvalue.Bool(ready),
			"attempts":        knownvalue.Int64Exact(1),
		})
	}
	refused := config(loopback.Refused(t))
	acceptance(t, nil, resource.TestStep{
		Config: config(loopback.Open(t)), ConfigStateChecks: want(true, "pass", "connected"),
	}, resource.TestStep{
		Config: refused, ConfigStateChecks: want(false, "fail", "connection-refused"),
	}, resource.TestStep{
		Config:      strings.Replace(refused, "strict = false", "strict = true", 1),
		PlanOnly:    true,
		ExpectError: says("Status: connection-refused, reason: refused"),
	})
}

func TestAllAddressesHasAnElementForEachAddress(t *testing.T) {
	t.Parallel()
	second := netip.MustParseAddr("127.0.0.2")
	peer := loopback.Listen(t, loopback.IPv4).AddrPort()
	if listener, err := net.Listen("tcp", netip.AddrPortFrom(second, peer.Port()).String()); err != nil {
		t.Skipf("this operating system has no %s on its loopback interface: %v", second, err)
	} else {
		_ = listener.Close()
	}
	resolver := loopback.DNS(t, loopback.Zone{"db.test.": {loopback.IPv4, second}}, dnsmessage.RCodeNameError)
	config := func(allAddresses bool) string {
		return providerBlock(t.TempDir(), "") + fmt.Sprintf(`data "preflight_tcp_connect" "db" {
  address       = "db.test.:%d"
  all_addresses = %t
}
`, peer.Port(), allAddresses)
	}
	row := func(ip netip.Addr, status string) knownvalue.Check {
		return knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"address": knownvalue.StringExact(netip.AddrPortFrom(ip, peer.Port()).String()),
			"status":  knownvalue.StringExact(status),
		})
	}
	acceptance(t, resolver, resource.TestStep{
		Config: config(false),
		ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"status": knownvalue.StringExact("connected"), "addresses": knownvalue.Null(),
		}),
	}, resource.TestStep{
		Config: config(true),
		ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"status": knownvalue.StringExact("connection-refused"), "ready": knownvalue.Bool(false),
			"addresses": knownvalue.ListExact([]knownvalue.Check{
				row(loopback.IPv4, "connected"),
				row(second, "connection-refused"),
			}),
		}),
	})
}

func TestExcludedCheckDialsAndWritesNothing(t *testing.T) {
	t.Parallel()
	dir, peer := filepath.Join(t.TempDir(), "bundle"), loopback.Listen(t, loopback.IPv4)
	checks := attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
		"connected":          knownvalue.Bool(false),
		"status":             knownvalue.Null(),
		"reason":             knownvalue.Null(),
		"message":            knownvalue.StringExact(""),
		"outcome":            knownvalue.Null(),
		"uri":                knownvalue.Null(),
		"proceed":            knownvalue.Bool(true),
		"matched":            knownvalue.Bool(false),
		"is_pass":            knownvalue.Bool(false),
		"is_warn":            knownvalue.Bool(false),
		"is_fail":            knownvalue.Bool(false),
		"title":              knownvalue.StringExact("TCP Connection Attempt"),
		"outcome_message":    knownvalue.StringExact("TCP Connection Attempt: excluded"),
		"collected_at":       knownvalue.Null(),
		"remote_address":     knownvalue.Null(),
		"local_address":      knownvalue.Null(),
		"resolved_addresses": knownvalue.Null(),
		"duration_ms":        knownvalue.Null(),
		"bundle_dir":         knownvalue.Null(),
		"bundle_file":        knownvalue.Null(),
	})
	checks = append(checks, attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
		"outcome": knownvalue.Null(),
		"uri":     knownvalue.Null(),
		"proceed": knownvalue.Bool(true),
		"is_pass": knownvalue.Bool(false),
		"is_warn": knownvalue.Bool(false),
		"is_fail": knownvalue.Bool(false),
		"matched": knownvalue.Bool(false),
		"title":   knownvalue.StringExact("Database"),
		"message": knownvalue.StringExact("Database: excluded"),
	})...)
	acceptance(t, nil, resource.TestStep{
		Config: providerBlock(dir, "") + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  exclude = true
}
data "preflight_analysis" "db" {
  check_name = "Database"
  status     = data.preflight_tcp_connect.db.status
  exclude    = true
  strict     = true
  outcomes   = [{ pass = { when = "connected" } }]
}
data "preflight_analysis" "of_bundle" {
  bundle   = data.preflight_tcp_connect.db.bundle_dir
  max_age  = "1h"
  exclude  = true
  outcomes = [{ pass = { when = "connected" } }]
}
`, peer.AddrPort()),
		ConfigStateChecks: checks,
	})
	if peer.Accepted() > 0 {
		t.Errorf("%d connections were made", peer.Accepted())
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the bundle directory exists: %v", err)
	}
}

func TestProviderArguments(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	check := checkBlock(peer, "")

	t.Run("json", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		acceptance(t, nil, resource.TestStep{Config: providerBlock(dir, "bundle_format = \"json\"\n") + check})
		expectFile(t, bundle.ResultFile(dir, "connect"),
			fmt.Sprintf(`{"status":"connection-refused","message":"dial tcp %s: connect: connection `+
				`refused","reason":"refused"}`, peer))
	})
	t.Run("no bundle", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "bundle")
		acceptance(t, nil, resource.TestStep{
			Config: providerBlock(dir, "emit_bundle = false\n") + check,
			ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
				"status":      knownvalue.StringExact("connection-refused"),
				"bundle_dir":  knownvalue.Null(),
				"bundle_file": knownvalue.Null(),
			}),
		})
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("the bundle directory exists: %v", err)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		acceptanceFrom(t, tfversion.Version1_4_0, nil, resource.TestStep{ // terraform_data
			Config: `resource "terraform_data" "dir" {}
provider "preflight" {
  bundle_dir = terraform_data.dir.id
}
` + check,
			ExpectError: says(`"bundle_dir" is not known yet`),
		})
	})
}

// The whole process has one environment, so these tests do not run in parallel.
func TestProviderEnvironment(t *testing.T) {
	peer := loopback.Refused(t)
	check := checkBlock(peer, "")

	t.Run("environment over default, configuration over environment", func(t *testing.T) {
		environment, configured := t.TempDir(), t.TempDir()
		t.Setenv("PREFLIGHT_BUNDLE_DIR", environment)
		t.Setenv("PREFLIGHT_BUNDLE_FORMAT", "json")
		t.Setenv("PREFLIGHT_TIMEOUT", "3s")
		t.Setenv("PREFLIGHT_EMIT_BUNDLE", "")
		acceptance(t, nil, resource.TestStep{
			Config: "provider \"preflight\" {}\n" + check,
			ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
				"timeout":    knownvalue.StringExact("3s"),
				"bundle_dir": knownvalue.StringExact(environment),
			}),
		}, resource.TestStep{
			Config: providerBlock(configured, "timeout = \"4s\"\nbundle_format = \"status\"\n") + check,
			ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
				"timeout":    knownvalue.StringExact("4s"),
				"bundle_dir": knownvalue.StringExact(configured),
			}),
		})
		expectFile(t, bundle.ResultFile(configured, "connect"), "connection-refused")
		if content, err := os.ReadFile(bundle.ResultFile(environment, "connect")); err != nil ||
			!strings.HasPrefix(string(content), `{"status":`) {
			t.Errorf("the environment's bundle holds %q, %v", content, err)
		}
	})
	for variable, test := range map[string]struct{ value, want string }{
		"PREFLIGHT_TIMEOUT":       {"ten", `PREFLIGHT_TIMEOUT: "ten" is not a duration`},
		"PREFLIGHT_BUNDLE_FORMAT": {"xml", `PREFLIGHT_BUNDLE_FORMAT: "xml" is not a bundle format`},
		"PREFLIGHT_EMIT_BUNDLE":   {"maybe", `PREFLIGHT_EMIT_BUNDLE: "maybe" is neither true nor false`},
		"PREFLIGHT_BUNDLE_DIR":    {" ", `PREFLIGHT_BUNDLE_DIR: The value is blank`},
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, test.value)
			acceptance(t, nil, resource.TestStep{Config: check, PlanOnly: true, ExpectError: says(test.want)})
		})
	}
}

// analysisOf judges the result in a bundle, with more arguments.
func analysisOf(dir, more string) string {
	return fmt.Sprintf(`data "preflight_analysis" "db" {
  bundle   = %q
  outcomes = [{ pass = {} }]
%s}
`, dir, more)
}

func plantResult(t *testing.T, content string, age time.Duration) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = bundle.ResultFile(dir, "connect")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(-age)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func TestForeignBundleIsJudged(t *testing.T) {
	t.Parallel()
	written := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	for content, status := range map[string]string{
		"connected":                        "connected",
		"connection-refused\n":             "connection-refused",
		`{"status":"error","message":"x"}`: "error",
	} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			dir, file := plantResult(t, content, 0)
			if err := os.Chtimes(file, written, written); err != nil {
				t.Fatal(err)
			}
			acceptance(t, nil, resource.TestStep{
				Config: providerBlock(t.TempDir(), "") + analysisOf(dir, "max_age = \"2h\"\n"),
				ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
					"status":       knownvalue.StringExact(status),
					"message":      knownvalue.StringExact("TCP Connection Attempt: " + status),
					"collected_at": knownvalue.StringExact(written.Format(time.RFC3339)),
					"proceed":      knownvalue.Bool(true),
				}),
			})
		})
	}
}

func TestBundleNeverPassesByMistake(t *testing.T) {
	t.Parallel()
	truncated, truncatedFile := plantResult(t, `{"status":"conn`, 0)
	empty, emptyFile := plantResult(t, "", 0)
	old, oldFile := plantResult(t, "connected", 90*time.Minute)
	future, _ := plantResult(t, "connected", -90*time.Minute)
	unknown, _ := plantResult(t, `{"status":"half-open","message":""}`, 0)
	hostile, _ := plantResult(t, `{"status":"\u001b[2Jconnected\nApply complete!"}`, 0)
	missing := filepath.Join(t.TempDir(), "gone")
	for name, test := range map[string]struct {
		config string
		want   []string
	}{
		"missing bundle": {analysisOf(missing, ""), []string{missing, "does not exist"}},
		"missing collector": {analysisOf(old, "collector_name = \"api\"\n"),
			[]string{`no result of a collector named "api"`}},
		"truncated": {analysisOf(truncated, ""), []string{truncatedFile, "truncated JSON"}},
		"empty":     {analysisOf(empty, ""), []string{emptyFile, "is empty"}},
		"a file":    {analysisOf(oldFile, ""), []string{oldFile, "not a gzipped tar archive"}},
		"too old": {analysisOf(old, "max_age = \"1h\"\n"),
			[]string{"the result is 1h", "status = data.preflight_tcp_connect.NAME.status"}},
		"in the future":  {analysisOf(future, "max_age = \"1h\"\n"), []string{"in the future"}},
		"hostile status": {analysisOf(hostile, ""), []string{"is not a status"}},
		"unknown status": {analysisOf(unknown, "strict = true\n"),
			[]string{`no outcome covers the status "half-open"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, want := range test.want {
				acceptance(t, nil, resource.TestStep{Config: test.config, PlanOnly: true, ExpectError: says(want)})
			}
		})
	}
}

func TestOwnBundleHasOnlyResultsOfThisRun(t *testing.T) {
	t.Parallel()
	open, refused := loopback.Open(t), loopback.Refused(t)
	t.Run("this run's", func(t *testing.T) {
		t.Parallel()
		dir, _ := plantResult(t, "connected", 0)
		acceptance(t, nil, resource.TestStep{
			Config: providerBlock(dir, "") + checkBlock(refused, "") +
				`data "preflight_analysis" "db" {
  bundle   = data.preflight_tcp_connect.db.bundle_dir
  outcomes = [{ pass = { when = "connected" } }]
}
`,
			ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
				"status":  knownvalue.StringExact("connection-refused"),
				"outcome": knownvalue.StringExact("fail"),
				"matched": knownvalue.Bool(false),
			}),
		})
	})
	t.Run("an older run's", func(t *testing.T) {
		t.Parallel()
		dir, _ := plantResult(t, "connected", 0)
		acceptance(t, nil, resource.TestStep{
			Config: providerBlock(dir, "") + analysisOf(dir+"/../"+filepath.Base(dir)+"/.", ""), PlanOnly: true,
			ExpectError: says("this run has written no result of a collector named \"connect\""),
		})
	})
	t.Run("an older run's, through a link", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		own, _ := plantResult(t, "connected", 0)
		if err := os.Rename(own, filepath.Join(dir, "own")); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(dir, "host-collectors")
		if err := os.Symlink(filepath.Join("own", "host-collectors"), link); err != nil {
			t.Skipf("this user may not make symbolic links: %v", err)
		}
		acceptance(t, nil, resource.TestStep{
			Config: providerBlock(filepath.Join(dir, "own"), "") + analysisOf(dir, ""), PlanOnly: true,
			ExpectError: says("this run has written no result of a collector named \"connect\""),
		})
	})
	t.Run("an older run's, nothing written", func(t *testing.T) {
		t.Parallel()
		dir, _ := plantResult(t, "connected", 0)
		acceptance(t, nil, resource.TestStep{
			Config: providerBlock(dir, "emit_bundle = false\n") + checkBlock(open, "") +
				analysisOf(dir, "depends_on = [data.preflight_tcp_connect.db]\n"),
			PlanOnly:    true,
			ExpectError: says("To judge this run, use status = data.preflight_tcp_connect.NAME.status"),
		})
	})
}

func TestOneCollectorNameForTwoAddressesIsAnError(t *testing.T) {
	t.Parallel()
	first, second := loopback.Open(t), loopback.Listen(t, loopback.IPv4)
	config := func(name string) string {
		return fmt.Sprintf(`
data "preflight_tcp_connect" "first" {
  collector_name = "db"
  address        = %q
}
data "preflight_tcp_connect" "second" {
  collector_name = %q
  address        = %q
  depends_on     = [data.preflight_tcp_connect.first]
}
`, first, name, second.AddrPort())
	}
	for _, want := range []string{
		first.String(),
		second.AddrPort().String(),
		"Set a different collector_name on each",
	} {
		dir := t.TempDir()
		acceptance(t, nil, resource.TestStep{
			Config:      providerBlock(dir, "") + config("DB"),
			PlanOnly:    true,
			ExpectError: says(want),
		})
		expectFile(t, bundle.ResultFile(dir, "db"), "connected")
	}
	if second.Accepted() > 0 {
		t.Error("the second collector dialled")
	}
	acceptance(t, nil, resource.TestStep{Config: providerBlock(t.TempDir(), "") + config("db2")})
}

func TestResultThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	_, file := plantResult(t, "connected", 0)
	config := providerBlock(file, "") + checkBlock(loopback.Open(t), "")
	for _, want := range []string{"Result Not Written", file, "set emit_bundle = false"} {
		acceptance(t, nil, resource.TestStep{Config: config, PlanOnly: true, ExpectError: says(want)})
	}
	expectFile(t, file, "connected")
}

func TestErrorOfANullStatusSuggestsExclude(t *testing.T) {
	t.Parallel()
	acceptance(t, nil, resource.TestStep{
		Config: fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  exclude = true
}
data "preflight_analysis" "db" {
  status   = data.preflight_tcp_connect.db.status
  outcomes = [{ pass = {} }]
}
`, loopback.Refused(t)),
		PlanOnly:    true,
		ExpectError: says("set exclude on this analysis too"),
	})
}
