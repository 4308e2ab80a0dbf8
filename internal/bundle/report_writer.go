// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// writesAtOnce is how many files of a report are written side by side: each waits for the disk.
const writesAtOnce = 32

// WriteReport writes all files of a report, each whole or not at all. The analysis comes last, after an older one was removed: one
// that lies there belongs to the results beside it. Nothing is written if it would replace a file of somebody else: a ForeignFileError.
func (w *Writer) WriteReport(report Report) error {
	results, err := report.resultFiles(w.format)
	if err != nil {
		return err
	}
	top, err := report.topFiles()
	if err != nil {
		return err
	}
	if err := w.CheckForeign(); err != nil {
		return err
	}
	connect, err := w.openConnectDir()
	if err != nil {
		return fmt.Errorf("write %s: %w", w.dir, err)
	}
	defer connect.Close() //nolint:errcheck // A directory that was only read.
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		return fmt.Errorf("open bundle directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // A directory that was only read.
	removeStray(root, func(name string) bool { return name == versionFile || name == analysisFile })

	if err := root.Remove(analysisFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", filepath.Join(w.dir, analysisFile), explain(err))
	}
	var group errgroup.Group
	group.SetLimit(writesAtOnce)
	for _, file := range results {
		group.Go(func() error { return w.writeFile(connect, path.Base(file.path), file) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, file := range top {
		if err := w.writeFile(root, file.path, file); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) writeFile(dir *os.Root, name string, file file) error {
	if err := replace(dir, name, contentOf(file.content)); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(w.dir, filepath.FromSlash(file.path)), cause(err))
	}
	return nil
}
