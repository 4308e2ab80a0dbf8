// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// counting returns a function that decodes, and the texts that it was called with.
func counting() (decode func(string) (Spec, error), decoded *[]string) {
	decoded = new([]string)
	return func(text string) (Spec, error) {
		*decoded = append(*decoded, text)
		return Spec{Unsupported: []Part{{Path: text}}}, errors.New(text)
	}, decoded
}

func TestATextIsDecodedOnce(t *testing.T) {
	t.Parallel()
	var d decodings
	decode, decoded := counting()
	for range 3 {
		for _, text := range []string{"a", "b"} {
			if spec, err := d.decode(text, decode); len(spec.Unsupported) != 1 || spec.Unsupported[0].Path != text ||
				err.Error() != text {
				t.Errorf("%s: got %+v, %v", text, spec, err)
			}
		}
	}
	if want := []string{"a", "b"}; !slices.Equal(*decoded, want) {
		t.Errorf("decoded %q, want %q", *decoded, want)
	}
}

func TestOnlyTheLastTextsAreRemembered(t *testing.T) {
	t.Parallel()
	var d decodings
	decode, decoded := counting()
	ask := func(text string) { _, _ = d.decode(text, decode) }
	for n := range maxDecodings {
		ask(fmt.Sprint(n))
	}
	ask("0") // now "1" is the least recently used
	ask("new")
	*decoded = nil
	for n := range maxDecodings {
		if n != 1 {
			ask(fmt.Sprint(n))
		}
	}
	ask("new")
	ask("1")
	if want := []string{"1"}; !slices.Equal(*decoded, want) || len(d.recent) != maxDecodings {
		t.Errorf("decoded %q again, want %q; %d are remembered", *decoded, want, len(d.recent))
	}
}

func TestATextThatManyAskForIsDecodedOnce(t *testing.T) {
	t.Parallel()
	var d decodings
	var calls atomic.Int32
	var callers sync.WaitGroup
	begun, others := make(chan struct{}), make(chan struct{})
	for range 8 {
		callers.Go(func() {
			spec, _ := d.decode("same", func(string) (Spec, error) {
				calls.Add(1)
				close(begun)
				<-others
				return Spec{Unsupported: make([]Part, 1)}, nil
			})
			if len(spec.Unsupported) != 1 {
				t.Errorf("got %+v before it was decoded", spec)
			}
		})
	}
	<-begun
	if _, err := d.decode("other", func(string) (Spec, error) { return Spec{}, nil }); err != nil {
		t.Error(err)
	}
	close(others)
	callers.Wait()
	if calls.Load() != 1 {
		t.Errorf("decoded %d times", calls.Load())
	}
}

func TestADecodingThatPanicsNeverSucceeds(t *testing.T) {
	t.Parallel()
	var d decodings
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			spec, err := d.decode("x", func(string) (Spec, error) { panic("bug") })
			t.Errorf("got %+v, %v", spec, err)
		}()
	}
}

//nolint:paralleltest // other tests would make it forget
func TestDecodeRemembersSpecsAndProblems(t *testing.T) {
	text := hostPreflight + "# remembered\n"
	first := mustDecode(t, text)
	second := mustDecode(t, strings.Clone(text))
	if &first.Collectors[0] != &second.Collectors[0] {
		t.Error("the spec was decoded twice")
	}
	_, err := Decode("not a spec, remembered")
	_, again := Decode("not a spec, remembered")
	problems, _ := errors.AsType[Problems](err)
	same, _ := errors.AsType[Problems](again)
	if len(problems) != 1 || &problems[0] != &same[0] {
		t.Errorf("got %v, then %v", err, again)
	}
}

//nolint:paralleltest // other tests would change what is remembered
func TestATextThatIsTooLargeIsNotRemembered(t *testing.T) {
	text := strings.Repeat("#", maxSize+1)
	firstProblem(t, text)
	if slices.ContainsFunc(recent.recent, func(d decoding) bool { return d.text == text }) {
		t.Error("it is remembered")
	}
}
