// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantagelab

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

func TestOnlyTheBastionReachesTheTargets(t *testing.T) {
	t.Parallel()
	if !InOwnSystem(t, Program{"dnsmasq", "dnsmasq-base"}) {
		return
	}
	lab := New(t)
	for _, address := range []netip.Addr{Target, Target6, DNS} {
		endpoint := netip.AddrPortFrom(address, PortOpen).String()
		if _, err := net.Dial("tcp", endpoint); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("the client dials %s: %v, want %v", endpoint, err, syscall.ENETUNREACH)
		}
		lab.Bastion.Hold(netip.MustParseAddrPort(endpoint))
	}
}

func TestServersEndWithTheirProcess(t *testing.T) {
	t.Parallel()
	if !InOwnSystem(t, OpenSSHPrograms...) {
		return
	}
	lab := New(t)
	server := lab.OpenSSH(netip.AddrPortFrom(Bastion, 22).String())
	server.Kill()
	if _, err := net.Dial("tcp", server.Address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want %v", err, syscall.ECONNREFUSED)
	}
}
