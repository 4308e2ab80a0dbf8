// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
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
	wasRead   bool   // before this run has written it
	isClaimed bool   // this run writes it
	claimedBy string // the key of the batch that does
	isWritten bool   // this run has written it
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
		if now.isOlder() || now.isWritten && !wasOwn {
			return ErrOlderArchive
		}
		if !now.isWritten {
			now.wasRead = true
			a.set(key, now)
		}
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

// readKeys are the keys of what is read at a path: of the path itself, and of what it leads to if it is a link.
func readKeys(archive string) []string {
	keys := []string{archiveKey(archive)}
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
	dir, name := filepath.Split(absolute)
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		absolute = filepath.Join(resolved, name)
	}
	return strings.ToLower(absolute)
}
