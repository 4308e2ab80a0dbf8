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

// decoder gathers what a text holds and what is wrong with it.
type decoder struct {
	spec     Spec
	syntax   []Problem // texts that are not YAML; they come first, because they may be the cause of others
	problems []Problem
	more     int    // problems that are only counted
	within   string // what is being decoded
	entry    string // the name of it
	size     int    // of all texts, in bytes
	visits   int
	merging  int // how many merges deep
}

const (
	maxProblems    = 20
	maxProblemText = 1000 // bytes

	// maxVisits limits what aliases make of a short text: that many nodes are decoded, however often each stands there.
	maxVisits = 1_000_000

	// maxMerging ends the merging of a mapping into itself.
	maxMerging = 10
)

func (d *decoder) addProblem(at Position, format string, arguments ...any) {
	if d.exhausted() {
		return // what was not visited is not known
	}
	if len(d.problems) == maxProblems {
		d.more++
		return
	}
	d.problems = append(d.problems, Problem{at, abbreviate(fmt.Sprintf(format, arguments...), maxProblemText)})
}

// addSyntaxProblem is addProblem for a text that is not YAML.
func (d *decoder) addSyntaxProblem(problem Problem) {
	if len(d.syntax) == maxProblems {
		d.more++
		return
	}
	problem.Text = abbreviate(problem.Text, maxProblemText)
	d.syntax = append(d.syntax, problem)
}

// addKindProblem says that a node is not what its place asks for.
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

// addError adds what is wrong with a value, if anything is.
func (d *decoder) addError(node *yaml.Node, label string, err error) {
	if err != nil {
		d.addProblem(d.position(node), "%s: %s", label, err)
	}
}

// count is how many problems there are.
func (d *decoder) count() int {
	return len(d.syntax) + len(d.problems) + d.more
}

// all returns the problems in the order in which people should look at them.
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

// isOrAre is "is 1 problem" or "are 2 problems".
func isOrAre(count int, noun string) string {
	if count == 1 {
		return "is 1 " + noun
	}
	return fmt.Sprintf("are %d %ss", count, noun)
}

func (d *decoder) position(node *yaml.Node) Position {
	return Position{node.Line, node.Column, d.within, d.entry}
}

// positionOf is the position of a node that may be absent from its parent.
func (d *decoder) positionOf(node, parent *yaml.Node) Position {
	if node == nil {
		return d.position(parent)
	}
	return d.position(node)
}

// fields are the values of a mapping.
type fields map[string]*yaml.Node

// keys returns the keys in a fixed order.
func (f fields) keys() []string {
	return slices.Sorted(maps.Keys(f))
}

// mapping returns the fields of a mapping, and whether it is one. An absent or null one has none. Unless known is empty, other
// fields are problems, and so is in any case a field that stands twice.
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
			d.addProblem(d.position(key), "%s has %s for a key.", label, kindOf(key))
		case found[key.Value] != nil:
			d.addProblem(d.position(key), "%s has the field %q twice.", label, key.Value)
		case len(known) > 0 && !slices.Contains(known, key.Value):
			d.addProblem(d.position(key), "%s has the field %q, which does not exist.%s", label, key.Value, whichOf(key.Value, known))
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

// whichOf says which known word was meant, or what there is.
func whichOf(word string, known []string) string {
	if question := suggest.Question(word, known); question != "" {
		return question
	}
	return fmt.Sprintf(" There is %s.", strings.Join(known, ", "))
}

// merge adds the fields of a merge key ("<<"), a mapping or a list of them; those that are there win.
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

// sequence returns the elements of a list. An absent or null one has none.
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

// text returns a scalar as it is written, and whether it is one.
func (d *decoder) text(node *yaml.Node, label string) (string, bool) {
	node = resolved(node)
	if node.Kind != yaml.ScalarNode || !slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp"}, node.ShortTag()) {
		d.addKindProblem(node, label, "text")
		return "", false
	}
	return text(node), true
}

// optionalText returns a text, empty if it is absent, null or a problem.
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

// prose returns a text that people read, empty also if it is blank.
func (d *decoder) prose(node *yaml.Node, label string) string {
	text := d.optionalText(node, label)
	if strings.TrimSpace(text) == "" {
		return ""
	}
	d.addError(node, label, tcpconnect.ValidateText(text))
	return text
}

// abbreviate keeps an error message readable whatever was given.
func abbreviate(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

// visit counts a node, and reports whether there were not too many.
func (d *decoder) visit() bool {
	d.visits++
	if d.visits == maxVisits {
		text := fmt.Sprintf("The spec has more than %d values, with its aliases.", maxVisits)
		d.problems = slices.Insert(d.problems, 0, Problem{Text: text})
	}
	return !d.exhausted()
}

// exhausted reports whether there were too many nodes.
func (d *decoder) exhausted() bool {
	return d.visits >= maxVisits
}

// resolved returns what an alias stands for.
func resolved(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// child returns a value of a mapping that is not decoded, nil if there is none.
func child(mapping *yaml.Node, key string) *yaml.Node {
	_, value := field(mapping, key)
	return value
}

// field returns a key of a mapping that is not decoded and its value, nil if there is none.
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

// isTemplate reports whether a node is what YAML makes of an expression without quotes, such as {{ .Values.port }}: a
// mapping whose key is a mapping, with no space between the braces.
func isTemplate(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		return false
	}
	key := node.Content[0]
	return key.Kind == yaml.MappingNode && key.Line == node.Line && key.Column == node.Column+1
}

// indexed is the path of an element of a list, such as "hostCollectors[3]".
func indexed(path string, index int) string {
	return path + "[" + strconv.Itoa(index) + "]"
}

func isNull(node *yaml.Node) bool {
	node = resolved(node)
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// text returns a scalar as it is written, empty if the node is null or another kind of node.
func text(node *yaml.Node) string {
	if isNull(node) {
		return ""
	}
	return resolved(node).Value
}

// kindOf names what a node is.
func kindOf(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(node):
		return "null"
	default:
		return fmt.Sprintf("%q", abbreviate(node.Value, 80))
	}
}
