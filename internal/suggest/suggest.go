// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package suggest says in error messages which words there are, and which one was probably meant.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

var (
	// Typing a part of a long word ("refused" for "connection-refused") is likelier than typing too much or something else, so
	// letters to insert cost least.
	costs = levenshtein.NewParams().InsCost(1).DelCost(3).SubCost(4)

	// With these costs a distance is the number of letters that the word does not have, in their order.
	strange = levenshtein.NewParams().InsCost(0).DelCost(1).SubCost(1)
)

// synonyms are what people write for a word that has few letters in common with it.
var synonyms = map[string]string{
	"error": "fail", "failure": "fail", "deny": "fail",
	"warning": "warn",
	"ok":      "pass", "success": "pass", "allow": "pass",
	"open": "connected", "closed": "connection-refused",
	"condition": "when", "if": "when", "status": "when",
	"description": "message", "text": "message",
	"link": "uri", "name": "title",
	"fail": "error", "ignore": "skip",
	"yes": "true", "on": "true", "no": "false", "off": "false",
}

// Nearest returns the known word that needs the least change to found, without regard to case and to "_" for "-", or else the one
// that found is a synonym of. It returns the empty string if there is neither.
func Nearest[S ~string](found string, known []S) S {
	found = strings.ReplaceAll(strings.ToLower(found), "_", "-")
	if synonym := S(synonyms[found]); slices.Contains(known, synonym) {
		return synonym
	}
	var nearest S
	best := -1
	for _, word := range known {
		distance := levenshtein.Distance(found, strings.ToLower(string(word)), costs)
		if best < 0 || distance < best {
			nearest, best = word, distance
		}
	}
	if found == "" || 3*levenshtein.Distance(found, strings.ToLower(string(nearest)), strange) > len(found) {
		return "" // more than a third of it is something else
	}
	return nearest
}

// Question asks whether the nearest known word was meant, after a space, or is empty if none is near.
func Question[S ~string](found string, known []S) string {
	nearest := Nearest(found, known)
	if nearest == "" {
		return ""
	}
	return Asking(nearest)
}

// Asking asks, after a space, whether one of the words was meant. There is at least one.
func Asking[S ~string](words ...S) string {
	return fmt.Sprintf(" Did you mean %s?", Choice(words))
}

// List writes words for an error message: "a", "b", "c".
func List[S ~string](words []S) string {
	return strings.Join(quoted(words), ", ")
}

// Choice writes words of which one is to be chosen: "a", "b" or "c".
func Choice[S ~string](words []S) string {
	return choice(quoted(words))
}

// MarkdownChoice is Choice for descriptions: `a`, `b` or `c`.
func MarkdownChoice[S ~string](words []S) string {
	marked := make([]string, len(words))
	for i, word := range words {
		marked[i] = "`" + string(word) + "`"
	}
	return choice(marked)
}

func choice(texts []string) string {
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

func quoted[S ~string](words []S) []string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = fmt.Sprintf("%q", string(word))
	}
	return texts
}

// NotOneOf returns an error that says what a text is not, lists the known words, and asks whether the nearest was meant.
func NotOneOf[S ~string](text, isNot string, known []S) error {
	return fmt.Errorf("%q %s. Use %s.%s", text, isNot, Choice(known), Question(text, known))
}

// Choose returns the known word that a text is, or the error of NotOneOf.
func Choose[S ~string](text, isNot string, known []S) (S, error) {
	if word := S(text); slices.Contains(known, word) {
		return word, nil
	}
	return "", NotOneOf(text, isNot, known)
}

// Abbreviate keeps an error message readable whatever text is part of it.
func Abbreviate(text string) string {
	return AbbreviateTo(80, text)
}

// AbbreviateTo is Abbreviate for another length, in bytes.
func AbbreviateTo(most int, text string) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
