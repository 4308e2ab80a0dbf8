// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxResultSize limits what is read of a result file, in bytes. The longest message a dial can make, of as many addresses as a
// DNS answer holds, is well below it.
const maxResultSize = 1 << 20

// Read reads the result of a collector from the bundle directory dir, in either format, and the time when the file was written.
// isStatus tells which texts are a status. The error names the path and what is wrong.
func Read(dir, collector string, isStatus func(status string) bool) (Result, time.Time, error) {
	if err := CheckCollectorName(collector); err != nil {
		return Result{}, time.Time{}, err
	}
	result, written, err := read(dir, collector, isStatus)
	if err != nil {
		return Result{}, time.Time{}, fmt.Errorf("read %s: %w", ResultFile(dir, collector), err)
	}
	return result, written, nil
}

func read(dir, collector string, isStatus func(string) bool) (Result, time.Time, error) {
	info, err := os.Stat(dir) // before opening it: a named pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Result{}, time.Time{}, fmt.Errorf("there is no bundle directory %s", dir)
	case err == nil && !info.IsDir():
		return Result{}, time.Time{}, fmt.Errorf("%s is no directory; give the bundle directory, the one that holds host-collectors", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Result{}, time.Time{}, fmt.Errorf("open bundle directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // Only read.
	content, written, err := readRegular(root, filepath.Join(connectDir, resultName(collector)))
	if errors.Is(err, fs.ErrNotExist) {
		return Result{}, time.Time{}, fmt.Errorf("the bundle holds no result of a collector named %q", collector)
	}
	if err != nil {
		return Result{}, time.Time{}, explain(err)
	}
	result, err := decode(content, isStatus)
	return result, written, err
}

func readRegular(root *os.Root, name string) ([]byte, time.Time, error) {
	info, err := root.Stat(name) // before opening it: a named pipe would block
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, errors.New("it is not a regular file (a directory or a device, say)")
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer file.Close() //nolint:errcheck // Only read.
	if info, err = file.Stat(); err != nil {
		return nil, time.Time{}, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxResultSize+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(content) > maxResultSize {
		return nil, time.Time{}, fmt.Errorf("it is larger than %d bytes, the most that a result file may have", maxResultSize)
	}
	return content, info.ModTime(), nil
}
