// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// archiveError says why an archive was not written.
type archiveError struct{ error }

func (e archiveError) Unwrap() error { return e.error }

// ownArchives knows which archives this run reads and writes, so that none is judged that it is yet to replace: what lies there
// until then is an older run's. Its zero value knows none.
type ownArchives struct {
	mu     sync.Mutex
	states map[string]archiveState // by archiveKey
}

type archiveState int

const (
	archiveRead    archiveState = iota + 1 // nobody had claimed it
	archiveWritten                         // by this run
	archiveClaimed                         // it will be written: what lies there is to be replaced
)

var errOlderArchive = errors.New("this run's preflight_spec writes that archive, and had not yet when it was read: what was read is an older run's. " +
	"Make the one wait for the other: bundle = data.preflight_spec.NAME.archive")

// read calls a function that reads an archive, and returns its error, or errOlderArchive.
func (a *ownArchives) read(archive string, read func() error) error {
	before := a.state(archive)
	if err := read(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range readKeys(archive) {
		after := a.states[key]
		if after == archiveClaimed || before != archiveWritten && after == archiveWritten {
			return errOlderArchive
		}
		a.set(key, max(after, archiveRead))
	}
	return nil
}

// state is the state of an archive that is to be read: of its keys the one most in the way.
func (a *ownArchives) state(archive string) (state archiveState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range readKeys(archive) {
		state = max(state, a.states[key])
	}
	return state
}

// claim says that an archive will be written, perhaps again. The error is errOlderArchive if it was read before.
func (a *ownArchives) claim(archive string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch key := archiveKey(archive); a.states[key] {
	case archiveRead:
		return errOlderArchive
	case archiveWritten: // it stays this run's: the same spec replaces it, whole
	default:
		a.set(key, archiveClaimed)
	}
	return nil
}

// written says that an archive was written.
func (a *ownArchives) written(archive string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(archiveKey(archive), archiveWritten)
}

func (a *ownArchives) set(key string, state archiveState) {
	if a.states == nil {
		a.states = make(map[string]archiveState)
	}
	a.states[key] = state
}

// readKeys are the keys of what is read at a path: of the path itself, and of what it leads to if it is a link.
func readKeys(archive string) []string {
	keys := []string{archiveKey(archive)}
	if resolved, err := filepath.EvalSymlinks(archive); err == nil {
		keys = append(keys, archiveKey(resolved))
	}
	return slices.Compact(keys)
}

// archiveKey is the same for every spelling of a path, also in another case, which macOS and Windows ignore. A link at its end counts
// as itself: writing an archive replaces it.
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
