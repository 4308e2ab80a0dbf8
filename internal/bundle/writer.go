// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Writer writes results into one bundle directory, which it makes when it first writes. It may be used concurrently, also by
// several processes on one directory.
type Writer struct {
	dir    string
	format Format
	sweep  sync.Once
}

// NewWriter returns a Writer for the bundle directory dir.
func NewWriter(dir string, format Format) *Writer {
	return &Writer{dir: dir, format: format}
}

// Write writes the result of a collector, whose name CheckCollectorName takes, and returns the file's path. An older result is
// replaced only by a whole new one, also when the process is killed or the disk fills. The error names the path and the cause.
func (w *Writer) Write(collector string, result Result) (path string, err error) {
	path = ResultFile(w.dir, collector)
	if err := w.write(collector, result); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, nil
}

func (w *Writer) write(collector string, result Result) error {
	if err := CheckCollectorName(collector); err != nil {
		return err
	}
	content, err := w.format.encode(result)
	if err != nil {
		return err
	}
	dir, err := makeConnectDir(w.dir)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // A directory that was only read.
	w.sweep.Do(func() { sweep(dir) })
	return cause(replace(dir, resultName(collector), content))
}

// makeConnectDir opens the directory of results below the bundle directory, never outside it.
func makeConnectDir(bundleDir string) (*os.Root, error) {
	if err := os.MkdirAll(bundleDir, 0o755); err != nil {
		return nil, fmt.Errorf("make bundle directory: %w", err)
	}
	root, err := os.OpenRoot(bundleDir)
	if err != nil {
		return nil, fmt.Errorf("open bundle directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	if err := root.MkdirAll(connectDir, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", filepath.Join(bundleDir, connectDir), explain(err))
	}
	dir, err := root.OpenRoot(connectDir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(bundleDir, connectDir), explain(err))
	}
	return dir, nil
}

// A temporary file begins with a dot, as no collector's name does. While it is written its writer holds a lock on it, so what is
// not locked was left by a writer that was killed.
const (
	temporaryPrefix = "."
	temporarySuffix = ".tmp"
)

// replace writes a temporary file and renames it to name.
func replace(dir *os.Root, name string, content []byte) error {
	for attempt := 1; ; attempt++ {
		err := tryReplace(dir, name, content)
		// Between its making and its locking a temporary file looks like a stray one, and another process may sweep it.
		swept := errors.Is(err, errLocked) || errors.Is(err, fs.ErrNotExist)
		const mostAttempts = 10
		if !swept || attempt == mostAttempts {
			return err
		}
	}
}

func tryReplace(dir *os.Root, name string, content []byte) (err error) {
	temporary := temporaryPrefix + name + "." + rand.Text() + temporarySuffix
	file, err := dir.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = dir.Remove(temporary) // it may be gone already
		}
	}()
	err = fill(file, content)
	if err == nil {
		err = dir.Rename(temporary, name)
	}
	return errors.Join(err, file.Close())
}

func fill(file *os.File, content []byte) error {
	if err := tryLock(file); err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// sweep removes temporary files that killed writers left. It is housekeeping: what it cannot read or remove stays.
func sweep(dir *os.Root) {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.Type().IsRegular() && strings.HasPrefix(name, temporaryPrefix) && strings.HasSuffix(name, temporarySuffix) {
			removeUnlocked(dir, name)
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
