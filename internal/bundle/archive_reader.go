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
)

// Limits of an archive: what a bundle of a large cluster stays below.
const (
	maxEntries        = 100_000
	maxUnpacked int64 = 2 << 30 // bytes
)

// readArchive keeps what a gzipped tar archive holds. It reads all of it, so that a damaged or truncated one is an error wherever the
// damage is.
func (c *contents) readArchive(ctx context.Context, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return cause(err)
	}
	defer file.Close() //nolint:errcheck // Only read.
	return explainArchive(c.unpack(ctx, file))
}

func (c *contents) unpack(ctx context.Context, file io.Reader) error {
	compressed := bufio.NewReader(file)
	if magic, _ := compressed.Peek(len(gzipMagic)); len(magic) > 0 && string(magic) != gzipMagic {
		return gzip.ErrHeader // also of a file that is shorter than a gzip header
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
			break
		}
		if err != nil {
			return err
		}
		if number > maxEntries {
			return fmt.Errorf("the archive has more than %d entries", maxEntries)
		}
		top, name, err := checkEntry(header)
		if err != nil {
			return fmt.Errorf("entry %d, %q: %w", number, abbreviate(header.Name), err)
		}
		if !inHostCollectors(name) {
			c.noteDeeper(name)
			continue
		}
		if tops[top] = true; len(tops) > 1 {
			return fmt.Errorf("entry %d, %q: the archive holds several bundles. Unpack it, and give the directory of one of them",
				number, abbreviate(header.Name))
		}
		c.remember(name)
		if header.Typeflag == tar.TypeDir || !c.wants(name) {
			continue
		}
		if _, twice := c.files[name]; twice {
			return fmt.Errorf("entry %d, %q: the archive has this file twice", number, abbreviate(header.Name))
		}
		if err := c.keep(name, reader, header.ModTime); err != nil {
			return inFile(name, explainArchive(err))
		}
	}
	return onlyZeros(unpacked) // the checksum stands at the end
}

// onlyZeros reads what follows the end of a tar archive: nothing, or blocks of zeros.
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

// checkEntry returns the top directory of an entry, empty if it lies in none, and its path in the bundle. The error says what no
// honest archive has.
func checkEntry(header *tar.Header) (top, name string, err error) {
	name = path.Clean(header.Name)
	if leadsOut(name) || strings.ContainsAny(header.Name, "\\\x00") || slices.Contains(strings.Split(header.Name, "/"), "..") {
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
		return "", "", fmt.Errorf("the link leads out of the archive, to %q", abbreviate(header.Linkname))
	case inHostCollectors(name):
		return "", "", errors.New("it is a link where a result should be")
	default:
		return top, name, nil // the tools link the logs of pods; none is read here
	}
}

// inHostCollectors reports whether a clean path is that of host-collectors, or leads into it.
func inHostCollectors(clean string) bool {
	return clean == hostCollectors || strings.HasPrefix(clean, hostCollectors+"/")
}

// noteDeeper remembers where host-collectors lie that are too deep.
func (c *contents) noteDeeper(name string) {
	if deeper, _, found := strings.Cut(name, "/"+hostCollectors+"/"); found && c.deeper == "" {
		c.deeper = deeper
	}
}

// leadsOut reports whether a clean path leads out of where it starts.
func leadsOut(clean string) bool {
	return path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../")
}

var errTooLarge = fmt.Errorf("the archive has more than %d bytes, unpacked", maxUnpacked)

// boundedReader reads until the context ends, or too much was read.
type boundedReader struct {
	ctx  context.Context
	from io.Reader
	left int64

	ended bool // whether there was nothing more to read; a tar archive ends before, with two blocks of zeros, and tar.Reader takes either for the end
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

// explainArchive says what is wrong with an archive that cannot be read.
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
