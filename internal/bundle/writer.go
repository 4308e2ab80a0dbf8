// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Writer writes results into one bundle directory, which it makes when it first writes. It may be used concurrently, also by
// several processes on one directory.
type Writer struct {
	dir          string
	format       Format
	cleanConnect sync.Once
}

// NewWriter returns a Writer for the bundle directory dir.
func NewWriter(dir string, format Format) *Writer {
	return &Writer{dir: dir, format: format}
}

// Write writes the result of a collector, whose name ValidateCollectorName takes, and returns the file's path. An older result is
// replaced only by a whole new one, also when the process is killed or the disk fills. The error names the path and the cause.
func (w *Writer) Write(collector string, result Result) (path string, err error) {
	path = ResultFile(w.dir, collector)
	if err := w.write(collector, result); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, nil
}

func (w *Writer) write(collector string, result Result) error {
	if err := ValidateCollectorName(collector); err != nil {
		return err
	}
	content, err := w.format.encode(result)
	if err != nil {
		return err
	}
	dir, err := w.openConnectDir()
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // A directory that was only read.
	return cause(replace(dir, resultName(collector), contentOf(content)))
}

// isResultName reports whether a file in the directory of results is the result of a collector.
func isResultName(name string) bool {
	collector, isResult := strings.CutSuffix(name, ".json")
	return isResult && ValidateCollectorName(collector) == nil
}

// contentOf returns a function that writes content.
func contentOf(content []byte) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	}
}

// openConnectDir opens the directory of results, and clears it of what killed writers left when it is first opened.
func (w *Writer) openConnectDir() (*os.Root, error) {
	dir, err := makeConnectDir(w.dir)
	if err != nil {
		return nil, err
	}
	w.cleanConnect.Do(func() { removeStray(dir, isResultName) })
	return dir, nil
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
	if err := root.MkdirAll(connectPath, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", filepath.Join(bundleDir, connectPath), explain(err))
	}
	dir, err := root.OpenRoot(connectPath)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(bundleDir, connectPath), explain(err))
	}
	return dir, nil
}
