// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestNameOfAVantagePoint(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"bastion": "", "b": "", "A b_c-d.9": "", "hereabouts": "", strings.Repeat("n", 128): "",
		"here":                   `"here" is the reserved name of this machine. ` + NameRule,
		"HERE":                   `"HERE" is the reserved name`,
		"":                       `"" can't name a vantage point. ` + NameRule,
		" ":                      `" " can't name`,
		"-a":                     `"-a" can't name`,
		"a\n":                    `"a\n" can't name`,
		"bästion":                `"bästion" can't name`,
		strings.Repeat("n", 129): `nnn..." can't name`,
	} {
		name, err := ParseName(text)
		isRight := err == nil && name == text
		if want != "" {
			isRight = err != nil && strings.Contains(err.Error(), want)
		}
		if !isRight {
			t.Errorf("%q: %q, %v, want %q", text, name, err, want)
		}
	}
}

func TestVia(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"bastion": "bastion", "here": "", "Here": "", "HERE": ""} {
		if via, err := ParseVia(text); via != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", text, via, err, want)
		}
	}
	for _, text := range []string{"", " ", "a/b"} {
		if via, err := ParseVia(text); via != "" || err == nil {
			t.Errorf("%q is %q", text, via)
		}
	}
}

func TestWhoLooksNamesUp(t *testing.T) {
	t.Parallel()
	server := func(text string) Resolve { return Resolve{Server: netip.MustParseAddrPort(text)} }
	for text, want := range map[string]Resolve{
		"there": {}, "here": {Here: true}, "10.0.0.2:53": server("10.0.0.2:53"),
		"[fd00::2]:5353":       server("[fd00::2]:5353"),
		"[::ffff:10.0.0.2]:53": server("10.0.0.2:53"),
	} {
		got, err := ParseResolve(text)
		if got != want || err != nil {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, hint := range map[string]string{
		"": "", "thare": "there", "HERE": "here", "10.0.0.2": "10.0.0.2:53", "fd00::2": "[fd00::2]:53",
		"dns.test:53": "", "0.0.0.0:53": "", "[::]:53": "", "10.0.0.2:0": "", "10.0.0.2:65536": "",
	} {
		want := ""
		if hint != "" {
			want = fmt.Sprintf(" Did you mean %q?", hint)
		}
		isNot := fmt.Sprintf("%q does not say who looks names up. Use", text)
		_, err := ParseResolve(text)
		if err == nil || !strings.HasPrefix(err.Error(), isNot) ||
			!strings.HasSuffix(err.Error(), `"10.0.0.2:53".`+want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// chain makes vantage points of "name" and "name<via".
func chain(texts ...string) (configs []Config) {
	for _, text := range texts {
		name, via, _ := strings.Cut(text, "<")
		configs = append(configs, Config{Name: name, Via: via})
	}
	return configs
}

func TestVantagePointsThatCannotStandBesideEachOther(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		configs []Config
		want    []string // index, argument and a part of the text
	}{
		"none":                 {nil, nil},
		"a chain in any order": {chain("c<b", "a", "b<a", "d<a"), nil},
		"one name twice": {chain("a", "b", "a"), []string{
			`2 name There are two vantage points with the name "a"`}},
		"names in another case": {chain("a", "A"), []string{
			`1 name The names of the vantage points "a" and "A" differ only in case`}},
		"an unknown way": {chain("a", "bastion", "c<bastoin"), []string{
			`2 via "bastoin" is not the name of a vantage point of the provider's configuration. Use "a", "bastion" ` +
				`or "here". Did you mean "bastion"?`}},
		"a way in another case": {chain("Bastion", "b<bastion"), []string{`Did you mean "Bastion"?`}},
		"no other":              {chain("a<b"), []string{`0 via There is no vantage point "b"`}},
		"itself": {chain("b", "a<a"), []string{
			`1 via The vantage point "a" can't be reached via itself`}},
		"a cycle of two": {chain("a<b", "b<a"), []string{`0 via None of these`}},
		"a cycle of three with others on the way": {chain("z<a", "a<b", "b<c", "c<a", "free"), []string{
			`1 via None of these vantage points can be reached, since each needs another one: ` +
				`"a" via "b" via "c" via "a".`}},
		"two cycles": {chain("a<b", "b<a", "c<d", "d<c"), []string{
			`0 via None of these vantage points can be reached, since each needs another one: "a" via "b" via "a".`,
			`2 via`}},
		"a name that is not known":                 {chain("", "a<b", "c<b"), nil},
		"two names that are not known":             {chain("", ""), nil},
		"a cycle beside a name that is not known":  {chain("", "a<b", "b<a"), []string{"1 via"}},
		"itself, beside a name that is not known":  {chain("", "a<a"), []string{"1 via"}},
		"a name twice, and one that is not known":  {chain("", "a", "a"), []string{"2 name"}},
		"a way of one whose name is not known yet": {chain("<a", "a"), nil},
	} {
		var got []string
		for _, problem := range Validate(test.configs) {
			got = append(got, fmt.Sprintf("%d %s %s", problem.Index, problem.Argument, problem.Text))
		}
		if !slices.EqualFunc(got, test.want, strings.Contains) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
