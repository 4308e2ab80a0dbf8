// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
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
		return Found{}, fmt.Errorf("read %s: %w", ResultFile(found.Dir, collector), err)
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
	others    []string         // names of other collectors, a few
}

// entry is a file.
type entry struct {
	content []byte
	modTime time.Time
}

// wants tells whether a file tells of the collector.
func (c *contents) wants(file string) bool {
	if file == nodeListPath || file == path.Join(connectPath, resultName(c.collector)) {
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
	const most = 10
	dir, name := path.Split(file)
	if name, isResult := strings.CutSuffix(name, ".json"); isResult && dir == connectPath+"/" && len(c.others) < most && CheckCollectorName(name) == nil {
		c.others = append(c.others, name)
	}
}

// keep reads a file that is wanted.
func (c *contents) keep(file string, from io.Reader, modTime time.Time) error {
	if node, ok := c.nodeOf(file); ok && !nodeName.MatchString(node) {
		return fmt.Errorf("%s holds a result of %q, which is no name of a node", connectPath, abbreviate(node))
	}
	content, err := io.ReadAll(io.LimitReader(from, maxResultSize+1))
	if err != nil {
		return err
	}
	c.kept += len(content)
	switch {
	case len(content) > maxResultSize:
		return fmt.Errorf("%s is larger than %d bytes, the most that a result file may have", file, maxResultSize)
	case c.kept > maxKept:
		return fmt.Errorf("the results of the collector are larger than %d bytes in all", maxKept)
	}
	c.files[file] = entry{content, modTime}
	return nil
}

// results decodes what was kept.
func (c *contents) results(isStatus func(string) bool) ([]NodeResult, error) {
	nodes, err := c.nodes()
	if err != nil {
		return nil, err
	}
	if _, found := c.files[path.Join(connectPath, resultName(c.collector))]; found {
		nodes = slices.Insert(nodes, 0, "")
	}
	if len(nodes) == 0 {
		return nil, c.nothingFound()
	}
	results := make([]NodeResult, 0, len(nodes))
	for _, node := range nodes {
		file, found := c.files[path.Join(connectPath, node, resultName(c.collector))]
		if !found {
			return nil, fmt.Errorf("%s lists the node %q, but the bundle holds no result of it for a collector named %q", nodeListPath, node, c.collector)
		}
		result, err := decode(file.content, isStatus)
		if err != nil && node != "" {
			return nil, fmt.Errorf("node %q: %w", node, err)
		}
		if err != nil {
			return nil, err
		}
		results = append(results, NodeResult{node, result, file.modTime})
	}
	return results, nil
}

func (c *contents) nothingFound() error {
	text := fmt.Sprintf("the bundle holds no result of a collector named %q", c.collector)
	if len(c.others) > 0 {
		slices.Sort(c.others)
		text += fmt.Sprintf("; it holds some of %q", c.others)
	}
	return errors.New(text)
}

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
		var listed struct {
			Nodes []string `json:"nodes"`
		}
		if err := json.Unmarshal(list.content, &listed); err != nil {
			return nil, fmt.Errorf("%s: %w", nodeListPath, invalidJSON(err))
		}
		for _, node := range listed.Nodes {
			if !nodeName.MatchString(node) {
				return nil, fmt.Errorf("%s lists %q, which is no name of a node", nodeListPath, abbreviate(node))
			}
			nodes[node] = true
		}
	}
	return slices.Sorted(maps.Keys(nodes)), nil
}
