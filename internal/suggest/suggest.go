// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package suggest writes lists of known words into messages, and the word that was probably meant.
package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

var (
	// Users rather write a part of a long word ("refused" for "connection-refused") than too many or other letters, so
	// letters to insert cost least.
	costs = levenshtein.NewParams().InsCost(1).DelCost(3).SubCost(4)

	// With these costs, a distance is the number of letters that the word does not have in this order.
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

// Nearest returns the known word that found is a synonym of, or else the one with the nearest spelling. It ignores case
// and reads "_" as "-". It returns the empty string if no word is near.
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
		return "" // more than a third of found is not in the word
	}
	return nearest
}

// Question returns a space and the question whether the nearest known word was meant, or "" if no word is near.
func Question[S ~string](found string, known []S) string {
	nearest := Nearest(found, known)
	if nearest == "" {
		return ""
	}
	return Asking(nearest)
}

// Asking returns a space and the question whether one of the words was meant. It needs at least one word.
func Asking[S ~string](words ...S) string {
	return fmt.Sprintf(" Did you mean %s?", Choice(words))
}

// List returns the quoted words, for an error message: "a", "b", "c".
func List[S ~string](words []S) string {
	return strings.Join(quoted(words), ", ")
}

// Choice returns the quoted words with an "or" before the last: "a", "b" or "c".
func Choice[S ~string](words []S) string {
	return choice(quoted(words))
}

// MarkdownChoice is like Choice, but for Markdown: `a`, `b` or `c`.
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

// NotOneOf returns an error that says what a text is not, lists the known words, and asks whether the nearest was
// meant.
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

// Words returns words as plain strings.
func Words[S ~string](words []S) []string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	return texts
}
