// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// maxSize limits a text, in bytes. A node of the parsed text takes some 200 bytes, and may be as short as two.
const maxSize = 4 << 20

// source is a text with documents, and what to call it.
type source struct {
	text   string
	within string // empty: the whole spec
}

// document is one document of a source.
type document struct {
	root   *yaml.Node
	within string
}

// The versions of the format. Their tcpConnect entries are the same.
var apiVersions = []string{"troubleshoot.sh/v1beta2", "troubleshoot.sh/v1beta1", "troubleshoot.replicated.com/v1beta1", "troubleshoot.replicated.com/v1beta2"}

// kindLabels mark a Secret or ConfigMap that holds a spec.
var kindLabels = []string{"troubleshoot.sh/kind", "troubleshoot.io/kind"}

// kind says what the spec field of a kind of document may hold.
type kind struct {
	collectors, analyzers string   // fields whose tcpConnect entries are run
	unsupported           []string // fields that Troubleshoot knows
}

var kinds = map[string]kind{
	"SupportBundle": {"hostCollectors", "hostAnalyzers", []string{"collectors", "analyzers", "remoteCollectors", "afterCollection", "uri", "runHostCollectorsInPod"}},
	"HostPreflight": {"collectors", "analyzers", []string{"remoteCollectors", "uri"}},
}

// otherKinds are documents that Troubleshoot knows and that hold nothing for a host.
var otherKinds = []string{"Preflight", "Collector", "HostCollector", "RemoteCollector", "Analyzer", "Redactor"}

const giveText = "Give the text of a spec, for example file(\"preflight.yaml\")."

const invalidYAML = "This is not valid YAML"

// documents splits a source into its documents, and opens those that wrap others.
func (d *decoder) documents(s source) []document {
	whole := Position{Within: s.within}
	if d.size += len(s.text); d.size > maxSize {
		d.addProblem(whole, "The spec is larger than %d bytes, the most that is read, with what Secrets and ConfigMaps hold.", maxSize)
		return nil
	}
	var documents []document
	loader, err := yaml.NewLoader(strings.NewReader(joinSurrogates(s.text)))
	for err == nil {
		root := new(yaml.Node)
		if err = loader.Load(root); err == nil && !isNull(root.Content[0]) {
			documents = append(documents, d.unwrap(document{root.Content[0], s.within})...)
		}
	}
	if loadError, ok := errors.AsType[*yaml.LoadError](err); ok {
		text := loadError.Message
		if loadError.ContextMark.Line > 0 {
			text = fmt.Sprintf("%s that begins at line %d: %s", loadError.ContextMsg, loadError.ContextMark.Line, text)
		}
		d.addProblem(Position{Line: loadError.Mark.Line, Column: loadError.Mark.Column, Within: s.within}, "%s: %s.", invalidYAML, text)
	} else if !errors.Is(err, io.EOF) {
		d.addProblem(whole, "%s: %s.", invalidYAML, err)
	}
	if len(documents) == 0 && len(d.problems) == 0 {
		d.addProblem(whole, "There is no document. "+giveText)
	}
	return documents
}

// unwrap returns the documents inside a Secret or ConfigMap, or the document itself if it is another.
func (d *decoder) unwrap(wrapper document) []document {
	d.within = wrapper.within
	if wrapper.root.Kind == yaml.ScalarNode {
		d.addProblem(d.position(wrapper.root), "The document is %s, not a mapping. %s", kindOf(wrapper.root), giveText)
		return nil
	}
	kind := text(child(wrapper.root, "kind"))
	holders, isWrapper := map[string][]string{"Secret": {"data", "stringData"}, "ConfigMap": {"data"}}[kind]
	if !isWrapper || text(child(wrapper.root, "apiVersion")) != "v1" {
		return []document{wrapper}
	}
	fields, ok := d.mapping(wrapper.root, "The "+kind, append([]string{"apiVersion", "kind", "metadata", "type", "immutable"}, holders...)...)
	if !ok {
		return nil
	}
	name := fmt.Sprintf("the %s at line %d", kind, wrapper.root.Line)
	if wrapper.within != "" {
		d.addProblem(d.position(wrapper.root), "A %s inside another is not read. Take the spec out.", kind)
		return nil
	}
	metadata, _ := d.mapping(fields["metadata"], "metadata")
	labels, _ := d.mapping(metadata["labels"], "metadata.labels")
	if !slices.ContainsFunc(kindLabels, func(label string) bool { return labels[label] != nil }) {
		d.addProblem(d.position(wrapper.root), "The %s has no label %q, so it is not known to hold a spec.", kind, kindLabels[0])
		return nil
	}
	var documents []document
	for _, field := range holders {
		data, _ := d.mapping(fields[field], field)
		for _, key := range data.keys() {
			within := fmt.Sprintf("%s[%q] of %s", field, key, name)
			content, ok := d.text(data[key], field+"["+key+"]")
			if kind == "Secret" && field == "data" && ok {
				decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
				if ok = err == nil; !ok {
					d.addProblem(d.position(data[key]), "%s is not valid base64.", within)
				}
				content = string(decoded)
			}
			if ok {
				documents = append(documents, d.documents(source{content, within})...)
				d.within = wrapper.within
			}
		}
	}
	if len(documents) == 0 && len(d.problems) == 0 {
		d.addProblem(d.position(wrapper.root), "The %s holds no spec in data or stringData.", kind)
	}
	return documents
}

