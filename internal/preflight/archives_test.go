// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestArchiveIsNotReadBeforeThisRunHasWrittenIt(t *testing.T) {
	t.Parallel()
	const archive = "bundle.tar.gz"
	nothing := func() error { return nil }
	dir := t.TempDir()
	linked, link := filepath.Join(dir, archive), filepath.Join(dir, "latest.tar.gz")
	alias := filepath.Join(dir, "alias.tar.gz")
	err := errors.Join(
		os.WriteFile(linked, nil, 0o644), os.Symlink(archive, link), os.Symlink("latest.tar.gz", alias),
		os.Mkdir(filepath.Join(dir, "real"), 0o755), os.Symlink("real", filepath.Join(dir, "dir-link")))
	if err != nil {
		t.Skipf("this user may not make symbolic links: %v", err)
	}
	for name, test := range map[string]struct {
		course func(*ownArchives) error
		want   error
	}{
		"through a link": {func(a *ownArchives) error {
			return errors.Join(a.read(link, nothing), a.claim(linked, "batch"))
		}, ErrOlderArchive},
		"claimed, through a link": {func(a *ownArchives) error {
			return errors.Join(a.claim(linked, "batch"), a.read(link, nothing))
		}, ErrOlderArchive},
		"a link that is replaced": {func(a *ownArchives) error {
			return errors.Join(a.read(link, nothing), a.claim(link, "batch"))
		}, ErrOlderArchive},
		"what a replaced link meant": {func(a *ownArchives) error {
			return errors.Join(a.claim(link, "batch"), a.read(linked, nothing))
		}, nil},
		"not ours": {func(a *ownArchives) error { return a.read(archive, nothing) }, nil},
		"not ours, twice": {func(a *ownArchives) error {
			return errors.Join(a.read(archive, nothing), a.read(archive, nothing))
		}, nil},
		"read, then claimed": {func(a *ownArchives) error {
			return errors.Join(a.read(archive, nothing), a.claim(archive, "batch"))
		}, ErrOlderArchive},
		"claimed, then read": {func(a *ownArchives) error {
			return errors.Join(a.claim(archive, "batch"), a.read(archive, nothing))
		}, ErrOlderArchive},
		"claimed while read": {func(a *ownArchives) error {
			return a.read(archive, func() error { return a.claim(archive, "batch") })
		}, ErrOlderArchive},
		"written while read": {func(a *ownArchives) error {
			_ = a.claim(archive, "batch")
			return a.read(archive, func() error { a.setWritten(archive); return nil })
		}, ErrOlderArchive},
		"claimed and written while read": {func(a *ownArchives) error {
			return a.read(archive, func() error { defer a.setWritten(archive); return a.claim(archive, "batch") })
		}, ErrOlderArchive},
		"written, then read": {func(a *ownArchives) error {
			_ = a.claim(archive, "batch")
			a.setWritten(archive)
			return a.read(archive, nothing)
		}, nil},
		"in another spelling": {func(a *ownArchives) error {
			return errors.Join(a.read("./x/../"+archive, nothing), a.claim(archive, "batch"))
		}, ErrOlderArchive},
		"in another case": {func(a *ownArchives) error {
			return errors.Join(a.claim("Bundle.tar.gz", "batch"), a.read(archive, nothing))
		}, ErrOlderArchive},
		"another archive": {func(a *ownArchives) error {
			return errors.Join(a.claim("x/"+archive, "batch"), a.read(archive, nothing))
		}, nil},
		"written, being written again, and read": {func(a *ownArchives) error {
			a.setWritten(archive)
			return errors.Join(a.claim(archive, "batch"), a.read(archive, nothing))
		}, nil},
		"written, read, and written again": {func(a *ownArchives) error {
			a.setWritten(archive)
			return errors.Join(a.read(archive, nothing), a.claim(archive, "batch"))
		}, nil},
		"excluded, then read": {func(a *ownArchives) error {
			return errors.Join(a.exclude(archive), a.read(archive, nothing))
		}, ErrArchiveExcluded},
		"read, then excluded": {func(a *ownArchives) error {
			return errors.Join(a.read(archive, nothing), a.exclude(archive))
		}, ErrArchiveExcluded},
		"excluded, and written by another": {func(a *ownArchives) error {
			err := errors.Join(a.exclude(archive), a.claim(archive, "batch"))
			a.setWritten(archive)
			return errors.Join(err, a.read(archive, nothing))
		}, nil},
		"claimed below a link, in a directory that appears": {func(a *ownArchives) error {
			err := a.claim(filepath.Join(dir, "dir-link", "new", archive), "batch")
			return errors.Join(err, os.MkdirAll(filepath.Join(dir, "real", "new"), 0o755),
				a.read(filepath.Join(dir, "dir-link", "new", archive), nothing))
		}, ErrOlderArchive},
		"through two links": {func(a *ownArchives) error {
			return errors.Join(a.claim(link, "batch"), a.read(alias, nothing))
		}, ErrOlderArchive},
		"that can not be read": {func(a *ownArchives) error {
			return a.read(archive, func() error { return io.ErrUnexpectedEOF })
		}, io.ErrUnexpectedEOF},
	} {
		if err := test.course(&ownArchives{}); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
