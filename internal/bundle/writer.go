// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Writer writes the results and the findings of one run into a bundle directory. When it first writes, it makes the
// directory and removes the analysis.json and the reports of an earlier run, but no file that somebody else wrote.
//
// A Writer may be used concurrently, except for WriteAnalysis and WriteReports. Several processes may write into one
// directory.
type Writer struct {
	dir          string
	format       Format
	reports      []string // the names of the reports that it will write
	cleanConnect sync.Once

	beginning sync.Mutex
	begun     bool // guarded by beginning

	versioning sync.Mutex // is held while version.yaml is written
	hasVersion bool       // guarded by versioning
}

// NewWriter returns a Writer for the bundle directory dir, which will write reports of these names.
func NewWriter(dir string, format Format, reports ...string) *Writer {
	return &Writer{dir: dir, format: format, reports: reports}
}

// Format returns the form of the result files.
func (w *Writer) Format() Format { return w.format }

// Write writes the result of a collector, whose name ValidateCollectorName accepts, and returns the path of the file.
// It replaces an older result only by a whole new one, also if the process is killed or the disk is full. The error
// names the path and the cause.
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
	return cause(replace(dir, resultName(collector), synced(contentOf(content))))
}

// isResultName reports whether a name is that of a result file.
func isResultName(name string) bool {
	collector, isResult := strings.CutSuffix(name, ".json")
	return isResult && ValidateCollectorName(collector) == nil
}

// contentOf returns a function that writes content.
func contentOf(content []byte) func(*os.File) error {
	return func(to *os.File) error {
		_, err := to.Write(content)
		return err
	}
}

// openConnectDir opens the directory of results, and makes it if it is not there. The directory lies in the bundle
// directory, also if there are symbolic links.
func (w *Writer) openConnectDir() (*os.Root, error) {
	root, err := w.openBundleDir()
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	if err := root.MkdirAll(connectPath, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", filepath.Join(w.dir, connectPath), explain(err))
	}
	dir, err := root.OpenRoot(connectPath)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Join(w.dir, connectPath), explain(err))
	}
	w.cleanConnect.Do(func() { removeStray(dir, isResultName) })
	return dir, nil
}

// openBundleDir opens the bundle directory, and makes it if it is not there.
func (w *Writer) openBundleDir() (*os.Root, error) {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make bundle directory: %w", err)
	}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return nil, fmt.Errorf("open bundle directory: %w", err)
	}
	if err := w.begin(root); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// begin removes the analysis.json and the reports of an earlier run before this Writer writes anything, so that those
// that the bundle holds later are of this run. It does nothing once it has succeeded.
func (w *Writer) begin(root *os.Root) error {
	w.beginning.Lock()
	defer w.beginning.Unlock()
	if w.begun {
		return nil
	}
	ofRun := []string{analysisFile, ReportHTML, ReportJUnit, ReportMarkdown}
	removeStray(root, func(name string) bool { return name == versionFile || slices.Contains(ofRun, name) })
	for _, name := range ofRun {
		path := filepath.Join(w.dir, name)
		switch ours, err := isOurs(root, name); {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("read %s: %w", path, explain(err))
		case ours:
			if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove %s: %w", path, explain(err))
			}
		}
	}
	w.begun = true
	return nil
}
