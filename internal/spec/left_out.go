// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// What is not run is either a problem or a part that is left out, never dropped without a word.

func (d *decoder) leaveOut(path, why string) {
	d.spec.Unsupported = append(d.spec.Unsupported, Part{path, why})
}

// leaveOutDocument notes a document of a kind that is not run.
func (d *decoder) leaveOutDocument(document document) {
	kind := "kind " + printable(text(child(document.root, "kind")))
	const why = "this provider does not run documents of that kind"
	d.rejectMisplaced(document.root, "a document of "+kind, why)
	d.leaveOut(document.path+kind, why)
}

// leaveOutField notes what a field asks for that is not run, unless it asks for nothing.
func (d *decoder) leaveOutField(value *yaml.Node, path, why string) {
	value = resolved(value)
	d.rejectMisplaced(value, path, why)
	switch {
	case isNull(value), value.Kind == yaml.ScalarNode && (value.Value == "" || value.Value == "false"):
	case value.Kind == yaml.SequenceNode:
		for i, element := range value.Content {
			name, entry := entryOf(element)
			if !excluded(entry) {
				d.leaveOut(indexed(path, i)+name, why)
			}
		}
	default:
		d.leaveOut(path, why)
	}
}

// entryOf returns the kind of an entry that is not decoded, with a point before it, and what it holds. Both are empty if
// there is none.
func entryOf(element *yaml.Node) (string, *yaml.Node) {
	element = resolved(element)
	if element.Kind != yaml.MappingNode {
		return "", nil
	}
	for i := 0; i+1 < len(element.Content); i += 2 {
		if name := element.Content[i].Value; name != docString {
			return "." + printable(name), element.Content[i+1]
		}
	}
	return "", nil
}

// printable returns a name as it is, or quoted if terminals would obey what is in it.
func printable(name string) string {
	if tcpconnect.ValidateText(name) != nil || strings.Contains(name, "\n") {
		return strconv.Quote(name)
	}
	return name
}

// rejectMisplaced adds a problem for each tcpConnect in something that is not run. why is a clause that says so.
func (d *decoder) rejectMisplaced(node *yaml.Node, where, why string) {
	d.eachTCPConnect(node, make(map[*yaml.Node]bool), func(key, entry *yaml.Node) {
		role, places := "collector", collectorPlaces
		if child(entry, "outcomes") != nil || child(entry, "checkName") != nil {
			role, places = "analyzer", analyzerPlaces
		}
		d.entry = nameOf(entry)
		d.addProblem(d.position(key), "A tcpConnect %s stands in %s, but %s. Move it to %s.", role, where, why, places)
		d.entry = ""
	})
}

// holdsTCPConnect reports whether there is a tcpConnect somewhere in a document.
func (d *decoder) holdsTCPConnect(root *yaml.Node) bool {
	found := false
	d.eachTCPConnect(root, make(map[*yaml.Node]bool), func(_, _ *yaml.Node) { found = true })
	return found
}

// eachTCPConnect calls found for each tcpConnect at or below a node, unless it is excluded. expanded holds what aliases
// have led to.
func (d *decoder) eachTCPConnect(node *yaml.Node, expanded map[*yaml.Node]bool, found func(key, entry *yaml.Node)) {
	if node == nil || !d.visit() {
		return
	}
	if node.Kind == yaml.AliasNode {
		if node = node.Alias; expanded[node] {
			return
		}
		expanded[node] = true
	}
	for i, below := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && isTCPConnect(node.Content[i-1], below) {
			found(node.Content[i-1], below)
			continue
		}
		d.eachTCPConnect(below, expanded, found)
	}
}

// isTCPConnect reports whether a field is a tcpConnect that asks for something. One with type and properties is the
// schema of one, in a CustomResourceDefinition.
func isTCPConnect(key, entry *yaml.Node) bool {
	isSchema := child(entry, "type") != nil && child(entry, "properties") != nil
	return strings.EqualFold(key.Value, tcpConnect) && !excluded(entry) && !isSchema
}
