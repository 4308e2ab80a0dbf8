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
)

// readDirectory keeps what a bundle directory holds. It returns the directory that host-collectors lies in: the bundle
// directory, or the only directory in it that has a host-collectors.
func (c *contents) readDirectory(bundle string) (dir string, err error) {
	dir, err = topOf(bundle)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return dir, fmt.Errorf("open bundle directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // Only read.
	if _, err := root.Lstat(hostCollectors); errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	return dir, c.walk(root, hostCollectors)
}

// walk remembers what lies in a directory, and in the directories below it that may hold results. It keeps what is
// wanted.
func (c *contents) walk(root *os.Root, dir string) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return inFile(dir, explain(err))
	}
	for _, entry := range entries {
		file := path.Join(dir, entry.Name())
		c.remember(file)
		switch {
		case c.wants(file):
			err = inFile(file, explain(c.readRegular(root, file)))
		case mayHoldResults(file):
			err = c.walkEntry(root, file, entry)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walkEntry walks an entry if it is a directory, or a link to one.
func (c *contents) walkEntry(root *os.Root, file string, entry fs.DirEntry) error {
	isDir := entry.IsDir()
	if entry.Type()&fs.ModeSymlink != 0 {
		info, err := statEntry(root, file)
		if err != nil {
			return inFile(file, explain(err))
		}
		isDir = info.IsDir()
	}
	if !isDir {
		return nil
	}
	return c.walk(root, file)
}

// statEntry is Stat for an entry that may be a link. For a link that leads nowhere it does not return fs.ErrNotExist:
// the entry is there, and what it led to is missing.
func statEntry(root *os.Root, name string) (fs.FileInfo, error) {
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lstatErr := root.Lstat(name); lstatErr == nil {
			return nil, errors.New("it is a symbolic link that leads nowhere")
		}
	}
	return info, err
}

// topOf returns the directory of a bundle that holds host-collectors, or the bundle directory if none does.
func topOf(bundle string) (string, error) {
	holdsResults := func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, hostCollectors))
		return !errors.Is(err, fs.ErrNotExist)
	}
	if holdsResults(bundle) {
		return bundle, nil // without its directories: an alias of the provider may keep its own bundle in this one
	}
	entries, err := os.ReadDir(bundle)
	if err != nil {
		return "", err
	}
	var tops []string
	for _, entry := range entries {
		if dir := filepath.Join(bundle, entry.Name()); entry.IsDir() && holdsResults(dir) {
			tops = append(tops, dir)
		}
	}
	switch len(tops) {
	case 0:
		return bundle, nil
	case 1:
		return tops[0], nil
	default:
		return "", fmt.Errorf("the directory holds several bundles: %s. Give one of them", fewOf(tops, 10))
	}
}

func (c *contents) readRegular(root *os.Root, name string) error {
	info, err := statEntry(root, name) // before opening it: a named pipe would block
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a regular file (a directory or a device, say)")
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // Only read.
	if info, err = file.Stat(); err != nil {
		return err
	}
	return c.keep(name, file, info.ModTime())
}
