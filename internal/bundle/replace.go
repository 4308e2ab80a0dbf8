// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"regexp"
)

// temporaryFile matches the whole name of a temporary file, because the names of other programs may look like it. The
// name begins with a dot, as the name of no collector does. A writer holds a lock on its temporary file, so a file
// without a lock was left by a writer that was killed.
var temporaryFile = regexp.MustCompile(`^\.(.+)\.[A-Z2-7]{26}\.tmp$`)

// temporaryName returns a new name for a temporary file that is to replace name.
func temporaryName(name string) string {
	return "." + name + "." + rand.Text() + ".tmp"
}

// temporaryOf returns the name that a temporary file was to replace, empty if it is not one.
func temporaryOf(temporary string) (name string) {
	if parts := temporaryFile.FindStringSubmatch(temporary); parts != nil {
		return parts[1]
	}
	return ""
}

// replace makes a temporary file, has its content written, and renames it to name.
func replace(dir *os.Root, name string, write func(*os.File) error) error {
	for attempt := 1; ; attempt++ {
		err := tryReplace(dir, name, write)
		// Until it is locked, a temporary file looks like a stray one, and another process may remove it.
		removed := errors.Is(err, errLocked) || errors.Is(err, fs.ErrNotExist)
		const mostAttempts = 10
		if !removed || attempt == mostAttempts {
			return err
		}
	}
}

func tryReplace(dir *os.Root, name string, write func(*os.File) error) (err error) {
	temporary := temporaryName(name)
	file, err := dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = dir.Remove(temporary) // it may be gone already
		}
	}()
	err = fill(file, write)
	if err == nil {
		err = dir.Rename(temporary, name)
	}
	return errors.Join(err, file.Close())
}

func fill(file *os.File, write func(*os.File) error) error {
	if err := tryLock(file); err != nil {
		return err
	}
	return write(file)
}

// synced returns a function that also waits until what was written is on the disk. Without it, a power failure may
// leave an empty file, which no reader takes for a result.
func synced(write func(*os.File) error) func(*os.File) error {
	return func(file *os.File) error {
		if err := write(file); err != nil {
			return err
		}
		return file.Sync()
	}
}

// removeStray removes the temporary files that killed writers left, if they were to replace a file of ours. A file
// that it cannot read or remove stays: nobody depends on this.
func removeStray(dir *os.Root, ours func(name string) bool) {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return
	}
	for _, entry := range entries {
		if name := temporaryOf(entry.Name()); name != "" && entry.Type().IsRegular() && ours(name) {
			removeUnlocked(dir, entry.Name())
		}
	}
}

func removeUnlocked(dir *os.Root, name string) {
	file, err := dir.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	if tryLock(file) == nil {
		_ = dir.Remove(name)
	}
}
