// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportReplacesNoFileOfOthers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ file, content string }{
		"a version of somebody's": {versionFile, "version: 1.2.3\n"},
		"an empty version":        {versionFile, ""},
		"a spec": {
			versionFile, "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  hostCollectors: []\n",
		},
		"a version and more": {
			versionFile,
			"apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v0.120.0\n  more: 1\n",
		},
		"a version after something": {
			versionFile,
			"# mine\napiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v0.120.0\n",
		},
		"an object":                   {analysisFile, `{"insight":{},"severity":"","analyzerSpec":""}`},
		"a list of others":            {analysisFile, `[{"name":"x","insight":{},"severity":"warn"}]`},
		"a list without a severity":   {analysisFile, `[{"insight":{},"analyzerSpec":""}]`},
		"a list without an insight":   {analysisFile, `[{"severity":"warn","analyzerSpec":""}]`},
		"a list of numbers":           {analysisFile, `[1]`},
		"a list that does not end":    {analysisFile, `[`},
		"a list that ends in a brace": {analysisFile, `[}`},
		"no JSON":                     {analysisFile, "see the wiki"},
		"an empty analysis":           {analysisFile, ""},
		"a huge version":              {versionFile, strings.Repeat(" ", maxResultSize+1)},
		"an element that is far too big": {
			analysisFile,
			`[{"insight":"` + strings.Repeat(" ", maxKept) + `","severity":"","analyzerSpec":""}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, test.file)
			if err := os.WriteFile(file, []byte(test.content), 0o644); err != nil {
				t.Fatal(err)
			}
			w := NewWriter(dir, FormatJSON)
			for _, err := range []error{
				w.RejectForeign(),
				w.WriteResults(report().Results),
				w.WriteAnalysis(report()),
			} {
				if foreign, ok := errors.AsType[*ForeignFileError](err); !ok || foreign.Path != file {
					t.Errorf("got %v", err)
				}
				expectError(t, err, file+" would be replaced")
			}
			expectContent(t, file, test.content)
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("something was written: %v, %v", entries, err)
			}
		})
	}
}

func TestReportReplacesWhatTheToolsWrote(t *testing.T) {
	t.Parallel()
	const version = "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v0.120.0\n"
	for _, files := range []map[string]string{
		{versionFile: version, analysisFile: "[]"},
		{versionFile: strings.ReplaceAll(version, "\n", "\r\n"), analysisFile: " [ ] \n"},
		{versionFile: strings.TrimSuffix(version, "\n")},
		{versionFile: "apiVersion: troubleshoot.sh/v1beta3\nkind: SupportBundle\nspec:\n    versionNumber: \"\"\n"},
		{analysisFile: `[{"name":"a","labels":{},"insight":null,"severity":"debug",` +
			`"analyzerSpec":"","involvedObject":{}}, 1]`},
		{"readme.md": "mine"},
	} {
		dir := plantTree(t, files)
		w := NewWriter(dir, FormatJSON)
		for range 2 {
			if err := errors.Join(w.RejectForeign(), writeReport(w, report())); err != nil {
				t.Error(err)
			}
		}
	}
	if err := NewWriter(filepath.Join(t.TempDir(), "new"), FormatJSON).RejectForeign(); err != nil {
		t.Error(err)
	}
}

func TestReportReplacesNoLinkAndNoDirectory(t *testing.T) {
	t.Parallel()
	elsewhere := plantFile(t, versionFile, []byte("mine"))
	dir := t.TempDir()
	symlink(t, elsewhere, filepath.Join(dir, versionFile))
	for _, err := range []error{
		NewWriter(dir, FormatJSON).WriteResults(report().Results),
		NewWriter(dir, FormatJSON).WriteAnalysis(report()),
	} {
		expectError(t, err, filepath.Join(dir, versionFile)+" would be replaced")
	}
	expectContent(t, elsewhere, "mine")

	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, analysisFile), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		NewWriter(dir, FormatJSON).WriteResults(report().Results),
		NewWriter(dir, FormatJSON).WriteAnalysis(report()),
	} {
		expectError(t, err, filepath.Join(dir, analysisFile)+" would be replaced")
	}
}

func TestWhetherAFileIsForeignMustBeKnown(t *testing.T) {
	t.Parallel()
	file := plantFile(t, "bundle", nil)
	w := NewWriter(file, FormatJSON)
	for _, err := range []error{w.RejectForeign(), w.WriteResults(report().Results), w.WriteAnalysis(report())} {
		expectError(t, err, file)
		if _, foreign := errors.AsType[*ForeignFileError](err); foreign {
			t.Errorf("got %v", err)
		}
	}
}

func TestStrayFilesOfAReportAreCleared(t *testing.T) {
	t.Parallel()
	strays := []string{"." + analysisFile + random + ".tmp", "." + versionFile + random + ".tmp"}
	others := []string{
		".analysis.json.backup.tmp", ".analysis.json.tmp", ".notes.txt" + random + ".tmp",
		"." + analysisFile + ".x" + random + ".tmp",
	}
	files := map[string]string{}
	for _, name := range append(strays, others...) {
		files[name] = "x"
	}
	dir := plantTree(t, files)
	if err := writeReport(NewWriter(dir, FormatJSON), report()); err != nil {
		t.Fatal(err)
	}
	for _, name := range strays {
		if _, err := os.Lstat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	for _, name := range others {
		expectContent(t, filepath.Join(dir, name), "x")
	}
}
