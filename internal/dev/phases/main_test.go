// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const repository = "../../.."

func TestPictureIsThatOfThePage(t *testing.T) {
	t.Parallel()
	markdown, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := draw(strings.ReplaceAll(string(markdown), "\r\n", "\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(picture)))
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != string(want) {
		t.Errorf("%s is not drawn from %s: run `make generate`", picture, page)
	}
	if !strings.Contains(string(markdown), "/main/"+picture+")") {
		t.Errorf("%s does not show %s", page, picture)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(want)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTableThatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	for _, markdown := range []string{
		"no table",
		"\n| form | plan |\n| --- | --- |\n",
		"\n| form | plan |\n| --- | --- |\n| data source |\n",
		"\n| form | plan |\n| --- | --- |\n| data source | " + strings.Repeat("x", cellLetters+1) + " |\n",
	} {
		if svg, err := draw(markdown); err == nil {
			t.Errorf("%q is drawn as %s", markdown, svg)
		}
	}
}
