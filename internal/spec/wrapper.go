// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// holders lists the fields of a Secret and a ConfigMap that hold texts.
var holders = map[string][]string{"Secret": {"data", "stringData"}, "ConfigMap": {"data"}}

// kindLabels lists the labels that mark a Secret or ConfigMap with a spec.
var kindLabels = []string{"troubleshoot.sh/kind", "troubleshoot.io/kind"}

// wrapperKind returns the kind of a document that wraps others. It returns the empty string for other documents.
func wrapperKind(root *yaml.Node) string {
	kind := text(child(root, "kind"))
	if text(child(root, "apiVersion")) != "v1" || kind != "List" && holders[kind] == nil {
		return ""
	}
	return kind
}

// decodeList decodes the documents in a List, in which kubectl prints several objects.
func (d *decoder) decodeList(list document) {
	fields, _ := d.mapping(list.root, "The List", "apiVersion", "kind", "metadata", "items")
	for i, item := range d.sequence(fields["items"], "items") {
		switch {
		case !d.visit():
			return
		case wrapperKind(item) == "List":
			d.addProblem(d.position(item), "A List inside another is not read. Take its items out.")
		default:
			d.decodeDocument(document{item, list.within, indexed(list.path+"items", i) + "."})
		}
	}
}

// heldText is a text in a Secret or ConfigMap.
type heldText struct {
	name    string // such as `stringData["preflight.yaml"]`
	within  string // such as `stringData["preflight.yaml"] of the Secret at line 1`
	node    *yaml.Node
	content string
	err     error // why content is not known, or nil
}

// decodeHolder decodes the specs in a labelled Secret or ConfigMap, and skips its other texts. It skips a Secret or
// ConfigMap without the label, unless that has a spec.
func (d *decoder) decodeHolder(holder document, kind string) {
	switch {
	case holder.within != "":
		d.addProblem(d.position(holder.root), "A %s inside another is not read. Take the spec out.", kind)
		return
	case !isLabelled(holder.root):
		d.skipHolder(holder, kind)
		return
	}
	before := d.count()
	texts := d.heldTexts(holder.root, kind, "apiVersion", "kind", "metadata", "type", "immutable")
	if len(texts) == 0 && d.count() == before {
		d.addProblem(d.position(holder.root), "The %s holds no spec in data or stringData.", kind)
	}
	for _, held := range texts {
		if held.err != nil {
			d.addProblem(d.position(held.node), "%s %s.", held.within, held.err)
			continue
		}
		roots, problem := parse(held.content)
		switch {
		case !d.isSpec(held, roots, problem):
			d.skip(holder.path+held.name, "it is not a spec")
		case problem != nil:
			problem.Position.Within = held.within
			d.addSyntaxProblem(*problem)
		default:
			d.decodeDocuments(roots, held.within, holder.path+held.name+".")
			d.within = holder.within
		}
	}
}

// skipHolder skips a Secret or ConfigMap without the label. If it holds a spec, that is a problem: the label was
// forgotten.
func (d *decoder) skipHolder(holder document, kind string) {
	for _, held := range d.heldTexts(holder.root, kind) {
		if roots, problem := parse(held.content); held.err == nil && d.isSpec(held, roots, problem) {
			d.addProblem(d.position(holder.root), "The %s has no label %q, but %s is a spec. "+
				"Add the label, or take the %s out.", kind, kindLabels[0], held.name, kind)
			return
		}
	}
	d.skip(holder.path+"kind "+kind, fmt.Sprintf("it has no label %q", kindLabels[0]))
}

// heldTexts returns the texts in a Secret or ConfigMap. Unless known is empty, a field is a problem if it is neither
// known nor a field that holds texts.
func (d *decoder) heldTexts(root *yaml.Node, kind string, known ...string) []heldText {
	if len(known) > 0 {
		known = append(known, holders[kind]...)
	}
	fields, _ := d.mapping(root, "The "+kind, known...)
	var texts []heldText
	for _, field := range holders[kind] {
		data, _ := d.mapping(fields[field], field)
		for _, key := range data.keys() {
			name := fmt.Sprintf("%s[%q]", field, key)
			content, ok := d.text(data[key], name)
			if !ok {
				continue
			}
			within := fmt.Sprintf("%s of the %s at line %d", name, kind, root.Line)
			held := heldText{name: name, within: within, node: data[key], content: content}
			if kind == "Secret" && field == "data" {
				held.content, held.err = decodeBase64(content)
			}
			if !d.fits(held.content) {
				return nil
			}
			texts = append(texts, held)
		}
	}
	return texts
}

func decodeBase64(text string) (string, error) {
	decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return "", errors.New("is not valid base64")
	}
	return string(decoded), nil
}

func isLabelled(root *yaml.Node) bool {
	labels := child(child(root, "metadata"), "labels")
	return slices.ContainsFunc(kindLabels, func(label string) bool { return child(labels, label) != nil })
}

// prose matches the name of a text for people, which may contain an example of a spec.
var prose = regexp.MustCompile(`(?i)\.(md|txt)"\]$`)

// specSign matches the text of a spec, also if it is not valid YAML.
var specSign = regexp.MustCompile(`apiVersion["']?\s*:\s*["']?` + troubleshootGroup + `|` + tcpConnect + `["']?\s*:`)

// isSpec reports whether a text with these documents is meant to be a spec. A spec with mistakes must not be skipped.
func (d *decoder) isSpec(held heldText, roots []*yaml.Node, problem *Problem) bool {
	if problem != nil {
		return !prose.MatchString(held.name) && specSign.MatchString(held.content)
	}
	return slices.ContainsFunc(roots, func(root *yaml.Node) bool {
		_, isKind := kinds[text(child(root, "kind"))]
		return isKind || strings.Contains(text(child(root, "apiVersion")), troubleshootGroup) ||
			wrapperKind(root) != "" && isLabelled(root) || d.holdsTCPConnect(root)
	})
}