// decodeDocument adds what a document holds to the spec. prefix tells it from others in positions.
func (d *decoder) decodeDocument(document document, prefix string) {
	d.within = document.within
	fields, ok := d.mapping(document.root, "The document", "apiVersion", "kind", "metadata", "spec", "status")
	if !ok {
		return
	}
	apiVersion, kindName := text(fields["apiVersion"]), text(fields["kind"])
	if !slices.Contains(apiVersions, apiVersion) {
		d.addProblem(d.positionOf(fields["apiVersion"], document.root), "The apiVersion is %q. This provider reads v1beta1 and v1beta2 of Troubleshoot (%q): take other documents out.", apiVersion, apiVersions[0])
		return
	}
	known, ok := kinds[kindName]
	switch {
	case slices.Contains(otherKinds, kindName):
		d.spec.Unsupported = append(d.spec.Unsupported, prefix+"kind "+kindName)
		return
	case !ok:
		names := []string{"SupportBundle", "HostPreflight"}
		d.addProblem(d.positionOf(fields["kind"], document.root), "The kind is %q. This provider reads the kinds \"SupportBundle\" and \"HostPreflight\".%s", kindName, suggest.Question(kindName, names))
		return
	}
	if d.misplaced(fields["spec"], kindName, known) {
		return
	}
	body, ok := d.mapping(fields["spec"], "spec", slices.Concat([]string{known.collectors, known.analyzers}, known.unsupported)...)
	if !ok {
		return
	}
	d.decodeEntries(body[known.collectors], prefix+known.collectors, d.decodeCollector)
	d.decodeEntries(body[known.analyzers], prefix+known.analyzers, d.decodeAnalyzer)
	for _, field := range known.unsupported {
		d.addUnsupported(body[field], prefix+field)
	}
}

// misplaced tells whether tcpConnect entries stand under the name that another kind has for them, and adds what the name is.
func (d *decoder) misplaced(body *yaml.Node, kindName string, known kind) (found bool) {
	body = resolved(body)
	for i := 0; body != nil && body.Kind == yaml.MappingNode && i+1 < len(body.Content); i += 2 {
		key, value := body.Content[i], resolved(body.Content[i+1])
		right := ""
		switch key.Value {
		case "hostCollectors", "collectors":
			right = known.collectors
		case "hostAnalyzers", "analyzers":
			right = known.analyzers
		}
		holdsOurs := value.Kind == yaml.SequenceNode && slices.ContainsFunc(value.Content, func(entry *yaml.Node) bool {
			entry = resolved(entry)
			return entry.Kind == yaml.MappingNode && len(entry.Content) > 0 && entry.Content[0].Value == tcpConnect
		})
		if right != "" && right != key.Value && (holdsOurs || key.Value == "hostCollectors" || key.Value == "hostAnalyzers") {
			d.addProblem(d.position(key), "A %s has tcpConnect in %s, not in %s.", kindName, right, key.Value)
			found = true
		}
	}
	return found
}

// addUnsupported lists a field that is not run, unless it asks for nothing.
func (d *decoder) addUnsupported(value *yaml.Node, position string) {
	value = resolved(value)
	switch {
	case value == nil, isNull(value), value.Kind == yaml.ScalarNode && (value.Value == "" || value.Value == "false"):
	case value.Kind == yaml.SequenceNode:
		for i, element := range value.Content {
			names := ""
			if element = resolved(element); element.Kind == yaml.MappingNode && len(element.Content) > 0 {
				names = "." + element.Content[0].Value
			}
			d.spec.Unsupported = append(d.spec.Unsupported, fmt.Sprintf("%s[%d]%s", position, i, names))
		}
	default:
		d.spec.Unsupported = append(d.spec.Unsupported, position)
	}
}
