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
	Results []NodeResult // at least one that is not missing; of a cluster the nodes in order
}

// NodeResult is the result of a collector on one machine.
type NodeResult struct {
	Node string // of a cluster; empty: the machine that made the bundle
	Result
	CollectedAt time.Time // when the file was written
	Missing     bool      // the bundle lists the node, and holds nothing of it
}

// Read reads the results of a collector from a bundle, in either format: a directory, or a gzipped tar archive. In both the content
// may lie in a single top directory. Of a bundle that several nodes made there is a result of each. isStatus reports which texts are
// a status.
//
// Nothing is written, and of a hostile archive little is kept. The error names the path and what is wrong. It is an error if a node
// has other results but not this one, if no node of a list has it, and if ctx ends.
func Read(ctx context.Context, bundle, collector string, isStatus func(status string) bool) (Found, error) {
	if err := ValidateCollectorName(collector); err != nil {
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
	contents := newContents(collector)
	found := Found{}
	if info.IsDir() {
		found.Dir, err = contents.readDirectory(bundle)
	} else {
		err = contents.readArchive(ctx, bundle)
	}
	if err == nil {
		found.Results, err = contents.results(isStatus)
	}
	if err == nil {
		return found, nil
	}
	return Found{}, readError(bundle, found.Dir, err)
}

// readError says which bundle an error is about, and which file of it if the error is a fileError. dir is the directory that
// holds host-collectors, empty if the bundle is an archive or has no such directory.
func readError(bundle, dir string, err error) error {
	var file string
	if inFile, ok := errors.AsType[*fileError](err); ok {
		file, err = inFile.path, inFile.err
	}
	at := bundle
	switch {
	case dir != "":
		at = filepath.Join(dir, filepath.FromSlash(file))
	case file != "":
		at += ", " + file
	}
	return fmt.Errorf("read %s: %w", at, err)
}

// fileError is an error about one file or directory of a bundle.
type fileError struct {
	path string // slash-separated, relative to the directory that holds host-collectors
	err  error
}

func (e *fileError) Error() string { return e.path + ": " + e.err.Error() }

func (e *fileError) Unwrap() error { return e.err }

// inFile returns err as a fileError, or nil if err is nil.
func inFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fileError{path, err}
}

// contents are those files of a bundle that are about one collector.
type contents struct {
	collector string
	files     map[string]entry // by path
	kept      int              // bytes
	nodes     map[string]bool  // that have results, of any collector
	others    []string         // names of collectors that have results, a few
	meant     string           // a collector that has results, named like the file that was asked for; empty: none
	deeper    string           // where host-collectors lie that are too deep to be this bundle's
}

func newContents(collector string) *contents {
	return &contents{collector: collector, files: make(map[string]entry), nodes: make(map[string]bool)}
}

// entry is a file.
type entry struct {
	content []byte
	modTime time.Time
}

// wants reports whether a file is about the collector.
func (c *contents) wants(file string) bool {
	_, collector, isResult := connectResult(file)
	return file == nodeListPath || isResult && collector == c.collector
}

// remember remembers which nodes have results, and of which collectors, to say what might have been meant.
func (c *contents) remember(file string) {
	if node, ok := nodeOf(file); ok {
		c.nodes[node] = true
	}
	_, name, isResult := connectResult(file)
	if !isResult || ValidateCollectorName(name) != nil {
		return
	}
	if resultName(name) == c.collector {
		c.meant = name
	}
	const most = 10
	if len(c.others) < most && !slices.Contains(c.others, name) {
		c.others = append(c.others, name)
	}
}

// keep reads a file that is wanted.
func (c *contents) keep(file string, from io.Reader, modTime time.Time) error {
	if node, _, _ := connectResult(file); node != "" && !nodeName.MatchString(node) {
		return fmt.Errorf("it is the result of %q, which is not the name of a node", abbreviate(node))
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

// results decodes what was kept, in the order of the nodes.
func (c *contents) results(isStatus func(string) bool) ([]NodeResult, error) {
	listed, err := c.listedNodes()
	if err != nil {
		return nil, inFile(nodeListPath, err)
	}
	var results []NodeResult
	for _, file := range slices.Sorted(maps.Keys(c.files)) {
		node, _, isResult := connectResult(file)
		if !isResult {
			continue
		}
		result, err := decode(c.files[file].content, isStatus)
		if err != nil {
			return nil, inFile(file, err)
		}
		results = append(results, NodeResult{Node: node, Result: result, CollectedAt: c.files[file].modTime})
	}
	if len(results) == 0 {
		return nil, inFile(path.Join(connectPath, resultName(c.collector)), c.noResult())
	}
	missing, err := c.missing(listed, results)
	results = append(results, missing...)
	slices.SortStableFunc(results, func(a, b NodeResult) int { return strings.Compare(a.Node, b.Node) })
	return results, err
}

// missing returns the listed nodes that the bundle holds nothing of. A node that has other results only is an error, and so is a list
// none of whose nodes has a result.
func (c *contents) missing(listed []string, results []NodeResult) ([]NodeResult, error) {
	nodes := maps.Clone(c.nodes) // the value reports whether it has results
	for _, node := range listed {
		nodes[node] = nodes[node] || c.nodes[node]
	}
	onNodes := false
	for _, result := range results {
		onNodes = onNodes || result.Node != ""
		delete(nodes, result.Node)
	}
	var missing []NodeResult
	var incomplete []string
	for _, node := range slices.Sorted(maps.Keys(nodes)) {
		if nodes[node] {
			incomplete = append(incomplete, node)
		} else {
			missing = append(missing, NodeResult{Node: node, Missing: true})
		}
	}
	switch {
	case len(incomplete) > 0:
		return nil, fmt.Errorf("the bundle holds results of %s, but none of a collector named %q. Collect it again, with this collector on every node",
			fewOf(incomplete), c.collector)
	case len(missing) > 0 && !onNodes:
		return nil, fmt.Errorf("%s lists nodes, and the bundle holds no result of a collector named %q of any of them", nodeListPath, c.collector)
	default:
		return missing, nil
	}
}

// fewOf lists names, but not a thousand.
func fewOf(names []string) string {
	const most = 10
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], more)
	}
	return fmt.Sprintf("%q", names)
}

// noResult says that nothing was found, and what might have been meant.
func (c *contents) noResult() error {
	text := fmt.Sprintf("the bundle holds no result of a collector named %q", c.collector)
	switch {
	case c.meant != "":
		text += fmt.Sprintf(". Did you mean %q?", c.meant)
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

// listedNodes returns the nodes of the node list, if there is one.
func (c *contents) listedNodes() ([]string, error) {
	list, found := c.files[nodeListPath]
	if !found {
		return nil, nil
	}
	var listed []string
	if err := decodeObject(list.content, map[string]any{"nodes": &listed}); err != nil {
		return nil, fmt.Errorf("%w; its form is %s", err, nodeListForm)
	}
	if len(listed) == 0 { // null, too: whoever wrote it did not know the nodes
		return nil, fmt.Errorf("the file lists no nodes; its form is %s", nodeListForm)
	}
	for _, node := range listed {
		if !nodeName.MatchString(node) {
			return nil, fmt.Errorf("the file lists %q, which is not the name of a node", abbreviate(node))
		}
	}
	return listed, nil
}
