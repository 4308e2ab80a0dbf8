// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"maps"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The values of a configuration whose type is dynamic: nil (null), string, bool, Number, []any (a list or tuple), Set,
// map[string]any (an object or map), and Unknown.
type (
	// Unknown is a value that is not known while planning.
	Unknown struct{}
	// Number is a number; which one makes no difference where none is expected.
	Number struct{}
	// Set is a list without an order.
	Set []any
)

// problems are what is wrong with such a value.
type problems []string

func (p *problems) addProblem(format string, arguments ...any) {
	*p = append(*p, fmt.Sprintf(format, arguments...))
}

// text returns a string in an object, empty if it is null or absent, and whether it is known and without a problem.
func (p *problems) text(label, key string, fields map[string]any) (text string, isWhole bool) {
	switch value := fields[key].(type) {
	case nil:
		return "", true
	case Unknown:
		return "", false
	case string:
		if err := tcpconnect.ValidateText(value); err != nil {
			p.addProblem("%s.%s: %s", label, key, err)
			return "", false
		}
		return value, true
	default:
		p.addProblem("%s.%s is %s, not a string.", label, key, kindOf(value))
		return "", false
	}
}

// checkKeys adds a problem for every key that is not known. hint says what to do about it.
func (p *problems) checkKeys(
	label string, object map[string]any, known []string, hint func(key string, known []string) string,
) bool {
	ok := true
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, key) {
			p.addProblem("%s has the key %q, which does not exist. The keys are %s.%s",
				label, key, suggest.Choice(known), hint(key, known))
			ok = false
		}
	}
	return ok
}

// commentHint is the hint about a comment of JSON configuration.
const commentHint = " It is a comment of JSON configuration only beside arguments, and part of the value here: " +
	"comments have no place in it, so remove it."

// kindOf names the kind of a value as Terraform's documentation does.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case Number:
		return "a number"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case Set:
		return "a set"
	default:
		return "an object"
	}
}
