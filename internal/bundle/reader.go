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

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Limits of what is read, in bytes.
const (
	// maxResultSize is the limit of a result file. The longest message of a dial, with as many addresses as a DNS
	// answer holds, is far shorter.
	maxResultSize = 1 << 20

	// maxKept is the limit of all results of a collector and the list of nodes.
	maxKept = 16 << 20

	// entryCost is the memory that a file needs beside its name and content.
	entryCost = 1 << 10
)

// Found is what a bundle holds of one collector.
type Found struct {
	Dir     string       // the directory that holds host-collectors; empty if the bundle is an archive
	Results []NodeResult // in the order of the nodes; at least one is not missing
}

// NodeResult is the result of a collector on one machine.
type NodeResult struct {
	Node string // of a cluster; empty for the machine that made the bundle
	Result
	CollectedAt time.Time // when the file was written
	Missing     bool      // whether the bundle lists the node and holds nothing of it
}

// Read reads the results of a collector, in either format, from a bundle. A bundle is a directory or a gzipped tar
// archive, and its content may lie in a single top directory. If several nodes made the bundle, Read returns a result
// of each. isStatus reports whether a text is a status.
//
// Read writes nothing, and keeps little of a hostile archive. It returns an error if a node has other results but not
// this one, if no listed node has it, and if ctx ends. The error names the path and what is wrong.
func Read(ctx context.Context, bundle, collector string, isStatus func(status string) bool) (Found, error) {
	if err := ValidateCollectorName(collector); err != nil {
		return Found{}, err
	}
	info, err := os.Stat(bundle) // before opening it: a named pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Found{}, fmt.Errorf("the bundle %s does not exist", bundle)
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

// readError returns an error that names the bundle, and also the file of it if err is a fileError. dir is the
// directory that holds host-collectors. It is empty if the bundle is an archive, or if no directory was found.
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

// contents are the files of a bundle that are about one collector.
type contents struct {
	collector string
	files     map[string]entry // by path
	kept      int              // bytes
	nodes     map[string]bool  // the nodes that have results of any collector
	others    []string         // the names of a few collectors that have results
	meant     string           // the collector with results whose file has the name that was asked for; empty if none
	deeper    string           // a directory whose host-collectors lies too deep to be this bundle's; empty if none
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

// remember remembers the node and the collector of a file: they show what is missing, and what might have been meant.
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

// keep reads and keeps a file that is wanted.
func (c *contents) keep(file string, from io.Reader, modTime time.Time) error {
	if node, _, _ := connectResult(file); node != "" && !nodeName.MatchString(node) {
		return fmt.Errorf("it is the result of %q, which is not the name of a node", suggest.Abbreviate(node))
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
	c.files[file] = entry{bytes.Clone(content), modTime} // without the spare capacity of io.ReadAll
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

// missing returns the listed nodes of which the bundle holds nothing. It returns an error if a node has results, but
// none of the collector, or if nodes are listed and none of them has a result.
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
		return nil, fmt.Errorf("the bundle holds results of %s, but none of a collector named %q. "+
			"Collect it again, with this collector on every node", fewOf(incomplete), c.collector)
	case len(missing) > 0 && !onNodes:
		return nil, fmt.Errorf("%s lists nodes, and the bundle holds no result of a collector named %q of any of them",
			nodeListPath, c.collector)
	default:
		return missing, nil
	}
}

// fewOf lists names. If there are many, it lists a few and counts the rest.
func fewOf(names []string) string {
	const most = 10
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], more)
	}
	return fmt.Sprintf("%q", names)
}

// noResult returns the error of a bundle without a result. It says what might have been meant.
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
	if len(listed) == 0 { // also null: whoever wrote it did not know the nodes
		return nil, fmt.Errorf("the file lists no nodes; its form is %s", nodeListForm)
	}
	for _, node := range listed {
		if !nodeName.MatchString(node) {
			return nil, fmt.Errorf("the file lists %q, which is not the name of a node", suggest.Abbreviate(node))
		}
	}
	return listed, nil
}
