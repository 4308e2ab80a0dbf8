// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// writeReport writes the results of a report and then its analysis.
func writeReport(w *Writer, report Report) error {
	if err := w.WriteResults(report.Results); err != nil {
		return err
	}
	return w.WriteAnalysis(report)
}

// analysisOf returns an analysis.json with the findings of these titles.
func analysisOf(t *testing.T, titles ...string) string {
	t.Helper()
	content, err := reportOf(titles...).analysis()
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func reportOf(titles ...string) Report {
	report := Report{Version: "1.2.3", MadeAt: collectedAt}
	for _, title := range titles {
		report.Findings = append(report.Findings, Finding{title, "yes", SeverityDebug})
	}
	return report
}

func resultOf(collector string) CollectorResult {
	return CollectorResult{collector, Result{Status: "connected"}, collectedAt}
}

// firstWrites are the ways to write the first result of a run.
var firstWrites = map[string]func(w *Writer) error{
	"Write":        func(w *Writer) error { _, err := w.Write("db", Result{Status: "connected"}); return err },
	"WriteResults": func(w *Writer) error { return w.WriteResults([]CollectorResult{resultOf("db")}) },
}

func expectNoFile(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("%s is there: %v", file, err)
	}
}

func TestFirstWriteRemovesTheAnalysisOfAnEarlierRun(t *testing.T) {
	t.Parallel()
	const version = "apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: v0.120.0\n"
	for name, write := range firstWrites {
		for _, older := range []string{analysisOf(t, "older"), "[]"} {
			dir := plantTree(t, map[string]string{
				versionFile: version, analysisFile: older, connect + "api.json": "error", "readme.md": "mine",
				"." + analysisFile + random + ".tmp": "[",
			})
			if err := write(NewWriter(dir, FormatStatus)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			expectNoFile(t, filepath.Join(dir, analysisFile))
			expectNoFile(t, filepath.Join(dir, "."+analysisFile+random+".tmp"))
			expectContent(t, filepath.Join(dir, versionFile), version)
			expectContent(t, filepath.Join(dir, "readme.md"), "mine")
			expectFiles(t, dir, "api.json", "db.json")
		}
	}
}

func TestResultsRemoveNoAnalysisOfOthers(t *testing.T) {
	t.Parallel()
	const foreign = `{"coverage": 80}`
	write := func(dir string) {
		t.Helper()
		for range 2 {
			if _, err := NewWriter(dir, FormatStatus).Write("db", Result{Status: "connected"}); err != nil {
				t.Error(err)
			}
		}
		expectContent(t, ResultFile(dir, "db"), "connected")
	}
	dir := plantTree(t, map[string]string{analysisFile: foreign})
	write(dir)
	expectContent(t, filepath.Join(dir, analysisFile), foreign)

	dir = plantTree(t, map[string]string{analysisFile + "/readme.md": "mine"})
	write(dir)
	expectContent(t, filepath.Join(dir, analysisFile, "readme.md"), "mine")

	elsewhere := plantFile(t, analysisFile, []byte(analysisOf(t, "older")))
	dir = t.TempDir()
	link := filepath.Join(dir, analysisFile)
	symlink(t, elsewhere, link)
	write(dir)
	expectContent(t, elsewhere, analysisOf(t, "older"))
	if target, err := os.Readlink(link); err != nil || target != elsewhere {
		t.Errorf("the link leads to %q, %v", target, err)
	}
}

func TestBatchesOfOneRunShareTheBundle(t *testing.T) {
	t.Parallel()
	for name, write := range firstWrites {
		dir := t.TempDir()
		analysis := filepath.Join(dir, analysisFile)
		w := NewWriter(dir, FormatStatus)
		first := reportOf("api")
		first.Results = []CollectorResult{resultOf("api")}
		if err := writeReport(w, first); err != nil {
			t.Fatal(err)
		}
		expectContent(t, analysis, analysisOf(t, "api"))
		if err := write(w); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expectContent(t, analysis, analysisOf(t, "api"))
		expectFiles(t, dir, "api.json", "db.json")

		later := reportOf("api", "db")
		later.Version = "1.2.4"
		later.Results = []CollectorResult{resultOf("ignored")}
		if err := w.WriteAnalysis(later); err != nil {
			t.Fatal(err)
		}
		expectContent(t, analysis, analysisOf(t, "api", "db"))
		version, err := os.ReadFile(filepath.Join(dir, versionFile))
		if err != nil || !strings.Contains(string(version), `"1.2.4"`) {
			t.Errorf("version.yaml holds %q, %v", version, err)
		}
		expectFiles(t, dir, "api.json", "db.json")
	}
}

func TestConcurrentBatchesBeginOnce(t *testing.T) {
	t.Parallel()
	const batches = 50
	dir := plantTree(t, map[string]string{analysisFile: analysisOf(t, "older")})
	analysis := filepath.Join(dir, analysisFile)
	w := NewWriter(dir, FormatStatus)
	var analysing sync.Mutex
	var titles []string
	var writers sync.WaitGroup
	for i := range batches {
		writers.Go(func() {
			name := fmt.Sprintf("batch-%d", i)
			if err := w.WriteResults([]CollectorResult{resultOf(name + "-a"), resultOf(name + "-b")}); err != nil {
				t.Error(err)
			}
			analysing.Lock()
			defer analysing.Unlock()
			titles = append(titles, name)
			if err := w.WriteAnalysis(reportOf(titles...)); err != nil {
				t.Error(err)
			}
			expectContent(t, analysis, analysisOf(t, titles...))
		})
	}
	writers.Wait()
	expectContent(t, analysis, analysisOf(t, titles...))
	entries, err := os.ReadDir(filepath.Join(dir, connectPath))
	if err != nil || len(entries) != 2*batches {
		t.Errorf("%d files, %v", len(entries), err)
	}
}
