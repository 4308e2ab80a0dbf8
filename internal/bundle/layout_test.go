// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"path"
	"testing"
)

func TestEveryResultShowsItsNode(t *testing.T) {
	t.Parallel()
	const node = "node-1.example.com"
	expect := func(file, want string) {
		t.Helper()
		if got, ok := nodeOf(file); ok != (want != "") || ok && got != want {
			t.Errorf("%s is a result of %q, %t; want %q", file, got, ok, want)
		}
		if dir := path.Dir(file); want != "" && !mayHoldResults(dir) && path.Base(dir) != "names" {
			t.Errorf("%s may hold no results", dir)
		}
	}
	for _, result := range []string{ // as the tools write them
		"certificate/a.json", "certificatesCollection/a.json", "connect/a.json", "diskUsage/a.json",
		"filesystemPerformance/a.json", "http/a.json",
		"httpLoadBalancer/a.json", "journald/a-info.json", "registry-images/a.json", "subnetAvailable/a.json",
		"system/cpu.json",
		"tcpLoadBalancer/a.json", "tcpPortStatus/a.json", "udpPortStatus/a.json",
	} {
		kind, name := path.Split(result)
		expect("host-collectors/"+result, "")
		expect("host-collectors/"+node+"/"+result, node)
		expect("host-collectors/"+kind+node+"/"+name, node)
		expect("host-collectors/"+kind+node+"/deeper/"+name, "")
		expect("elsewhere/"+node+"/"+result, "")
	}
	for _, result := range []string{"run-host/a-info.json", "dns/names/result.json", "dns/names"} {
		kind, name := path.Split(result)
		expect("host-collectors/"+node+"/"+result, node)
		expect("host-collectors/"+kind+node+"/"+name, "")
	}
	for _, other := range []string{
		"host-collectors", "host-collectors/" + node, "host-collectors/" + node + "/system",
		"host-collectors/" + node + "/system/cpu.txt",
		"host-collectors/" + node + "/etc/a.json", "host-collectors/-odd/system/cpu.json",
		"host-collectors/errors/a-error.json",
	} {
		expect(other, "")
	}
}
