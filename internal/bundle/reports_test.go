// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// allReports are the names of all reports.
var allReports = []string{ReportHTML, ReportJUnit, ReportMarkdown}

// marked returns the content of a report.
func marked(text string) string { return "<!-- " + ReportMark + " -->" + text }

// reportsOf returns a report that has reports of these names only.
func reportsOf(text string, names ...string) Report {
	report := Report{Version: "1.2.3", MadeAt: collectedAt}
	for _, name := range names {
		report.Reports = append(report.Reports, ReportFile{name, []byte(marked(text))})
	}
	return report
}

func TestReportsAloneMakeABundle(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	w := NewWriter(dir, FormatStatus, allReports...)
	version := filepath.Join(dir, versionFile)
	for _, text := range []string{"first", "second"} {
		if err := w.WriteReports(reportsOf(text, allReports...)); err != nil {
			t.Fatal(err)
		}
		for _, name := range allReports {
			expectContent(t, filepath.Join(dir, name), marked(text))
		}
		expectContent(t, version, string(reportsOf("").version().content))
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1+len(allReports) {
		t.Errorf("%v, %v", entries, err)
	}
	// The version of an older run is replaced by this run's.
	older := reportOf("db")
	older.Version = "0.1.0"
	if err := errors.Join(
		NewWriter(dir, FormatStatus).WriteAnalysis(older),
		NewWriter(dir, FormatStatus, ReportHTML).WriteReports(reportsOf("third", ReportHTML)),
	); err != nil {
		t.Fatal(err)
	}
	expectContent(t, version, string(reportsOf("").version().content))
}

func TestFirstWriteRemovesTheReportsOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	for name, write := range firstWrites {
		for _, reports := range [][]string{nil, {ReportHTML}, allReports} {
			dir := plantTree(t, map[string]string{
				ReportHTML: marked("older"), ReportJUnit: strings.Repeat(" ", 512-len(ReportMark)) + ReportMark,
				ReportMarkdown: "# of somebody else", "." + ReportHTML + random + ".tmp": marked("killed"),
				"." + "notes.md" + random + ".tmp": "mine",
			})
			if len(reports) > 1 {
				if err := os.Remove(filepath.Join(dir, ReportMarkdown)); err != nil {
					t.Fatal(err)
				}
			}
			w := NewWriter(dir, FormatStatus, reports...)
			if err := write(w); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			expectNoFile(t, filepath.Join(dir, ReportHTML))
			expectNoFile(t, filepath.Join(dir, ReportJUnit))
			expectNoFile(t, filepath.Join(dir, "."+ReportHTML+random+".tmp"))
			expectContent(t, filepath.Join(dir, "."+"notes.md"+random+".tmp"), "mine")
			if len(reports) < 2 {
				expectContent(t, filepath.Join(dir, ReportMarkdown), "# of somebody else")
			}
			if err := w.WriteReports(reportsOf("own", ReportHTML)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := write(w); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			expectContent(t, filepath.Join(dir, ReportHTML), marked("own"))
		}
	}
}

func TestReportsReplaceNoFileOfOthers(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"a page":         "<!DOCTYPE html>",
		"an empty file":  "",
		"a mark too far": strings.Repeat(" ", 512) + ReportMark,
		"a mark cut off": strings.Repeat(" ", 513-len(ReportMark)) + ReportMark,
	} {
		for _, foreign := range allReports {
			dir := plantTree(t, map[string]string{foreign: content})
			file := filepath.Join(dir, foreign)
			w := NewWriter(dir, FormatStatus, allReports...)
			for _, err := range []error{
				w.RejectForeign(), w.WriteResults(report().Results), w.WriteAnalysis(report()),
			} {
				if found, ok := errors.AsType[*ForeignFileError](err); !ok || found.Path != file {
					t.Errorf("%s as %s: %v", name, foreign, err)
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("something was written: %v, %v", entries, err)
			}
			err := w.WriteReports(reportsOf("own", allReports...))
			if found, ok := errors.AsType[*ForeignFileError](err); !ok || found.Path != file {
				t.Errorf("%s as %s: %v", name, foreign, err)
			}
			expectContent(t, file, content)
			for _, other := range allReports { // are written all the same
				if other != foreign {
					expectContent(t, filepath.Join(dir, other), marked("own"))
				}
			}
		}
	}
}

func TestReportThatIsNotWrittenMayBelongToOthers(t *testing.T) {
	t.Parallel()
	dir := plantTree(t, map[string]string{ReportJUnit: "<testsuites/>"})
	w := NewWriter(dir, FormatStatus, ReportHTML)
	if err := errors.Join(
		w.RejectForeign(), writeReport(w, report()), w.WriteReports(reportsOf("own", ReportHTML)),
	); err != nil {
		t.Error(err)
	}
	expectContent(t, filepath.Join(dir, ReportJUnit), "<testsuites/>")
	expectContent(t, filepath.Join(dir, ReportHTML), marked("own"))
}

func TestReportsReplaceNoVersionOfOthersAndNoDirectory(t *testing.T) {
	t.Parallel()
	dir := plantTree(t, map[string]string{versionFile: "version: 1.2.3\n"})
	err := NewWriter(dir, FormatStatus, ReportHTML).WriteReports(reportsOf("own", ReportHTML))
	if found, ok := errors.AsType[*ForeignFileError](err); !ok || found.Path != filepath.Join(dir, versionFile) {
		t.Error(err)
	}
	expectNoFile(t, filepath.Join(dir, ReportHTML))
	expectContent(t, filepath.Join(dir, versionFile), "version: 1.2.3\n")

	dir = plantTree(t, map[string]string{ReportHTML + "/readme.md": "mine"})
	err = NewWriter(dir, FormatStatus, ReportHTML).WriteReports(reportsOf("own", ReportHTML))
	expectError(t, err, filepath.Join(dir, ReportHTML)+" would be replaced")
	expectContent(t, filepath.Join(dir, ReportHTML, "readme.md"), "mine")

	file := plantFile(t, "bundle", nil)
	expectError(t, NewWriter(file, FormatStatus, ReportHTML).WriteReports(reportsOf("own", ReportHTML)), file)
}

func TestArchiveHoldsTheReportsOfItsOwnBatch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := NewWriter(dir, FormatStatus, allReports...)
	if err := w.WriteReports(reportsOf("of the run", allReports...)); err != nil {
		t.Fatal(err)
	}
	own := report()
	own.Reports = reportsOf("of the batch", ReportHTML, ReportMarkdown).Reports
	archive := filepath.Join(dir, "acme.tar.gz")
	if err := w.WriteArchive(archive, own); err != nil {
		t.Fatal(err)
	}
	contents := unpacked(t, archive)
	for _, name := range allReports {
		want := marked("of the batch")
		if name == ReportJUnit {
			want = ""
		}
		if contents["acme/"+name] != want {
			t.Errorf("%s holds %q", name, contents["acme/"+name])
		}
		expectContent(t, filepath.Join(dir, name), marked("of the run"))
	}
	if found, err := Read(t.Context(), archive, "db", isStatus); err != nil || len(found.Results) != 1 {
		t.Errorf("the archive is read as %+v, %v", found, err)
	}
}

// unpacked returns the contents of an archive by name.
func unpacked(t *testing.T, archive string) map[string]string {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // Only read.
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	contents := make(map[string]string)
	for reader := tar.NewReader(zip); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return contents
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		contents[header.Name] = string(content)
	}
}
