// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package tcpconnect

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// freeDescriptors returns how many more descriptors this process may open: getrlimit(2), RLIMIT_NOFILE. Go's runtime
// raises the soft limit to the hard limit when a process starts.
func freeDescriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt32
	}
	open, _ := os.ReadDir("/dev/fd") // if there is no /dev/fd, spareDescriptors must suffice
	return int(min(limit.Cur, math.MaxInt32)) - len(open)
}
