// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// decoder collects the parts of a spec, and what is wrong with it.
type decoder struct {
	spec     Spec
	syntax   []Problem // of texts that are not YAML; they come first, because they may be the cause of other problems
	problems []Problem
	more     int    // the number of problems that are not kept
	within   string // Position.Within of what is being decoded
	entry    string // Position.Entry of what is being decoded
	size     int    // of all texts so far, in bytes
	visits   int    // the number of nodes decoded so far
	merging  int    // the depth of merge keys ("<<")
}

const (
	maxProblems    = 20
	maxProblemText = 1000 // bytes

	// maxVisits limits the number of nodes that are decoded. A short text can have more, because each alias counts.
	maxVisits = 1_000_000

	// maxMerging limits the depth of merge keys. A mapping that is merged into itself would have no end.
	maxMerging = 10
)

func (d *decoder) addProblem(at Position, format string, arguments ...any) {
	if d.exhausted() {
		return // the rest of the spec was not visited, so the problem may be a consequence of that
	}
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	text := suggest.AbbreviateTo(maxProblemText, fmt.Sprintf(format, arguments...))
	d.problems = append(d.problems, Problem{at, text})
}

// addSyntaxProblem adds the problem of a text that is not YAML.
func (d *decoder) addSyntaxProblem(problem Problem) {
	if len(d.syntax) == maxProblems {
		d.more++
		return
	}
	problem.Text = suggest.AbbreviateTo(maxProblemText, problem.Text)
	d.syntax = append(d.syntax, problem)
}

// addKindProblem adds the problem that a node is not of the kind that is wanted.
func (d *decoder) addKindProblem(node *yaml.Node, label, want string) {
	if isTemplate(node) {
		d.addTemplateProblem(node, label)
		return
	}
	d.addProblem(d.position(node), "%s is %s, not a %s.", label, kindOf(node), want)
}

func (d *decoder) addTemplateProblem(node *yaml.Node, label string) {
	d.addProblem(d.position(node), "%s has a template expression (\"{{\"). %s", label, renderText)
}

// addError adds an error as the problem of a node, unless it is nil.
func (d *decoder) addError(node *yaml.Node, label string, err error) {
	if err != nil {
		d.addProblem(d.position(node), "%s: %s", label, err)
	}
}

// count returns the number of problems.
func (d *decoder) count() int {
	return len(d.syntax) + len(d.problems) + d.more
}

// all returns the problems, the likely causes of others first.
func (d *decoder) all() Problems {
	problems := slices.Concat(d.syntax, d.problems)
	more := d.more
	if over := len(problems) - maxProblems; over > 0 {
		problems, more = problems[:maxProblems], more+over
	}
	if more > 0 {
		problems = append(problems, Problem{Text: fmt.Sprintf("There %s.", isOrAre(more, "more problem"))})
	}
	return problems
}

// isOrAre returns, for example, "is 1 problem" or "are 2 problems".
func isOrAre(count int, noun string) string {
	if count == 1 {
		return "is 1 " + noun
	}
	return fmt.Sprintf("are %d %ss", count, noun)
}

func (d *decoder) position(node *yaml.Node) Position {
	return Position{node.Line, node.Column, d.within, d.entry}
}

// positionOf returns the position of a node, or of its parent if the node is absent.
func (d *decoder) positionOf(node, parent *yaml.Node) Position {
	if node == nil {
		return d.position(parent)
	}
	return d.position(node)
}

// fields holds the values of a mapping by key.
type fields map[string]*yaml.Node

// keys returns the keys in alphabetical order.
func (f fields) keys() []string {
	return slices.Sorted(maps.Keys(f))
}

// mapping returns the fields of a node, and reports whether it is a mapping. An absent or null node has no fields. A
// field that is there twice is a problem. So is a field that is not known, unless known is empty.
func (d *decoder) mapping(node *yaml.Node, label string, known ...string) (fields, bool) {
	node = resolved(node)
	if isNull(node) {
		return nil, true
	}
	if node.Kind != yaml.MappingNode || isTemplate(node) {
		d.addKindProblem(node, label, "mapping")
		return nil, false
	}
	found := make(fields)
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if !d.visit() {
			return nil, false
		}
		switch {
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case isTemplate(key), key.Kind == yaml.ScalarNode && strings.Contains(key.Value, "{{"):
			d.addTemplateProblem(key, label)
		case key.Kind != yaml.ScalarNode:
			d.addProblem(d.position(key), "%s has %s as a key.", label, kindOf(key))
		case found[key.Value] != nil:
			d.addProblem(d.position(key), "%s has the field %q twice.", label, key.Value)
		case len(known) > 0 && !slices.Contains(known, key.Value):
			d.addProblem(d.position(key), "%s has the field %q, which does not exist.%s",
				label, key.Value, whichOf(key.Value, known))
		default:
			found[key.Value] = value
		}
	}
	for _, value := range merged {
		if !d.merge(found, value, label, known) {
			return nil, false
		}
	}
	return found, true
}

