// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// writesAtOnce is how many result files are written side by side: each waits for the disk.
const writesAtOnce = 32

// WriteResults writes the files of several results, each whole or not at all. If WriteAnalysis would replace somebody
// else's file, it writes nothing and returns a ForeignFileError.
func (w *Writer) WriteResults(results []CollectorResult) error {
	files, err := resultFiles(results, w.format)
	if err != nil {
		return err
	}
	if err := w.RejectForeign(); err != nil {
		return err
	}
	connect, err := w.openConnectDir()
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	defer connect.Close() //nolint:errcheck // A directory that was only read.
	var group errgroup.Group
	group.SetLimit(writesAtOnce)
	for _, file := range files {
		// Not synced: with thousands of files that takes longer than all dials.
		group.Go(func() error { return w.writeFile(connect, path.Base(file.path), file, contentOf(file.content)) })
	}
	return group.Wait()
}

// WriteAnalysis writes version.yaml and then analysis.json, each whole or not at all. It ignores the results of the
// report. If it would replace somebody else's file, it writes nothing and returns a ForeignFileError.
//
// Each call replaces the files of the call before, so a report must hold all findings of the run so far. The caller
// must not make two calls at the same time: the older report might be written last.
func (w *Writer) WriteAnalysis(report Report) error {
	files, err := report.topFiles()
	if err != nil {
		return err
	}
	if err := w.RejectForeign(); err != nil {
		return err
	}
	root, err := w.openBundleDir()
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	for _, file := range files {
		if err := w.writeFile(root, file.path, file, synced(contentOf(file.content))); err != nil {
			return err
		}
	}
	return nil
}

// WriteReport writes a report for people or CI, whole or not at all. If it would replace somebody else's file, it
// writes nothing and returns a ForeignFileError.
func (w *Writer) WriteReport(report ReportFile) error {
	if err := w.RejectForeign(); err != nil {
		return err
	}
	root, err := w.openBundleDir()
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	return w.writeFile(root, report.Name, file{path: report.Name}, contentOf(report.Content))
}

func (w *Writer) writeFile(dir *os.Root, name string, file file, write func(*os.File) error) error {
	if err := replace(dir, name, write); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(w.dir, filepath.FromSlash(file.path)), cause(err))
	}
	return nil
}
