// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/netlab"
)

// Terraform and the provider run on a host of the laboratory. The tests of tcpconnect cover what each fault means.
func TestFaultsOfTheNetworkThroughTerraform(t *testing.T) {
	t.Parallel()
	requireTerraform(t, "1.0.0")
	listenBehind := func(rules ...string) func(*netlab.Lab) netip.AddrPort {
		return func(lab *netlab.Lab) netip.AddrPort {
			lab.Peer.Rules(rules...)
			return lab.Peer.Listen(netlab.PeerIPv4)
		}
	}
	for name, test := range map[string]struct {
		make func(*netlab.Lab) netip.AddrPort
		says []string
	}{
		"open": {
			listenBehind(),
			[]string{`status = "connected"`},
		},
		"rejected": {
			listenBehind("input tcp flags syn reject with tcp reset"),
			[]string{`status = "connection-refused"`, "nothing listens on that port, or a firewall rejects it"},
		},
		"dropped": {
			listenBehind("input tcp flags syn drop"),
			[]string{`status = "connection-timeout"`, "a firewall or a security group drops the packets"},
		},
		"unreachable": {
			listenBehind("input tcp flags syn reject with icmp host-unreachable"),
			[]string{`status = "error"`, "no route to host", "check that it is up"},
		},
		"without route": {
			func(*netlab.Lab) netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:80") },
			[]string{`status = "error"`, "network is unreachable", "check the routes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lab := netlab.New(t)
			w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  timeout = "2s"
}
data "preflight_tcp_connect" "gate" {
  collector_name = "gate"
  address        = data.preflight_tcp_connect.db.address
  timeout        = "2s"
  strict         = true
}
output "status" {
  value = data.preflight_tcp_connect.db.status
}
`, test.make(lab))})
			err := lab.Client.Do(func() {
				output, _ := w.run("apply", "-auto-approve", "-target=data.preflight_tcp_connect.db")
				more, _ := w.run("plan")
				expectText(t, output+more, test.says...)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
