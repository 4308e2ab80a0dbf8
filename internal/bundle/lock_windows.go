// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

var errLocked = errors.New("locked by another process")

// tryLock locks a file until it is closed: LockFileEx. A lock also keeps readers out on Windows, so tryLock locks a
// byte that no file has. It does nothing if the file system has no locks.
func tryLock(file *os.File) error {
	beyond := &windows.Overlapped{OffsetHigh: math.MaxInt32}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, beyond)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errLocked
	}
	return nil
}
