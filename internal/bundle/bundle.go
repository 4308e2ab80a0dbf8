// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package bundle writes the results of collectors into a support bundle on disk, and reads them back.
//
// A result lies in <bundle>/host-collectors/connect/<collector>.json, as in the bundles of Troubleshoot. A Writer
// replaces such a file whole or not at all. Read and ReadAll accept either Format. None of them follows a
// name or a symbolic link out of the bundle directory.
package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The paths of a bundle, slash-separated.
const (
	hostCollectors = "host-collectors"
	connectKind    = "connect" // the directory of the results of tcpConnect collectors
	connectPath    = hostCollectors + "/" + connectKind
	nodeListPath   = hostCollectors + "/system/node_list.json"
)

// Result is the content of a result file. FormatStatus keeps the status only.
type Result struct {
	Status  string
	Message string // what the operating system said
	Reason  string // why the status is what it is; empty if not known
}

// ResultFile returns the path of a collector's result in the bundle directory dir.
func ResultFile(dir, collector string) string {
	return filepath.Join(dir, connectPath, resultName(collector))
}

func resultName(collector string) string {
	return collector + ".json"
}

// Same reports whether two bundle directories keep the result of a collector in one place, however the directories are
// spelt and whatever links lead there. It returns true if it cannot find out.
func Same(dir, other, collector string) bool {
	for _, path := range []func(dir string) string{
		func(dir string) string { return dir },
		func(dir string) string { return filepath.Join(dir, connectPath) },
		func(dir string) string { return ResultFile(dir, collector) },
	} {
		first, firstErr := os.Stat(path(dir))
		second, secondErr := os.Stat(path(other))
		switch err := errors.Join(firstErr, secondErr); {
		case errors.Is(firstErr, fs.ErrNotExist), errors.Is(secondErr, fs.ErrNotExist):
		case err != nil, os.SameFile(first, second):
			return true
		}
	}
	return false
}

// explain is cause for the errors of an os.Root. If the os.Root refused the path, and not the operating system, then
// the path leads out of its directory.
func explain(err error) error {
	pathErr, isPathErr := errors.AsType[*fs.PathError](err)
	if _, fromSystem := errors.AsType[syscall.Errno](err); isPathErr && !fromSystem {
		return fmt.Errorf("%w; a symbolic link there must not lead out of the bundle directory", pathErr.Err)
	}
	return cause(err)
}

// cause returns what went wrong, without the operation and the path that package os puts before it. The caller names
// the path.
func cause(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		return linkErr.Err
	}
	return err
}
