// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"slices"
	"sync"
)

// decodings remembers what the last texts were decoded to: Terraform validates a data source several times before it
// reads it, each time with the same text.
type decodings struct {
	mu     sync.Mutex
	recent []decoding // the most recently used one is the last
}

type decoding struct {
	text   string
	decode func() (Spec, error) // decodes the text at the first call only
}

// maxDecodings limits the number of texts in memory. A text of maxSize and its Spec usually take less than 20 MB.
const maxDecodings = 8

// decode returns what decode returns for a text, or has returned earlier.
func (d *decodings) decode(text string, decode func(string) (Spec, error)) (Spec, error) {
	return d.find(text, decode).decode()
}

// find returns the decoding of a text. If there is none, it adds one in place of the one that was not used for the
// longest time.
func (d *decodings) find(text string, decode func(string) (Spec, error)) decoding {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found decoding
	if i := slices.IndexFunc(d.recent, func(earlier decoding) bool { return earlier.text == text }); i >= 0 {
		found = d.recent[i]
		d.recent = slices.Delete(d.recent, i, i+1)
	} else {
		found = decoding{text, sync.OnceValues(func() (Spec, error) { return decode(text) })}
	}
	if len(d.recent) == maxDecodings {
		d.recent = slices.Delete(d.recent, 0, 1)
	}
	d.recent = append(d.recent, found)
	return found
}
