// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Limits of an archive. The bundle of a large cluster stays below them.
const (
	maxEntries        = 100_000
	maxUnpacked int64 = 2 << 30 // bytes
)

// readArchive keeps what a gzipped tar archive holds. It reads the whole archive, so that damage is an error wherever
// it is.
func (c *contents) readArchive(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return cause(err)
	}
	defer file.Close() //nolint:errcheck // Only read.
	return explainArchive(c.unpack(ctx, file))
}

// unpack keeps what the archive in a file holds.
func (c *contents) unpack(ctx context.Context, file io.Reader) error {
	compressed := bufio.NewReader(file)
	if magic, _ := compressed.Peek(len(gzipMagic)); len(magic) > 0 && string(magic) != gzipMagic {
		return gzip.ErrHeader // gzip.NewReader returns another error if the file is shorter than a header
	}
	zip, err := gzip.NewReader(compressed)
	if err != nil {
		return err
	}
	unpacked := &boundedReader{ctx: ctx, from: zip, left: maxUnpacked}
	reader := tar.NewReader(unpacked)
	tops := make(map[string]bool)
	for number := 1; ; number++ {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) && !unpacked.ended {
			return onlyZeros(unpacked) // the checksum stands at the end
		}
		if err != nil {
			return err
		}
		if number > maxEntries {
			return fmt.Errorf("the archive has more than %d entries", maxEntries)
		}
		name, wanted, err := c.rememberEntry(header, tops)
		if err != nil {
			return fmt.Errorf("entry %d, %q: %w", number, suggest.Abbreviate(header.Name), err)
		}
		if !wanted {
			continue
		}
		if err := c.keep(name, reader, header.ModTime); err != nil {
			return inFile(name, explainArchive(err))
		}
	}
}

var errSeveralBundles = errors.New(
	"the archive holds several bundles. Unpack it, and give the directory of one of them")

// rememberEntry remembers what the header of an entry says, and adds its top directory to tops. It returns the path
// of the entry in the bundle, and whether its content is wanted.
func (c *contents) rememberEntry(header *tar.Header, tops map[string]bool) (name string, wanted bool, err error) {
	top, name, err := checkEntry(header)
	if err != nil {
		return "", false, err
	}
	if !inHostCollectors(name) {
		c.rememberDeeper(name)
		return name, false, nil
	}
	if tops[top] = true; len(tops) > 1 {
		return "", false, errSeveralBundles
	}
	c.remember(name)
	if header.Typeflag == tar.TypeDir || !c.wants(name) {
		return name, false, nil
	}
	if c.has(name) {
		return "", false, errors.New("the archive has this file twice")
	}
	return name, true, nil
}

// onlyZeros reads what follows the end of a tar archive. It returns an error unless that is nothing or zeros.
func onlyZeros(rest io.Reader) error {
	block := make([]byte, 1<<15)
	for {
		n, err := rest.Read(block)
		if len(bytes.Trim(block[:n], "\x00")) > 0 {
			return errors.New("the archive has something after its end")
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// gzipMagic begins every gzip file: RFC 1952, section 2.3.1.
const gzipMagic = "\x1f\x8b"

// checkEntry returns the top directory of an entry, empty if it lies in none, and its path in the bundle. It returns an
// error if no honest archive has such an entry.
func checkEntry(header *tar.Header) (top, name string, err error) {
	name = path.Clean(header.Name)
	isOdd := strings.ContainsAny(header.Name, "\\\x00") || slices.Contains(strings.Split(header.Name, "/"), "..")
	if isOdd || leadsOut(name) {
		return "", "", errors.New("the name leads out of the archive")
	}
	if header.Size > maxUnpacked {
		return "", "", fmt.Errorf("it has %d bytes; an archive may have %d in all", header.Size, maxUnpacked)
	}
	if first, rest, _ := strings.Cut(name, "/"); first != hostCollectors && inHostCollectors(rest) {
		top, name = first, rest
	}
	target := header.Linkname
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeXGlobalHeader:
		return top, name, nil
	case tar.TypeSymlink:
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(path.Clean(header.Name)), target)
		}
	case tar.TypeLink:
		target = path.Clean(target)
	default:
		return "", "", fmt.Errorf("it is not a file, directory or link (type %q)", header.Typeflag)
	}
	switch {
	case leadsOut(target):
		return "", "", fmt.Errorf("the link leads out of the archive, to %q", suggest.Abbreviate(header.Linkname))
	case inHostCollectors(name):
		return "", "", errors.New("it is a link where a result should be")
	default:
		return top, name, nil // the tools link the logs of pods; none is read here
	}
}

// inHostCollectors reports whether a clean path is host-collectors or lies below it.
func inHostCollectors(clean string) bool {
	return clean == hostCollectors || strings.HasPrefix(clean, hostCollectors+"/")
}

// rememberDeeper remembers a directory whose host-collectors lies too deep.
func (c *contents) rememberDeeper(name string) {
	if deeper, _, found := strings.Cut(name, "/"+hostCollectors+"/"); found && c.deeper == "" {
		c.deeper = deeper
	}
}

// leadsOut reports whether a clean path leads out of where it starts.
func leadsOut(clean string) bool {
	return path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../")
}

var errTooLarge = fmt.Errorf("the archive has more than %d bytes, unpacked", maxUnpacked)

// boundedReader reads until the context ends or too much was read.
type boundedReader struct {
	ctx  context.Context
	from io.Reader
	left int64

	// ended reports whether nothing is left to read. tar.Reader returns io.EOF then, and also after the two blocks of
	// zeros that end an archive. An archive that was cut between two entries has no such blocks.
	ended bool
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.from.Read(p)
	r.ended = n == 0 && errors.Is(err, io.EOF)
	if r.left -= int64(n); r.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// explainArchive returns an error that says what is wrong with an archive that cannot be read.
func explainArchive(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the archive is truncated")
	case errors.Is(err, gzip.ErrHeader):
		return errors.New("it is not a gzipped tar archive (.tar.gz)")
	case errors.Is(err, gzip.ErrChecksum):
		return errors.New("the archive is damaged: its checksum is wrong")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("it is gzipped, but not a tar archive, or a damaged one")
	default:
		return err
	}
}
