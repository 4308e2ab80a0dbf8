// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package suggest finds the word a user probably meant.
package suggest

import (
	"fmt"
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

// Nearest returns the known word that needs the least change to found, without regard to case and to "_" for "-".
// It returns the empty string if no word is near.
func Nearest[S ~string](found string, known []S) S {
	found = strings.ReplaceAll(strings.ToLower(found), "_", "-")
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
	return fmt.Sprintf(" Did you mean %q?", nearest)
}
