// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// parseJSON returns the tree that the YAML loader builds of the same text, for a text that is a JSON object or array.
// It returns nil for any other text. The YAML loader reads JSON too, but takes several times as long.
//
// The trees differ only where YAML departs from JSON (RFC 8259): YAML rejects escaped surrogates ("\ud83d\ude00"),
// U+FFFE and U+FFFF, and it also ends lines at U+0085, U+2028 and U+2029. Here a surrogate without its other half
// becomes U+FFFD.
func parseJSON(text string) *yaml.Node {
	start := strings.TrimLeft(text, jsonSpace)
	if !strings.HasPrefix(start, "{") && !strings.HasPrefix(start, "[") {
		return nil
	}
	if !utf8.ValidString(text) || !json.Valid([]byte(text)) { // Valid also limits the depth to 10,000, as YAML does
		return nil
	}
	reader := jsonReader{text: text, tokens: json.NewDecoder(strings.NewReader(text)), line: 1, column: 1}
	reader.tokens.UseNumber()
	root := reader.value()
	if reader.err != nil {
		return nil
	}
	return root
}

const jsonSpace = " \t\r\n"

// jsonReader reads a valid JSON text.
type jsonReader struct {
	text         string
	tokens       *json.Decoder
	err          error // the first error of tokens
	offset       int   // in bytes; line and column are those of this offset
	line, column int   // from 1; columns count characters
}

// value reads the next element of an array, or the next key or value of an object.
func (r *jsonReader) value() *yaml.Node {
	token := r.token()
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line, Column: r.column}
	switch token := token.(type) {
	case json.Delim:
		node.Kind, node.Tag, node.Style = yaml.MappingNode, "!!map", yaml.FlowStyle
		if token == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.err == nil && r.tokens.More() {
			node.Content = append(node.Content, r.value())
		}
		r.token() // the closing bracket
	case string:
		node.Tag, node.Value, node.Style = "!!str", token, yaml.DoubleQuotedStyle
	case json.Number:
		node.Tag, node.Value = "!!int", token.String()
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(token)
	case nil:
		node.Tag, node.Value = "!!null", "null"
	}
	return node
}

// token returns the next token, and moves to where it begins.
func (r *jsonReader) token() json.Token {
	before := r.tokens.InputOffset()
	token, err := r.tokens.Token()
	if r.err == nil {
		r.err = err
	}
	end := r.tokens.InputOffset()
	written := strings.TrimLeft(r.text[before:end], jsonSpace+",:")
	r.advance(int(end) - len(written))
	return token
}

// advance moves to a later offset. It counts lines as YAML does: "\r", "\n" and "\r\n" end one.
func (r *jsonReader) advance(offset int) {
	for i, c := range r.text[r.offset:offset] {
		r.column++
		if c == '\n' || c == '\r' && r.text[r.offset+i+1] != '\n' {
			r.line, r.column = r.line+1, 1
		}
	}
	r.offset = offset
}