// whichOf returns a question for the known field that was probably meant, or else a list of the known fields.
func whichOf(word string, known []string) string {
	if question := suggest.Question(word, known); question != "" {
		return question
	}
	return fmt.Sprintf(" The fields are %s.", strings.Join(known, ", "))
}

// merge adds the fields of the value of a merge key ("<<"), a mapping or a list of mappings, to those found. It keeps
// the fields that are there already. It reports whether decoding can go on.
func (d *decoder) merge(found fields, value *yaml.Node, label string, known []string) bool {
	if d.merging++; d.merging > maxMerging {
		d.addProblem(d.position(value), "%s merges mappings (\"<<\") more than %d deep.", label, maxMerging)
		return false
	}
	defer func() { d.merging-- }()
	values := []*yaml.Node{value}
	if list := resolved(value); list.Kind == yaml.SequenceNode {
		values = list.Content
	}
	for _, value := range values {
		added, ok := d.mapping(value, label, known...)
		if !ok || !d.visit() {
			return false
		}
		for key, node := range added {
			if found[key] == nil {
				found[key] = node
			}
		}
	}
	return true
}

// sequence returns the elements of a list. An absent or null list has none.
func (d *decoder) sequence(node *yaml.Node, label string) []*yaml.Node {
	node = resolved(node)
	if isNull(node) || d.exhausted() {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		d.addKindProblem(node, label, "list")
		return nil
	}
	return node.Content
}

// textTags are the tags of scalars that are read as they are written.
var textTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp"}

// text returns a scalar as it is written, and reports whether the node is one.
func (d *decoder) text(node *yaml.Node, label string) (string, bool) {
	node = resolved(node)
	if node.Kind != yaml.ScalarNode || !slices.Contains(textTags, node.ShortTag()) {
		d.addKindProblem(node, label, "text")
		return "", false
	}
	return text(node), true
}

// optionalText returns a text. It returns the empty string if the text is absent, null or a problem.
func (d *decoder) optionalText(node *yaml.Node, label string) string {
	if node == nil {
		return ""
	}
	text, _ := d.text(node, label)
	if strings.Contains(text, "{{") {
		d.addTemplateProblem(node, label)
		return ""
	}
	return text
}

// prose returns a text that people read. It returns the empty string also if the text is blank.
func (d *decoder) prose(node *yaml.Node, label string) string {
	text := d.optionalText(node, label)
	if strings.TrimSpace(text) == "" {
		return ""
	}
	d.addError(node, label, tcpconnect.ValidateText(text))
	return text
}

// visit counts a node, and reports whether decoding can go on.
func (d *decoder) visit() bool {
	d.visits++
	if d.visits == maxVisits {
		text := fmt.Sprintf("The spec has more than %d values, with its aliases.", maxVisits)
		d.problems = slices.Insert(d.problems, 0, Problem{Text: text})
	}
	return !d.exhausted()
}

// exhausted reports whether the spec has too many nodes.
func (d *decoder) exhausted() bool {
	return d.visits >= maxVisits
}

// resolved returns the node that an alias refers to, or the node itself if it is not an alias.
func resolved(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// child returns the value of a key in a mapping, or nil. Unlike mapping, it ignores problems and merge keys.
func child(mapping *yaml.Node, key string) *yaml.Node {
	_, value := field(mapping, key)
	return value
}

// field returns a key of a mapping and its value, or nil. Unlike mapping, it ignores problems and merge keys.
func field(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	mapping = resolved(mapping)
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// isTemplate reports whether a node is a template expression without quotes, such as {{ .Values.port }}. To YAML that
// is a mapping whose key is a mapping, with no space between the braces.
func isTemplate(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		return false
	}
	key := node.Content[0]
	return key.Kind == yaml.MappingNode && key.Line == node.Line && key.Column == node.Column+1
}

// indexed returns the path of an element of a list, such as "hostCollectors[3]".
func indexed(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

func isNull(node *yaml.Node) bool {
	node = resolved(node)
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// text returns a scalar as it is written. It returns the empty string for null and for another kind of node.
func text(node *yaml.Node) string {
	if isNull(node) {
		return ""
	}
	return resolved(node).Value
}

// kindOf describes a node in a message: its kind, or the text of a scalar.
func kindOf(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "null"
	default:
		return fmt.Sprintf("%q", suggest.Abbreviate(node.Value))
	}
}
