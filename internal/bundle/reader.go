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

	// maxKept is the limit of all results of a collector.
	maxKept = 16 << 20

	// maxKeptInAll is the limit of all results of all collectors and the list of nodes. As many results of the usual
	// size as an archive may have entries stay below it.
	maxKeptInAll = 128 << 20

	// entryCost is the memory that a file needs beside its name and content.
	entryCost = 1 << 10
)

// maxResults is the limit of the number of results, with those of nodes that have none: a short list of nodes would
// make a long list of each collector otherwise.
const maxResults = 100_000

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
	found, err := ReadAll(ctx, bundle, []string{collector}, isStatus)
	return found[collector], err
}

// ReadAll is Read for many collectors, whose names differ. It reads the bundle once, and returns what it holds of each
// collector by its name. The error names those collectors of which the bundle holds nothing.
func ReadAll(
	ctx context.Context, bundle string, collectors []string, isStatus func(status string) bool,
) (map[string]Found, error) {
	for _, collector := range collectors {
		if err := ValidateCollectorName(collector); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(bundle) // before opening it: a named pipe would block
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the bundle %s does not exist", bundle)
	case err != nil:
		return nil, fmt.Errorf("open bundle: %w", err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is neither a directory nor a regular file", bundle)
	}
	contents := newContents(collectors)
	dir := ""
	if info.IsDir() {
		dir, err = contents.readDirectory(bundle)
	} else {
		err = contents.readArchive(ctx, bundle)
	}
	var all map[string][]NodeResult
	if err == nil {
		all, err = contents.allResults(isStatus)
	}
	if err != nil {
		return nil, readError(bundle, dir, err)
	}
	found := make(map[string]Found, len(all))
	for collector, results := range all {
		found[collector] = Found{Dir: dir, Results: results}
	}
	return found, nil
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

// contents are the files of a bundle that are about some collectors.
type contents struct {
	wanted   []string                   // the collectors
	files    map[string]*collectorFiles // by the collector that is wanted
	nodeList *entry                     // nil if there is none
	kept     int                        // bytes
	nodes    map[string]bool            // the nodes that have results of any collector
	others   []string                   // the names of a few collectors that have results
	deeper   string                     // a directory whose host-collectors lies too deep to be this bundle's; or empty
}

// collectorFiles are the files about one collector.
type collectorFiles struct {
	byPath map[string]entry
	kept   int    // bytes
	meant  string // the collector with results whose file has the name that was asked for; empty if none
}

func newContents(collectors []string) *contents {
	files := make(map[string]*collectorFiles, len(collectors))
	for _, collector := range collectors {
		files[collector] = &collectorFiles{byPath: make(map[string]entry)}
	}
	return &contents{wanted: collectors, files: files, nodes: make(map[string]bool)}
}

// entry is a file.
type entry struct {
	content []byte
	modTime time.Time
}

// filesOf returns the files of the collector whose result a file holds, or nil if that is not wanted.
func (c *contents) filesOf(file string) *collectorFiles {
	_, collector, _ := connectResult(file)
	return c.files[collector]
}

// wants reports whether a file is about a collector that is wanted.
func (c *contents) wants(file string) bool {
	return file == nodeListPath || c.filesOf(file) != nil
}

// has reports whether a file was kept.
func (c *contents) has(file string) bool {
	if file == nodeListPath {
		return c.nodeList != nil
	}
	_, found := c.filesOf(file).byPath[file]
	return found
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
	if files := c.files[resultName(name)]; files != nil {
		files.meant = name
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
	size := len(file) + len(content) + entryCost
	c.kept += size
	files := c.filesOf(file)
	if files != nil {
		files.kept += size
	}
	switch {
	case len(content) > maxResultSize:
		return fmt.Errorf("it is larger than %d bytes, the most that a result file may have", maxResultSize)
	case files != nil && files.kept > maxKept:
		return fmt.Errorf("the results of the collector are larger than %d bytes in all", maxKept)
	case c.kept > maxKeptInAll:
		return fmt.Errorf("the results of the collectors are larger than %d bytes in all", maxKeptInAll)
	}
	kept := entry{bytes.Clone(content), modTime} // without the spare capacity of io.ReadAll
	if files == nil {
		c.nodeList = &kept
	} else {
		files.byPath[file] = kept
	}
	return nil
}

// allResults decodes what was kept of each collector.
func (c *contents) allResults(isStatus func(string) bool) (map[string][]NodeResult, error) {
	listed, err := c.listedNodes()
	if err != nil {
		return nil, inFile(nodeListPath, err)
	}
	all := make(map[string][]NodeResult, len(c.wanted))
	var without []string
	count := 0
	for _, collector := range c.wanted {
		if len(c.files[collector].byPath) == 0 {
			without = append(without, collector)
			continue
		}
		results, err := c.results(collector, listed, isStatus)
		if err != nil {
			return nil, err
		}
		if count += len(results); count > maxResults {
			return nil, fmt.Errorf("the bundle has more than %d results, with those of nodes that have none",
				maxResults)
		}
		all[collector] = results
	}
	switch len(without) {
	case 0:
		return all, nil
	case 1:
		return nil, inFile(path.Join(connectPath, resultName(without[0])), c.noResult(without))
	default:
		return nil, c.noResult(without)
	}
}

// results decodes what was kept of a collector, in the order of the nodes.
func (c *contents) results(collector string, listed []string, isStatus func(string) bool) ([]NodeResult, error) {
	files := c.files[collector].byPath
	var results []NodeResult
	for _, file := range slices.Sorted(maps.Keys(files)) {
		node, _, _ := connectResult(file)
		result, err := decode(files[file].content, isStatus)
		if err != nil {
			return nil, inFile(file, err)
		}
		results = append(results, NodeResult{Node: node, Result: result, CollectedAt: files[file].modTime})
	}
	missing, err := c.missing(collector, listed, results)
	results = append(results, missing...)
	slices.SortStableFunc(results, func(a, b NodeResult) int { return strings.Compare(a.Node, b.Node) })
	return results, err
}

// missing returns the listed nodes of which the bundle holds nothing. It returns an error if a node has results, but
// none of the collector, or if nodes are listed and none of them has a result.
func (c *contents) missing(collector string, listed []string, results []NodeResult) ([]NodeResult, error) {
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
			"Collect it again, with this collector on every node", fewOf(incomplete, 10), collector)
	case len(missing) > 0 && !onNodes:
		return nil, fmt.Errorf("%s lists nodes, and the bundle holds no result of a collector named %q of any of them",
			nodeListPath, collector)
	default:
		return missing, nil
	}
}

// fewOf lists names. If there are more than most, it counts the rest.
func fewOf(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%q and %d more", names[:most], more)
	}
	return fmt.Sprintf("%q", names)
}

// noResult returns the error of a bundle without a result of collectors. It says what might have been meant.
func (c *contents) noResult(collectors []string) error {
	text, meant := "the bundle holds no result of the collectors "+fewOf(collectors, 20), ""
	if len(collectors) == 1 {
		text = fmt.Sprintf("the bundle holds no result of a collector named %q", collectors[0])
		meant = c.files[collectors[0]].meant
	}
	switch {
	case meant != "":
		text += fmt.Sprintf(". Did you mean %q?", meant)
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
	if c.nodeList == nil {
		return nil, nil
	}
	var listed []string
	if err := decodeObject(c.nodeList.content, map[string]any{"nodes": &listed}); err != nil {
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
