// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package loopback

import "golang.org/x/sys/unix"

// isFull reports whether the accept queue of a listener is full, and whether that is known. A dial that was not
// answered does not show it on a busy machine. Of a listener, tcpi_unacked is how many connections wait, and
// tcpi_sacked how many may before one more is the last (tcp_get_info, net/ipv4/tcp.c).
func isFull(listener int) (full, isKnown bool) {
	info, err := unix.GetsockoptTCPInfo(listener, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.Unacked > info.Sacked, err == nil
}
