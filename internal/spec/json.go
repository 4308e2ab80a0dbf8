// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parseJSON returns the tree that the YAML loader builds of the same text, for a text that is a JSON object or array.
// It returns nil for any other text. The YAML loader reads JSON too, and json.Decoder has tokens with offsets, but both
// take several times as long (BenchmarkDecode).
//
// The trees differ only where YAML departs from JSON (RFC 8259): YAML rejects escaped surrogates ("\ud83d\ude00"),
// U+FFFE and U+FFFF, and it also ends lines at U+0085, U+2028 and U+2029. Here a surrogate without its other half
// becomes U+FFFD.
func parseJSON(text string) *yaml.Node {
	start := strings.TrimLeft(text, jsonSpace)
	if !strings.HasPrefix(start, "{") && !strings.HasPrefix(start, "[") {
		return nil
	}
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) { // Valid also limits the depth, to 10,000 as YAML does
		return nil
	}
	reader := jsonReader{text: text, line: 1, column: 1}
	return reader.value()
}

const jsonSpace = " \t\r\n"

// jsonReader reads a text that is known to be valid JSON.
type jsonReader struct {
	text         string
	offset       int // in bytes; line and column are those of this offset
	line, column int // from 1; columns count characters
}

// value reads the next element of an array, or the next key or value of an object.
func (r *jsonReader) value() *yaml.Node {
	r.skip()
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line, Column: r.column}
	switch r.text[r.offset] {
	case '{':
		node.Kind, node.Tag, node.Style, node.Content = yaml.MappingNode, "!!map", yaml.FlowStyle, r.values('}')
	case '[':
		node.Kind, node.Tag, node.Style, node.Content = yaml.SequenceNode, "!!seq", yaml.FlowStyle, r.values(']')
	case '"':
		node.Tag, node.Value, node.Style = "!!str", r.string(), yaml.DoubleQuotedStyle
	default:
		end := strings.IndexAny(r.text[r.offset:], jsonSpace+",]}")
		node.Value = r.take(end)
		node.Tag = jsonTag(node.Value)
	}
	return node
}

// jsonTag returns the tag of a value that is not in quotes.
func jsonTag(value string) string {
	switch {
	case value == "null":
		return "!!null"
	case value == "true", value == "false":
		return "!!bool"
	case strings.ContainsAny(value, ".eE"):
		return "!!float"
	default:
		return "!!int"
	}
}

// values reads what an array or object holds, up to the bracket that ends it.
func (r *jsonReader) values(end byte) []*yaml.Node {
	var values []*yaml.Node
	r.take(1)
	for r.skip(); r.text[r.offset] != end; r.skip() {
		values = append(values, r.value())
	}
	r.take(1)
	return values
}

// string reads a text in quotes.
func (r *jsonReader) string() string {
	length := 1
	for r.text[r.offset+length] != '"' {
		if r.text[r.offset+length] == '\\' {
			length++
		}
		length++
	}
	written := r.take(length + 1)
	value := written[1:length]
	if strings.Contains(value, `\`) {
		_ = json.Unmarshal([]byte(written), &value)
	}
	return value
}

// skip moves over what stands between values. It counts lines as YAML does: "\r", "\n" and "\r\n" end one.
func (r *jsonReader) skip() {
	for ; r.offset < len(r.text); r.offset++ {
		switch r.text[r.offset] {
		case ' ', '\t', ',', ':':
			r.column++
		case '\n':
			r.line, r.column = r.line+1, 1
		case '\r':
			if r.text[r.offset+1] != '\n' {
				r.line, r.column = r.line+1, 1
			}
		default:
			return
		}
	}
}

// take moves over a text of one line, and returns it.
func (r *jsonReader) take(length int) string {
	taken := r.text[r.offset : r.offset+length]
	r.offset += length
	r.column += utf8.RuneCountInString(taken)
	return taken
}
