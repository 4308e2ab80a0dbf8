// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package loopback

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func silent(tb testing.TB, ip netip.Addr) (netip.AddrPort, error) {
	tb.Helper()
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: ip.As16()})
	if ip.Is4() {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return netip.AddrPort{}, err
	}
	unix.CloseOnExec(fd)
	tb.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, address), unix.Listen(fd, 0)); err != nil {
		return netip.AddrPort{}, err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	endpoint := netip.AddrPortFrom(ip, uint16(portOf(bound)))

	const maxQueued = 1024 // above the limit to which a kernel may round up a backlog of 0
	for range maxQueued {
		conn, err := net.DialTimeout("tcp", endpoint.String(), 200*time.Millisecond)
		if err == nil {
			tb.Cleanup(func() { _ = conn.Close() })
		}
		full, isKnown := isFull(fd)
		if full || err != nil && !isKnown {
			return endpoint, nil
		}
	}
	return netip.AddrPort{}, errors.New("the accept queue does not fill")
}

func portOf(address unix.Sockaddr) int {
	if v6, ok := address.(*unix.SockaddrInet6); ok {
		return v6.Port
	}
	return address.(*unix.SockaddrInet4).Port
}
