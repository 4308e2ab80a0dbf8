// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package suggest finds the word a user probably meant.
package suggest

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Typing a part of a long word ("refused" for "connection-refused") is likelier than typing too much or something else,
// so letters to insert cost least.
var costs = levenshtein.NewParams().InsCost(1).DelCost(3).SubCost(4)

// Nearest returns the known word that needs the least change to found, without regard to case and to "_" for "-".
// It returns the empty string if nothing is known.
func Nearest[S ~string](found string, known []S) S {
	found = strings.ReplaceAll(strings.ToLower(found), "_", "-")
	var nearest S
	best := -1
	for _, word := range known {
		distance := levenshtein.Distance(found, strings.ReplaceAll(string(word), "_", "-"), costs)
		if best < 0 || distance < best {
			nearest, best = word, distance
		}
	}
	return nearest
}
