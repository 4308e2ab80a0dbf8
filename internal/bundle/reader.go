// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits of what is read, in bytes. The longest message a dial can make, of as many addresses as a DNS answer holds, is well below
// the first; the second is of all results of a collector, and a list of its nodes.
const (
	maxResultSize = 1 << 20
	maxKept       = 16 << 20

	// entryCost is what a file takes beside its name and content.
	entryCost = 1 << 10
)

// Found is what a bundle tells of one collector.
type Found struct {
	Dir     string       // the directory that holds host-collectors; empty: the bundle is an archive
	Results []NodeResult // at least one; of a cluster the nodes in order
}

// NodeResult is the result of a collector on one machine.
type NodeResult struct {
	Node string // of a cluster; empty: the machine that made the bundle
	Result
	CollectedAt time.Time // when the file was written
}

// Read reads the results of a collector from a bundle, in either format: a directory, or a gzipped tar archive. In both the content
// may lie in a single top directory. Of a bundle that several nodes made there is a result of each. isStatus tells which texts are
// a status.
//
// Nothing is written, and of a hostile archive little is kept. The error names the path and what is wrong. It is one if any result
// that should be there is missing, and if ctx ends.
func Read(ctx context.Context, bundle, collector string, isStatus func(status string) bool) (Found, error) {
	if err := CheckCollectorName(collector); err != nil {
		return Found{}, err
	}
	info, err := os.Stat(bundle) // before opening it: a named pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Found{}, fmt.Errorf("there is no bundle %s", bundle)
	case err != nil:
		return Found{}, fmt.Errorf("open bundle: %w", err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return Found{}, fmt.Errorf("%s is neither a directory nor a regular file", bundle)
	}
	contents := &contents{collector: collector, files: make(map[string]entry)}
	found := Found{}
	if info.IsDir() {
		found.Dir, err = contents.readDirectory(bundle)
	} else {
		err = contents.readArchive(ctx, bundle)
	}
	if err == nil {
		found.Results, err = contents.results(isStatus)
	}
	switch {
	case err == nil:
		return found, nil
	case found.Dir != "":
		return Found{}, fmt.Errorf("read %s: %w", filepath.Join(found.Dir, filepath.FromSlash(contents.at)), err)
	case contents.at != "":
		return Found{}, fmt.Errorf("read %s, %s: %w", bundle, contents.at, err)
	default:
		return Found{}, fmt.Errorf("read %s: %w", bundle, err)
	}
}

// The paths of a bundle, slash-separated.
const (
	hostCollectors = "host-collectors"
	connectPath    = hostCollectors + "/connect"
	nodeListPath   = hostCollectors + "/system/node_list.json"
)

// contents are those files of a bundle that tell of one collector.
type contents struct {
	collector string
	files     map[string]entry // by path
	kept      int              // bytes
	at        string           // the file that an error is about; empty: the whole bundle
	others    []string         // names of other collectors, a few
	deeper    string           // where host-collectors lie that are too deep to be this bundle's
}

// entry is a file.
type entry struct {
	content []byte
	modTime time.Time
}

// wants tells whether a file tells of the collector.
func (c *contents) wants(file string) bool {
	if file == nodeListPath || file == c.resultOf("") {
		return true
	}
	_, isNode := c.nodeOf(file)
	return isNode
}

// nodeOf returns the node whose result of the collector a file holds.
func (c *contents) nodeOf(file string) (node string, ok bool) {
	node, ok = strings.CutPrefix(file, connectPath+"/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(node, "/"+resultName(c.collector))
}

// note remembers the name of another collector, to tell people what they might have meant.
func (c *contents) note(file string) {
	if deeper, _, found := strings.Cut(file, "/"+hostCollectors+"/"); found && c.deeper == "" {
		c.deeper = deeper
	}
	const most = 10
	name, isResult := strings.CutSuffix(path.Base(file), ".json")
	if isResult && strings.HasPrefix(file, connectPath+"/") && len(c.others) < most && !slices.Contains(c.others, name) && CheckCollectorName(name) == nil {
		c.others = append(c.others, name)
	}
}

// keep reads a file that is wanted.
func (c *contents) keep(file string, from io.Reader, modTime time.Time) error {
	c.at = file
	if node, ok := c.nodeOf(file); ok && !nodeName.MatchString(node) {
		return fmt.Errorf("it is the result of %q, which is no name of a node", abbreviate(node))
	}
	content, err := io.ReadAll(io.LimitReader(from, maxResultSize+1))
	if err != nil {
		return err
	}
	c.kept += len(file) + len(content) + entryCost
	switch {
	case len(content) > maxResultSize:
		return fmt.Errorf("it is larger than %d bytes, the most that a result file may have", maxResultSize)
	case c.kept > maxKept:
		return fmt.Errorf("the results of the collector are larger than %d bytes in all", maxKept)
	}
	c.files[file] = entry{bytes.Clone(content), modTime} // without what the reader had in reserve
	return nil
}

// results decodes what was kept.
func (c *contents) results(isStatus func(string) bool) ([]NodeResult, error) {
	nodes, err := c.nodes()
	if err != nil {
		return nil, err
	}
	if _, found := c.files[c.resultOf("")]; found || len(nodes) == 0 {
		nodes = slices.Insert(nodes, 0, "")
	}
	results := make([]NodeResult, 0, len(nodes))
	for _, node := range nodes {
		c.at = c.resultOf(node)
		file, found := c.files[c.at]
		if !found {
			return nil, c.missing(node)
		}
		result, err := decode(file.content, isStatus)
		if err != nil {
			return nil, err
		}
		results = append(results, NodeResult{node, result, file.modTime})
	}
	return results, nil
}

// resultOf is the path of the collector's result of a node.
func (c *contents) resultOf(node string) string {
	return path.Join(connectPath, node, resultName(c.collector))
}

// missing says that a node, or this machine, has no result.
func (c *contents) missing(node string) error {
	text := fmt.Sprintf("the bundle holds no result of a collector named %q", c.collector)
	if node != "" {
		return fmt.Errorf("%s for the node %q, which %s lists", text, node, nodeListPath)
	}
	switch {
	case len(c.others) > 0:
		slices.Sort(c.others)
		text += fmt.Sprintf("; it holds some of %q", c.others)
	case c.deeper != "":
		text += fmt.Sprintf("; there are some in %q, which is deeper than a bundle may lie", c.deeper)
	default:
		text += ", and none of another: is it a support bundle?"
	}
	return errors.New(text)
}

const nodeListForm = `{"nodes":["node-1","node-2"]}`

// nodeName is what the name of a Kubernetes node looks like, and leads nowhere.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// nodes returns the nodes that are listed and those that have a result, in order.
func (c *contents) nodes() ([]string, error) {
	nodes := make(map[string]bool)
	for file := range c.files {
		if node, ok := c.nodeOf(file); ok {
			nodes[node] = true
		}
	}
	if list, found := c.files[nodeListPath]; found {
		c.at = nodeListPath
		var listed []string
		seen, err := decodeObject(list.content, map[string]any{"nodes": &listed})
		if err != nil {
			return nil, fmt.Errorf("%w; its form is %s", err, nodeListForm)
		}
		if !seen["nodes"] {
			return nil, fmt.Errorf("the file lists no nodes; its form is %s", nodeListForm)
		}
		for _, node := range listed {
			if !nodeName.MatchString(node) {
				return nil, fmt.Errorf("the file lists %q, which is no name of a node", abbreviate(node))
			}
			nodes[node] = true
		}
	}
	return slices.Sorted(maps.Keys(nodes)), nil
}
