// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// ForeignFileError is the error of a writer that would replace a file that neither this provider nor a Troubleshoot
// tool has written.
type ForeignFileError struct {
	Path string
}

func (e *ForeignFileError) Error() string {
	return fmt.Sprintf("%s would be replaced, and neither this provider nor a Troubleshoot tool wrote it", e.Path)
}

// RejectForeign returns a ForeignFileError if WriteAnalysis or WriteReports would replace somebody else's file, and
// another error if it cannot find out.
func (w *Writer) RejectForeign() error {
	root, err := os.OpenRoot(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open bundle directory %s: %w", w.dir, cause(err))
	}
	defer root.Close() //nolint:errcheck // Only read.
	for _, name := range append([]string{versionFile, analysisFile}, w.reports...) {
		if err := w.rejectForeign(root, name); err != nil {
			return err
		}
	}
	return nil
}

// rejectForeign is RejectForeign for one file.
func (w *Writer) rejectForeign(root *os.Root, name string) error {
	ours, err := isOurs(root, name)
	switch path := filepath.Join(w.dir, name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", path, explain(err))
	case !ours:
		return &ForeignFileError{path}
	default:
		return nil
	}
}

// isOurs reports whether this provider or a Troubleshoot tool has written a file at the top of a bundle, as far as its
// form shows.
func isOurs(root *os.Root, name string) (bool, error) {
	info, err := root.Lstat(name) // before opening it: a named pipe would block
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	file, err := root.Open(name)
	if err != nil {
		return false, err
	}
	defer file.Close() //nolint:errcheck // Only read.
	switch name {
	case versionFile:
		return isVersion(file)
	case analysisFile:
		return isAnalysis(file), nil
	default:
		return isReport(file)
	}
}

func isReport(file io.Reader) (bool, error) {
	beginning, err := io.ReadAll(io.LimitReader(file, 512))
	return bytes.Contains(beginning, []byte(ReportMark)), err
}

var versionForm = regexp.MustCompile(
	`^apiVersion: troubleshoot\.sh/v1beta\d+\r?\nkind: SupportBundle\r?\nspec:\r?\n +versionNumber:[^\n]*\n?$`)

func isVersion(file io.Reader) (bool, error) {
	content, err := io.ReadAll(io.LimitReader(file, maxResultSize))
	return versionForm.Match(content), err
}

// isAnalysis reports whether a file is a list, and whether its first element, if it has one, has the fields that every
// analysis has.
func isAnalysis(file io.Reader) bool {
	decoder := json.NewDecoder(io.LimitReader(file, maxKept))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('[') {
		return false
	}
	if !decoder.More() {
		end, err := decoder.Token()
		return err == nil && end == json.Delim(']')
	}
	var first map[string]json.RawMessage
	if err := decoder.Decode(&first); err != nil {
		return false
	}
	for _, field := range []string{"insight", "severity", "analyzerSpec"} {
		if _, has := first[field]; !has {
			return false
		}
	}
	return true
}
