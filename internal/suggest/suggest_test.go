// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package suggest

import (
	"slices"
	"strings"
	"testing"
)

func TestNearestFindsTheWordThatWasMeant(t *testing.T) {
	t.Parallel()
	statuses := []string{"connected", "connection-refused", "connection-timeout", "error"}
	keys := []string{"when", "message", "uri", "title"}
	for _, test := range []struct {
		found string
		known []string
		want  string
	}{
		{"connection_refused", statuses, "connection-refused"},
		{"Connected", statuses, "connected"},
		{"refused", statuses, "connection-refused"},
		{"timeout", statuses, "connection-timeout"},
		{"connect", statuses, "connected"},
		{"errors", statuses, "error"},
		{"whne", keys, "when"},
		{"mesage", keys, "message"},
		{"url", keys, "uri"},
		{"pas", []string{"fail", "warn", "pass"}, "pass"},
		{"anything", nil, ""},
		{"ok", statuses, ""},
		{"ok", []string{"fail", "warn", "pass"}, "pass"},
		{"error", []string{"fail", "warn", "pass"}, "fail"},
		{"Failure", []string{"fail", "warn", "pass"}, "fail"},
		{"closed", statuses, "connection-refused"},
		{"description", keys, "message"},
		{"yes", []string{"true", "false"}, "true"},
		{"no", []string{"true", "false"}, "false"},
		{"warning", statuses, ""},
		{"ignore", []string{"error", "warn", "skip"}, "skip"},
		{"true", statuses, ""},
		{"", statuses, ""},
	} {
		if got := Nearest(test.found, test.known); got != test.want {
			t.Errorf("Nearest(%q) = %q, want %q", test.found, got, test.want)
		}
	}
}

func TestQuestionAsksForEveryWordThatMayBeMeant(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"":                               Question("xyz", []string{"pass"}),
		` Did you mean "pass"?`:          Question("pas", []string{"pass", "fail"}),
		` Did you mean "a"?`:             Asking("a"),
		` Did you mean "a" or "b"?`:      Asking("a", "b"),
		` Did you mean "a", "b" or "c"?`: Asking("a", "b", "c"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWordsAreListedForMessagesAndDescriptions(t *testing.T) {
	t.Parallel()
	type word string // as the statuses and formats are types of their own
	for _, test := range []struct {
		words                        []word
		list, choice, markdownChoice string
	}{
		{nil, "", "", ""},
		{[]word{"a"}, `"a"`, `"a"`, "`a`"},
		{[]word{"a", "b"}, `"a", "b"`, `"a" or "b"`, "`a` or `b`"},
		{[]word{"a", "b", "c"}, `"a", "b", "c"`, `"a", "b" or "c"`, "`a`, `b` or `c`"},
	} {
		if got := List(test.words); got != test.list {
			t.Errorf("List(%q) = %q, want %q", test.words, got, test.list)
		}
		if got := Choice(test.words); got != test.choice {
			t.Errorf("Choice(%q) = %q, want %q", test.words, got, test.choice)
		}
		if got := MarkdownChoice(test.words); got != test.markdownChoice {
			t.Errorf("MarkdownChoice(%q) = %q, want %q", test.words, got, test.markdownChoice)
		}
	}
}

func TestListQuotesWhatAMessageCanNotShow(t *testing.T) {
	t.Parallel()
	if got, want := List([]string{"a\nb", `c"d`}), `"a\nb", "c\"d"`; got != want {
		t.Errorf("List = %s, want %s", got, want)
	}
}

func TestSynonymsAreAnsweredWithTheKnownWord(t *testing.T) {
	t.Parallel()
	known := []string{
		"fail", "warn", "pass", "connected", "connection-refused",
		"when", "message", "uri", "title", "true", "false", "skip",
	}
	for word, found := range map[string][]string{
		"fail":               {"error", "failure", "failed", "deny"},
		"warn":               {"warning"},
		"pass":               {"ok", "success", "allow"},
		"connected":          {"open"},
		"connection-refused": {"closed"},
		"when":               {"condition", "if", "status"},
		"message":            {"description", "text"},
		"uri":                {"link"},
		"title":              {"name"},
		"true":               {"yes", "on"},
		"false":              {"no", "off"},
		"skip":               {"ignore"},
	} {
		for _, synonym := range found {
			if got := Nearest(synonym, known); got != word {
				t.Errorf("Nearest(%q) = %q, want %q", synonym, got, word)
			}
		}
	}
	if got := Nearest("fail", []string{"error", "warn", "skip"}); got != "error" {
		t.Errorf("Nearest(%q) = %q", "fail", got)
	}
}

func TestErrorsNameLongTextsInShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		strings.Repeat("a", 80):       strings.Repeat("a", 80),
		strings.Repeat("a", 81):       strings.Repeat("a", 80) + "...",
		strings.Repeat("a", 79) + "ä": strings.Repeat("a", 79) + "...",
	} {
		if got := Abbreviate(text); got != want {
			t.Errorf("%q is abbreviated to %q", text, got)
		}
	}
}

func TestWordsAreChosenToTheLetter(t *testing.T) {
	t.Parallel()
	formats := []string{"status", "json"}
	for _, format := range formats {
		if got, err := Choose(format, "is not a bundle format", formats); err != nil || got != format {
			t.Errorf("%q is %q, %v", format, got, err)
		}
	}
	for text, want := range map[string]string{
		"JSON": `"JSON" is not a bundle format. Use "status" or "json". Did you mean "json"?`,
		"":     `"" is not a bundle format. Use "status" or "json".`,
		"yaml": `"yaml" is not a bundle format. Use "status" or "json".`,
	} {
		if got, err := Choose(text, "is not a bundle format", formats); err == nil || err.Error() != want || got != "" {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

func TestWordsAreStrings(t *testing.T) {
	t.Parallel()
	type word string
	if got := Words([]word{"a", "b"}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q", got)
	}
}
