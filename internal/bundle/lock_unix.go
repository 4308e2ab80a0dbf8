// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package bundle

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

var errLocked = errors.New("locked by another process")

// tryLock locks a file until it is closed: flock(2). It does nothing if the file system has no locks.
func tryLock(file *os.File) error {
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return errLocked
	}
	return nil
}
