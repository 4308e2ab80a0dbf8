// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ownArchives are the archives that this run reads and writes. None is judged that the run is yet to replace: what lies
// there until then is an older run's. The zero value has none.
type ownArchives struct {
	mu    sync.Mutex
	known map[string]ownArchive // by archiveKey
}

type ownArchive struct {
	wasRead    bool   // before this run has written it
	isClaimed  bool   // this run writes it
	claimedBy  string // the key of the batch that does
	isWritten  bool   // this run has written it
	isExcluded bool   // a batch that would write it is excluded
}

// isOlder reports whether what lies there is an older run's, and will be replaced.
func (a ownArchive) isOlder() bool {
	return a.isClaimed && !a.isWritten
}

// read calls a function that reads an archive, and returns its error, or ErrOlderArchive.
func (a *ownArchives) read(archive string, read func() error) error {
	wasOwn := a.isOwn(archive)
	if err := read(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range readKeys(archive) {
		now := a.known[key]
		switch {
		case now.isOlder(), now.isWritten && !wasOwn:
			return ErrOlderArchive
		case now.isWritten:
			continue
		case now.isExcluded:
			return ErrArchiveExcluded
		}
		now.wasRead = true
		a.set(key, now)
	}
	return nil
}

// isOwn reports whether this run has written what is read at a path, or what a link there leads to.
func (a *ownArchives) isOwn(archive string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	isOwn := false
	for _, key := range readKeys(archive) {
		if a.known[key].isOlder() {
			return false
		}
		isOwn = isOwn || a.known[key].isWritten
	}
	return isOwn
}

// claim says that a batch will write an archive, perhaps again. The error is ErrOlderArchive if the archive was read
// before, and ErrArchiveTaken if another batch writes it.
func (a *ownArchives) claim(archive, batch string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := archiveKey(archive)
	now := a.known[key]
	switch {
	case now.wasRead:
		return ErrOlderArchive
	case now.isClaimed && now.claimedBy != batch:
		return ErrArchiveTaken
	}
	now.isClaimed, now.claimedBy = true, batch
	a.set(key, now)
	return nil
}

// exclude says that a batch that would write an archive is excluded. The error is ErrArchiveExcluded if the archive was
// read before.
func (a *ownArchives) exclude(archive string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.known[archiveKey(archive)]
	if now.wasRead {
		return ErrArchiveExcluded
	}
	now.isExcluded = true
	a.set(archiveKey(archive), now)
	return nil
}

// setWritten says that an archive was written.
func (a *ownArchives) setWritten(archive string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.known[archiveKey(archive)]
	now.isWritten = true
	a.set(archiveKey(archive), now)
}

func (a *ownArchives) set(key string, now ownArchive) {
	if a.known == nil {
		a.known = make(map[string]ownArchive)
	}
	a.known[key] = now
}

// maxLinks is how many links may lead from one to the next, as in Linux (path_resolution(7)).
const maxLinks = 40

// readKeys are the keys of what is read at a path: of the path itself, and of what each link there leads to.
func readKeys(archive string) []string {
	keys := []string{archiveKey(archive)}
	for range maxLinks {
		target, err := os.Readlink(archive)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(archive), target)
		}
		archive = target
		keys = append(keys, archiveKey(archive))
	}
	if resolved, err := filepath.EvalSymlinks(archive); err == nil {
		keys = append(keys, archiveKey(resolved))
	}
	return slices.Compact(keys)
}

// archiveKey is the same for every spelling of a path, also in another case, which macOS and Windows ignore. A link at
// its end counts as itself: writing an archive replaces it.
func archiveKey(archive string) string {
	absolute, err := filepath.Abs(archive)
	if err != nil {
		return strings.ToLower(archive)
	}
	// Its directory may not exist yet: writing the archive makes it.
	dir, rest := filepath.Dir(absolute), filepath.Base(absolute)
	for {
		if resolved, err := filepath.EvalSymlinks(dir); err == nil {
			return strings.ToLower(filepath.Join(resolved, rest))
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return strings.ToLower(absolute)
		}
		dir, rest = parent, filepath.Join(filepath.Base(dir), rest)
	}
}
