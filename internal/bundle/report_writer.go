// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
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

// WriteAnalysis writes version.yaml and then analysis.json, each whole or not at all. It ignores the results and the
// reports of the report. If it would replace somebody else's file, it writes nothing and returns a ForeignFileError.
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
	version, analysis := files[0], files[1]
	if err := w.writeVersion(root, version); err != nil {
		return err
	}
	return w.writeFile(root, analysis.path, analysis, synced(contentOf(analysis.content)))
}

// writeVersion writes version.yaml, which makes the directory a bundle.
func (w *Writer) writeVersion(root *os.Root, version file) error {
	w.versioning.Lock()
	defer w.versioning.Unlock()
	err := w.writeFile(root, version.path, version, synced(contentOf(version.content)))
	w.hasVersion = w.hasVersion || err == nil
	return err
}

// WriteReports writes the reports of the report, each whole or not at all, after version.yaml if this Writer has not
// written that. It ignores results and findings. If it would replace somebody else's file, the error is a
// ForeignFileError. A report that cannot be written does not keep the others from being written.
//
// As with WriteAnalysis, the caller must not make two calls at the same time.
func (w *Writer) WriteReports(report Report) error {
	root, err := w.openBundleDir()
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	if err := w.makeBundle(root, report); err != nil {
		return err
	}
	for _, written := range report.Reports {
		failure := w.rejectForeign(root, written.Name)
		if failure == nil {
			failure = w.writeFile(root, written.Name, file{path: written.Name}, contentOf(written.Content))
		}
		err = errors.Join(err, failure)
	}
	return err
}

// makeBundle writes version.yaml unless this Writer has written it.
func (w *Writer) makeBundle(root *os.Root, report Report) error {
	w.versioning.Lock()
	hasVersion := w.hasVersion
	w.versioning.Unlock()
	if hasVersion {
		return nil
	}
	if err := w.rejectForeign(root, versionFile); err != nil {
		return err
	}
	return w.writeVersion(root, report.version())
}

func (w *Writer) writeFile(dir *os.Root, name string, file file, write func(*os.File) error) error {
	if err := replace(dir, name, write); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(w.dir, filepath.FromSlash(file.path)), cause(err))
	}
	return nil
}
