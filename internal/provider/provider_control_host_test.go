// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// A transparent proxy is a listener on every address of the loopback network.
func TestControlHostDetectsAProxyThatAcceptsEverything(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	port := loopback.Listen(t, netip.IPv4Unspecified()).AddrPort().Port()
	open := loopback.Open(t)
	config := func(address string) string {
		return providerBlock(t.TempDir(), "control_host = \"127.200.0.1\"\nbundle_format = \"json\"\n") + fmt.Sprintf(`
data "preflight_tcp_connect" "db" {
  address  = %q
  outcomes = [{ fail = { when = "connection-refused" } }, { pass = {} }]
}

data "preflight_analysis" "db" {
  bundle     = data.preflight_tcp_connect.db.bundle_dir
  outcomes   = [{ fail = { when = "connected" } }, { pass = {} }]
}
`, address)
	}
	acceptance(t, nil, resource.TestStep{
		Config: config(fmt.Sprintf("127.0.0.1:%d", port)),
		ConfigStateChecks: append(attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"status":    knownvalue.StringExact("error"),
			"reason":    knownvalue.StringExact("intercepted"),
			"connected": knownvalue.Bool(false),
			"proceed":   knownvalue.Bool(false),
		}), attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
			"proceed": knownvalue.Bool(false),
		})...),
	})
	acceptance(t, nil, resource.TestStep{
		Config: config(open.String()),
		ConfigStateChecks: attributes("data.preflight_tcp_connect.db", map[string]knownvalue.Check{
			"status":  knownvalue.StringExact("connected"),
			"proceed": knownvalue.Bool(true),
		}),
	})
}

func TestControlHostIsAnAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "control.test", "192.0.2.1:80", "0.0.0.0", "::"} {
		acceptance(t, nil, resource.TestStep{
			Config: fmt.Sprintf(`provider "preflight" {
  control_host = %q
}

data "preflight_tcp_connect" "db" {
  address = "127.0.0.1:80"
}
`, text),
			PlanOnly:    true,
			ExpectError: says("is not an IP address of a host"),
		})
	}
}
