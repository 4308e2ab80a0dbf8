// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"path/filepath"
	"sync"
)

// ownArchives knows which archives this run reads and writes, so that none is judged that it is yet to replace: what lies there
// until then is an older run's. Its zero value knows none.
type ownArchives struct {
	mu     sync.Mutex
	states map[string]archiveState // by absolute path
}

type archiveState int

const (
	archiveRead    archiveState = iota + 1 // nobody had claimed it
	archiveClaimed                         // it will be written
	archiveWritten
)

var errOlderArchive = errors.New("this run's preflight_spec writes that archive, and had not yet when it was read: what was read is an older run's. " +
	"Make the one wait for the other: bundle = data.preflight_spec.NAME.archive")

// read calls a function that reads an archive, and returns its error, or errOlderArchive.
func (a *ownArchives) read(archive string, read func() error) error {
	a.mu.Lock()
	before := a.states[archiveKey(archive)]
	a.mu.Unlock()
	if err := read(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch after := a.states[archiveKey(archive)]; {
	case before == archiveWritten && after == archiveWritten:
		return nil
	case before > archiveRead, after > archiveRead:
		return errOlderArchive
	default:
		a.set(archive, archiveRead)
		return nil
	}
}

// claim says that an archive will be written. The error is errOlderArchive if it was read before.
func (a *ownArchives) claim(archive string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.states[archiveKey(archive)] == archiveRead {
		return errOlderArchive
	}
	a.set(archive, archiveClaimed)
	return nil
}

// written says that an archive was written.
func (a *ownArchives) written(archive string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(archive, archiveWritten)
}

func (a *ownArchives) set(archive string, state archiveState) {
	if a.states == nil {
		a.states = make(map[string]archiveState)
	}
	a.states[archiveKey(archive)] = state
}

// archiveKey is the same for every spelling of a path.
func archiveKey(archive string) string {
	absolute, err := filepath.Abs(archive)
	if err != nil {
		return archive
	}
	dir, name := filepath.Split(absolute)
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		return filepath.Join(resolved, name)
	}
	return absolute
}
