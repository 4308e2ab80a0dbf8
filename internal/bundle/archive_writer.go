// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// archiveSuffixes are the endings that the name of an archive may have.
var archiveSuffixes = []string{".tar.gz", ".tgz"}

// archiveName matches the names that an archive and its top directory may have. Such a name does not consist of dots
// only, and no system takes a part of it for a directory or a drive.
var archiveName = regexp.MustCompile(`^[\p{L}\p{N} ._+-]*[\p{L}\p{N}_+-][\p{L}\p{N} ._+-]*$`)

// archiveTop returns the name of the single top directory of the archive at a path: the name of the archive, without
// its ending.
func archiveTop(archive string) (string, error) {
	name := filepath.Base(filepath.FromSlash(archive))
	for _, suffix := range archiveSuffixes {
		if top, ok := strings.CutSuffix(name, suffix); ok && archiveName.MatchString(top) && top != hostCollectors {
			return top, nil
		}
	}
	return "", fmt.Errorf("%q cannot name an archive. Write a path that ends in a name of letters, digits, spaces, "+
		"\".\", \"_\" or \"-\" and .tar.gz or .tgz, for example \"support-bundle.tar.gz\".",
		suggest.Abbreviate(archive))
}

// ValidateArchivePath returns an error if a path does not end in the name of an archive.
func ValidateArchivePath(archive string) error {
	_, err := archiveTop(archive)
	return err
}

// WriteArchive writes all files of a report into a gzipped tar archive, below one directory that is named after the
// archive. It makes the directory that is to hold the archive. It replaces an older archive only by a whole new one.
// The error names the path and the cause.
func (w *Writer) WriteArchive(archive string, report Report) error {
	if err := w.writeArchive(archive, report); err != nil {
		return fmt.Errorf("write %s: %w", archive, err)
	}
	return nil
}

func (w *Writer) writeArchive(archive string, report Report) error {
	top, err := archiveTop(archive)
	if err != nil {
		return err
	}
	results, err := resultFiles(report.Results, w.format)
	if err != nil {
		return err
	}
	files, err := report.topFiles()
	if err != nil {
		return err
	}
	for _, own := range report.Reports {
		files = append(files, file{own.Name, own.Content, report.MadeAt})
	}
	parent, name := filepath.Dir(archive), filepath.Base(archive)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	dir, err := os.OpenRoot(parent)
	if err != nil {
		return fmt.Errorf("open directory: %w", err)
	}
	defer dir.Close() //nolint:errcheck // A directory that was only read.
	removeStray(dir, func(temporary string) bool { return temporary == name })
	return cause(replace(dir, name, synced(func(to *os.File) error {
		return pack(to, top, append(files, results...), report.MadeAt)
	})))
}

// pack writes files into a gzipped tar archive, below the directory top.
func pack(to io.Writer, top string, files []file, madeAt time.Time) error {
	zip := gzip.NewWriter(to)
	archive := tar.NewWriter(zip)
	for _, dir := range []string{top, path.Join(top, hostCollectors), path.Join(top, connectPath)} {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: madeAt}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
	}
	for _, file := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(top, file.path), Mode: 0o644,
			Size: int64(len(file.content)), ModTime: file.modTime,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(file.content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zip.Close())
}
