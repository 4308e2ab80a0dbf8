// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// skip lists a part as unsupported. What is not run is either a problem or skipped; nothing is ignored silently.
func (d *decoder) skip(path, why string) {
	d.spec.Unsupported = append(d.spec.Unsupported, Part{path, why})
}

// skipDocument skips a document of a kind that is not run.
func (d *decoder) skipDocument(document document) {
	kind := "kind " + printable(text(child(document.root, "kind")))
	const why = "this provider does not run documents of that kind"
	d.rejectMisplaced(document.root, "a document of "+kind, why)
	d.skip(document.path+kind, why)
}

// skipField skips a field that is not run, or each entry of it. It lists nothing that is empty, false or excluded.
func (d *decoder) skipField(value *yaml.Node, path, why string) {
	value = resolved(value)
	d.rejectMisplaced(value, path, why)
	switch {
	case isNull(value), value.Kind == yaml.ScalarNode && (value.Value == "" || value.Value == "false"):
	case value.Kind == yaml.SequenceNode:
		for i, element := range value.Content {
			name, entry := entryOf(element)
			if !excluded(entry) {
				d.skip(indexed(path, i)+name, why)
			}
		}
	default:
		d.skip(path, why)
	}
}

// entryOf returns the kind of an entry with a dot before it, such as ".cpu", and the value. It returns "" and nil if
// the entry has no kind.
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

// printable returns a name, in quotes if it has control characters.
func printable(name string) string {
	if tcpconnect.ValidateText(name) != nil || strings.Contains(name, "\n") {
		return strconv.Quote(name)
	}
	return name
}

// rejectMisplaced adds a problem for each tcpConnect in a node that is not run. why is the reason, as a clause.
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

// holdsTCPConnect reports whether there is a tcpConnect anywhere in a document.
func (d *decoder) holdsTCPConnect(root *yaml.Node) bool {
	found := false
	d.eachTCPConnect(root, make(map[*yaml.Node]bool), func(_, _ *yaml.Node) { found = true })
	return found
}

// eachTCPConnect calls found for each tcpConnect in a node that is not excluded. expanded holds the nodes that were
// visited through an alias; each is visited once, because it may contain itself.
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

// isTCPConnect reports whether a field is a tcpConnect that is not excluded. A field with type and properties is a
// schema in a CustomResourceDefinition.
func isTCPConnect(key, entry *yaml.Node) bool {
	isSchema := child(entry, "type") != nil && child(entry, "properties") != nil
	return strings.EqualFold(key.Value, tcpConnect) && !excluded(entry) && !isSchema
}
