// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

const planBySpec = requiredProviders + `
variable "addresses" {
  type = list(string)
}
data "preflight_spec" "all" {
  spec = yamlencode({
    apiVersion = "troubleshoot.sh/v1beta2"
    kind       = "HostPreflight"
    spec = {
      collectors = [for i, address in var.addresses : {
        tcpConnect = { collectorName = "c${i}", address = address, timeout = "2s" }
      }]
      analyzers = [for i, address in var.addresses : {
        tcpConnect = { collectorName = "c${i}", outcomes = [{ fail = {} }] }
      }]
    }
  })
}
output "statuses" {
  value = distinct([for result in data.preflight_spec.all.results : result.status])
}
`

const planByForEach = requiredProviders + `
variable "addresses" {
  type = list(string)
}
data "preflight_tcp_connect" "all" {
  for_each       = { for i, address in var.addresses : "c${i}" => address }
  collector_name = each.key
  address        = each.value
  timeout        = "2s"
  outcomes       = [{ fail = {} }]
}
output "statuses" {
  value = distinct([for check in data.preflight_tcp_connect.all : check.status])
}
`

const planByEndpoints = requiredProviders + `
variable "addresses" {
  type = list(string)
}
variable "exclude" {
  default = false
}
data "preflight_endpoints" "all" {
  endpoints = { for i, address in var.addresses : "c${i}" => { address = address, timeout = "2s", severity = "warn" } }
  exclude   = var.exclude
}
output "statuses" {
  value = distinct([for result in data.preflight_endpoints.all.results : result.status])
}
`

// A plan of a thousand addresses, by one preflight_spec, by one preflight_endpoints, by that with nothing to dial
// (what Terraform itself takes for so many objects), and by for_each over preflight_tcp_connect, in the same run:
//
//	make bench
func BenchmarkPlanOfAThousandAddresses(b *testing.B) {
	requireTerraform(b, "1.0.0")
	const n, timeout = 1000, 2 * time.Second
	silent := loopback.Spread(loopback.Silent(b, netip.IPv4Unspecified()).Port(), n)
	closed := loopback.Listen(b, netip.IPv4Unspecified())
	_ = closed.Close()
	refused := loopback.Spread(closed.AddrPort().Port(), n)

	plan := func(config string, addresses []netip.AddrPort, want string) time.Duration {
		w := newWorkspace(b, map[string]string{"main.tf": config, "terraform.tfvars": addressList(addresses)})
		start := time.Now()
		output := w.succeed("plan", "-input=false")
		took := time.Since(start)
		if !strings.Contains(output, want) {
			b.Fatal(output)
		}
		return took
	}
	var specSilent, specRefused, endpointsRefused, endpointsExcluded, forEachRefused time.Duration
	for b.Loop() {
		specRefused += plan(planBySpec, refused, `+ "connection-refused", ]`)
		endpointsRefused += plan(planByEndpoints, refused, `+ "connection-refused", ]`)
		excluded := strings.Replace(planByEndpoints, "default = false", "default = true", 1)
		endpointsExcluded += plan(excluded, refused, "statuses = []")
		specSilent += plan(planBySpec, silent, `+ "connection-timeout", ]`)
		forEachRefused += plan(planByForEach, refused, `+ "connection-refused", ]`)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(specRefused.Seconds()/float64(b.N), "s-refused-by-spec")
	b.ReportMetric(forEachRefused.Seconds()/float64(b.N), "s-refused-by-for_each")
	b.ReportMetric(endpointsRefused.Seconds()/float64(b.N), "s-refused-by-endpoints")
	b.ReportMetric(endpointsExcluded.Seconds()/float64(b.N), "s-excluded-endpoints")
	b.ReportMetric(endpointsRefused.Seconds()/specRefused.Seconds(), "x-endpoints-by-spec(<=2.0)")
	b.ReportMetric(forEachRefused.Seconds()/specRefused.Seconds(), "x-faster-than-for_each(>=5)")
	beyond := specSilent - timeout*time.Duration(b.N)
	b.ReportMetric(beyond.Seconds()/specRefused.Seconds(), "x-refused-beyond-2s(<=1.5)")
}

// A plan of a JSON spec of ten thousand refused addresses, and a plan that only decodes the same file, in the same run:
// at most twice its time.
func BenchmarkPlanOfTenThousandAddresses(b *testing.B) {
	requireTerraform(b, "1.0.0")
	const n = 10_000
	closed := loopback.Listen(b, netip.IPv4Unspecified())
	_ = closed.Close()
	type object = map[string]any
	var collectors, analyzers []object
	for i, address := range loopback.Spread(closed.AddrPort().Port(), n) {
		name := fmt.Sprintf("c%d", i)
		collectors = append(collectors, object{"tcpConnect": object{
			"collectorName": name, "address": address, "timeout": "2s",
		}})
		analyzers = append(analyzers, object{"tcpConnect": object{
			"collectorName": name, "checkName": "Check " + name,
			"outcomes": []object{
				{"fail": object{"when": "connection-refused", "message": "refused"}},
				{"pass": object{"when": "connected"}},
			},
		}})
	}
	spec, err := json.Marshal(object{
		"apiVersion": "troubleshoot.sh/v1beta2", "kind": "HostPreflight",
		"spec": object{"collectors": collectors, "analyzers": analyzers},
	})
	if err != nil {
		b.Fatal(err)
	}
	bySpec := requiredProviders + `
data "preflight_spec" "all" {
  spec = file("spec.json")
}
output "outcome" {
  value = data.preflight_spec.all.outcome
}
`
	onlyDecoded := requiredProviders + `
output "outcome" {
  value = length(jsondecode(file("spec.json")).spec.collectors)
}
`
	plan := func(config, want string) time.Duration {
		config += fmt.Sprintf("provider \"preflight\" {\n  bundle_dir = %q\n}\n", memoryDir(b))
		w := newWorkspace(b, map[string]string{"main.tf": config, "spec.json": string(spec)})
		start := time.Now()
		output := w.succeed("plan", "-input=false")
		took := time.Since(start)
		if !strings.Contains(output, want) {
			b.Fatal(output)
		}
		return took
	}
	var dialled, decoded time.Duration
	for b.Loop() {
		dialled += plan(bySpec, `outcome = "fail"`)
		decoded += plan(onlyDecoded, "outcome = 10000")
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(dialled.Seconds()/float64(b.N), "s-by-spec")
	b.ReportMetric(decoded.Seconds()/float64(b.N), "s-only-decoded")
	b.ReportMetric(dialled.Seconds()/decoded.Seconds(), "x-only-decoded(<=2.0)")
}

// memoryDir returns a new directory in memory. After thousands of files were removed, as benchmarks do, ext4 takes many
// times as long to create files for some minutes.
func memoryDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "preflight-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func addressList(addresses []netip.AddrPort) string {
	var list strings.Builder
	list.WriteString("addresses = [\n")
	for _, address := range addresses {
		fmt.Fprintf(&list, "  %q,\n", address)
	}
	list.WriteString("]\n")
	return list.String()
}
