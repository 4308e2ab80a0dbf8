// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

func TestViaNeedsAVantagePointThatIsKnown(t *testing.T) {
	t.Parallel()
	address, err := tcpconnect.ParseAddress("db.internal:5432")
	if err != nil {
		t.Fatal(err)
	}
	proxy := func(name, via string) vantage.Config {
		return vantage.Config{
			Name: name, Via: via, ConnectTimeout: time.Second, Proxy: &vantage.Proxy{URL: "http://127.0.0.1:1"},
		}
	}
	known := VantagePoints{
		Configs: []vantage.Config{proxy("egress", ""), proxy("inner", "bastion"), proxy("innermost", "inner")},
		Unknown: map[string]string{"bastion": "ssh.host"},
	}
	for _, test := range []struct {
		points VantagePoints
		target tcpconnect.Target
		want   string // in the error; empty: none
	}{
		{known, tcpconnect.Target{Via: "egress"}, ""},
		{known, tcpconnect.Target{}, ""},
		{known, tcpconnect.Target{Via: "bastion"}, "argument ssh.host is not known yet. To put the check off until " +
			"then, set triggers = { id = RESOURCE.id }"},
		{known, tcpconnect.Target{Via: "inner"}, `Its argument via (ssh.host of "bastion") is not known yet`},
		{known, tcpconnect.Target{Via: "innermost"},
			`Its argument via (via (ssh.host of "bastion") of "inner") is not known yet`},
		{known, tcpconnect.Target{Via: "egres"}, `Use one of "egress", "bastion", "inner", "innermost", or "here"`},
		{known, tcpconnect.Target{Via: "egress", AllAddresses: true}, "all_addresses can't be used"},
		{known, tcpconnect.Target{Via: "egress", Family: tcpconnect.IPv6}, "ip_family can't be used"},
		{VantagePoints{}, tcpconnect.Target{Via: "bastion"}, "has no vantage_point block"},
		{VantagePoints{AreUnknown: true}, tcpconnect.Target{Via: "bastion"}, "are not known yet"},
		{VantagePoints{AreUnknown: true}, tcpconnect.Target{}, ""},
	} {
		run := New(Config{Collector: new(tcpconnect.Collector), VantagePoints: test.points})
		test.target.Address = address
		check := Check{"db", tcpconnect.Check{Target: test.target, Timeout: time.Second}}
		single := func() error {
			_, _, err := run.Check(t.Context(), check, tcpconnect.Analyzer{}, false, nil)
			return err
		}
		batch := func() error {
			_, err := run.Batch(t.Context(), Batch{Checks: []Check{check}})
			return err
		}
		if test.want == "" {
			if err := run.ValidateVia(check); err != nil {
				t.Errorf("via %q: %v", test.target.Via, err)
			}
			continue
		}
		for _, err := range []error{single(), batch()} {
			message := Explain(err, "it", "collector_name")
			if !strings.Contains(message.Detail, test.want) || message.Argument != "via" {
				t.Errorf("via %q: %+v, want %q", test.target.Via, message, test.want)
			}
		}
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	}
}
