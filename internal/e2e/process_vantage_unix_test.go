// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package e2e

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/bastion"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

//nolint:paralleltest // It measures time, so nothing else may run beside it.
func TestInterruptEndsACheckFromAVantagePoint(t *testing.T) {
	requireTerraform(t, "1.0.0")
	const target = "db.internal:5432"
	key, err := bastion.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.PEM("")
	if err != nil {
		t.Fatal(err)
	}
	account := bastion.Account{HostKey: key, User: "deploy", Key: &key}
	behind := bastion.Network{Targets: map[string]netip.AddrPort{target: loopback.Silent(t, loopback.IPv4)}}
	inner := bastion.SSH(t, behind, account)
	network := bastion.Network{Targets: map[string]netip.AddrPort{
		target: behind.Targets[target], "jump.internal:22": inner.AddrPort(),
	}}
	outer := bastion.SSH(t, network, account)
	web, socks := bastion.HTTPProxy(t, network, bastion.Login{}), bastion.SOCKSProxy(t, network, bastion.Login{})
	ssh := func(name, via, host string) string {
		return fmt.Sprintf(`
  vantage_point {
    name = %q
    via  = %q
    ssh {
      host        = %q
      user        = "deploy"
      host_key    = %q
      private_key = %q
    }
  }`, name, via, host, key.Public(), private)
	}
	provider := "\nprovider \"preflight\" {" + ssh("bastion", "here", outer.Address()) +
		ssh("jump", "bastion", "jump.internal") + fmt.Sprintf(`
  vantage_point {
    name = "web"
    proxy { url = "http://%s" }
  }
  vantage_point {
    name = "socks"
    proxy { url = "socks5://%s" }
  }
}
`, web.Address(), socks.Address())
	for name, server := range map[string]*bastion.Server{"bastion": outer, "jump": inner, "web": web, "socks": socks} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t, map[string]string{"main.tf": requiredProviders + provider + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address = %q
  via     = %q
  timeout = "5m"
}
`, target, name)})
			plan := startPlan(t, w)
			server.AwaitAsked(t, target)
			plan.interrupt(t, w, target) // and with the processes, their connections end
		})
	}
}
