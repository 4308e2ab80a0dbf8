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

// readDirectory keeps what a bundle directory holds, and returns the directory that host-collectors lies in: itself, or its only
// directory that has one.
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
	files := []string{nodeListPath, c.resultOf("")}
	c.at = c.resultOf("")
	entries, err := fs.ReadDir(root.FS(), connectPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return dir, explain(err)
	}
	for _, entry := range entries {
		file := path.Join(connectPath, entry.Name())
		c.note(file)
		c.at = file
		isDir, err := leadsToDirectory(root, file, entry)
		if err != nil {
			return dir, explain(err)
		}
		if isDir {
			files = append(files, path.Join(file, resultName(c.collector)))
			c.noteAll(root, file)
		}
	}
	for _, file := range files {
		c.at = file
		if err := c.readRegular(root, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return dir, explain(err)
		}
	}
	return dir, nil
}

// leadsToDirectory tells whether an entry is a directory, that of a node, or a link to one.
func leadsToDirectory(root *os.Root, file string, entry fs.DirEntry) (bool, error) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir(), nil
	}
	info, err := statEntry(root, file)
	return err == nil && info.IsDir(), err
}

// statEntry is Stat for what may be a link. One that leads nowhere is no absent file: what it led to is missing.
func statEntry(root *os.Root, name string) (fs.FileInfo, error) {
	info, err := root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lstatErr := root.Lstat(name); lstatErr == nil {
			return nil, errors.New("it is a symbolic link that leads nowhere")
		}
	}
	return info, err
}

// noteAll notes the files of a directory: that of a node.
func (c *contents) noteAll(root *os.Root, dir string) {
	entries, _ := fs.ReadDir(root.FS(), dir) // it is only to tell what might have been meant
	for _, entry := range entries {
		c.note(path.Join(dir, entry.Name()))
	}
}

// topOf returns the directory of a bundle that holds host-collectors.
func topOf(bundle string) (string, error) {
	holdsResults := func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, hostCollectors))
		return !errors.Is(err, fs.ErrNotExist)
	}
	if holdsResults(bundle) {
		return bundle, nil
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
		return "", fmt.Errorf("the directory holds several bundles: %q. Give one of them", tops)
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
