// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// reportingOf is reporting in a network that has these open hosts.
func reportingOf(dir string, open ...string) *Run {
	run := reporting(dir)
	run.Collector = &tcpconnect.Collector{Dialer: network(open)}
	return run
}

// rowsOf describes what the reports of a run are about: "group: title verdict", sorted.
func rowsOf(run *Run) (rows []string) {
	run.reports.mu.Lock()
	defer run.reports.mu.Unlock()
	for _, group := range run.reports.now() {
		for _, row := range group.Rows {
			verdict := string(row.Verdict)
			if row.Skipped != "" {
				verdict = "skipped"
			}
			rows = append(rows, strings.TrimSpace(fmt.Sprintf("%s: %s %s", group.Title, row.Title, verdict)))
		}
	}
	slices.Sort(rows)
	return rows
}

func expectRows(t *testing.T, run *Run, want ...string) {
	t.Helper()
	if rows := rowsOf(run); !slices.Equal(rows, want) {
		t.Errorf("the reports are about %q, want %q", rows, want)
	}
}

func analyzerThat(verdict tcpconnect.Verdict) tcpconnect.Analyzer {
	return tcpconnect.Analyzer{CheckName: "Gate", Outcomes: []tcpconnect.Outcome{{Verdict: verdict}}}
}

func TestCheckIsReplacedByTheSameCheckOnly(t *testing.T) {
	t.Parallel()
	run := reportingOf(t.TempDir(), "10.0.0.1")
	check := batchOf(t, "db", "10.0.0.1").Checks[0]
	upper := check
	upper.CollectorName = strings.ToUpper(check.CollectorName)
	for _, made := range []struct {
		check    Check
		analyzer tcpconnect.Analyzer
		isGate   bool
	}{
		{check, tcpconnect.Analyzer{CheckName: "Gate"}, false},
		{upper, tcpconnect.Analyzer{CheckName: "Gate"}, false}, // some file systems take no notice of case
		{check, tcpconnect.Analyzer{CheckName: "Gate"}, true},
		{check, analyzerThat(tcpconnect.Fail), false},
		{check, analyzerThat(tcpconnect.Fail), false},
		{check, analyzerThat(tcpconnect.Warn), false},
	} {
		if _, _, err := run.Check(t.Context(), made.check, made.analyzer, made.isGate, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		run.RecordExcludedCheck(check, "Gate"), run.RecordExcludedCheck(check, "Gate"),
	); err != nil {
		t.Fatal(err)
	}
	expectRows(t, run, "Checks: Gate", "Checks: Gate fail", "Checks: Gate pass", "Checks: Gate skipped",
		"Checks: Gate warn")
}

func TestAnalysesThatLookTheSameAreAllReported(t *testing.T) {
	t.Parallel()
	run := reportingOf(t.TempDir())
	for _, verdict := range []tcpconnect.Verdict{tcpconnect.Fail, tcpconnect.Pass, tcpconnect.Pass} {
		err := run.RecordAnalysis(Analysis{Of: "db", Title: "Gate", Findings: []NodeFinding{{
			bundle.NodeResult{Result: bundle.Result{Status: "connected"}},
			tcpconnect.Finding{Verdict: verdict, Title: "Gate", Message: "Gate: connected"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := run.RecordAnalysis(Analysis{Of: "db", Title: "Gate"}); err != nil {
			t.Fatal(err)
		}
	}
	expectRows(t, run, "Analyses: Gate fail", "Analyses: Gate pass", "Analyses: Gate pass", "Analyses: Gate skipped",
		"Analyses: Gate skipped")
}

func TestEachBatchIsAGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run := reportingOf(t.TempDir(), "10.0.0.1")
		first, second := batchOf(t, "a", "10.0.0.1"), batchOf(t, "b", "10.0.0.2")
		first.Title, second.Title = checksGroup.title, checksGroup.title // as a configuration may call it
		for _, batch := range []Batch{first, second, first} {
			if _, err := run.Batch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		single := batchOf(t, "single", "10.0.0.1").Checks[0]
		if _, _, err := run.Check(t.Context(), single, analyzerThat(tcpconnect.Warn), false, nil); err != nil {
			t.Fatal(err)
		}
		expectRows(t, run, "Checks (2): b-0 fail", "Checks (3): Gate warn", "Checks: a-0 pass")
	})
}

func TestSpecsThatJudgeOneBundleAreAllReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	older := bundle.NewWriter(dir, bundle.FormatStatus)
	if _, err := older.Write("db", bundle.Result{Status: "connected"}); err != nil {
		t.Fatal(err)
	}
	run := reportingOf(t.TempDir())
	for _, analyzers := range [][]string{
		{"{checkName: first, collectorName: db, outcomes: [{fail: {when: connected}}]}"}, {analyzerOf("db", "fail")},
	} {
		decoded := decodeSpec(t, []string{"{collectorName: db, address: 10.0.0.1:80}"}, analyzers)
		if _, err := run.JudgeBundle(t.Context(), decoded, SpecOptions{Bundle: dir}); err != nil {
			t.Fatal(err)
		}
	}
	expectRows(t, run, "Spec in "+dir+" (2): db pass", "Spec in "+dir+": first fail")
}

func TestEverythingOfASpecIsReported(t *testing.T) {
	t.Parallel()
	const text = `{"apiVersion":"troubleshoot.sh/v1beta2","kind":"HostPreflight","spec":{
  "collectors":[{"cpu":{}},
    {"tcpConnect":{"collectorName":"db","address":"10.0.0.1:80"}},
    {"tcpConnect":{"collectorName":"unjudged","address":"10.0.0.1:81"}}],
  "analyzers":[
    {"tcpConnect":{"checkName":"Database","collectorName":"db","outcomes":[{"pass":{"when":"connected"}}]}},
    {"tcpConnect":{"checkName":"Off","collectorName":"db","exclude":true,"outcomes":[{"fail":{}}]}}]}}`
	for unsupported, left := range map[Unsupported]string{
		UnsupportedSkip: "Spec: collectors[0].cpu skipped",
		UnsupportedWarn: "Spec: collectors[0].cpu warn",
	} {
		decoded, err := DecodeSpec(text)
		if err != nil {
			t.Fatal(err)
		}
		run := reportingOf(t.TempDir(), "10.0.0.1")
		batch := run.SpecBatch(text, decoded, SpecOptions{Unsupported: unsupported})
		if _, err := run.Batch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		expectRows(t, run, "Spec: Database pass", "Spec: Off skipped", left, "Spec: unjudged")
	}
}

func TestClosedGateIsReportedAlthoughTheTimerFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		var fails atomic.Bool
		var written atomic.Int64
		r := newReports(func(groups []report.Group) error {
			time.Sleep(time.Second)
			if fails.Load() {
				return full
			}
			written.Store(int64(len(groups[0].Rows)))
			return nil
		})
		record := func(key string, closesGate bool) error {
			return r.record(checksGroup, key, []report.Row{{}}, closesGate)
		}
		if err := record("a", false); err != nil {
			t.Fatal(err)
		}
		fails.Store(true)
		if err := record("b", false); err != nil {
			t.Errorf("it was not written yet: %v", err)
		}
		time.Sleep(time.Minute)
		fails.Store(false)
		if err := record("c", true); err != nil || written.Load() != 3 {
			t.Errorf("a gate has closed, and %d rows are written, %v", written.Load(), err)
		}
		// The check that is told of a failure does not stop the timer.
		fails.Store(true)
		if err := record("d", false); err != nil {
			t.Error(err)
		}
		time.Sleep(15 * time.Second) // the timer has written from 10 s to 11 s
		fails.Store(false)
		if err := record("e", false); !errors.Is(err, full) {
			t.Errorf("the next check is told %v", err)
		}
		time.Sleep(time.Minute)
		if written.Load() != 5 {
			t.Errorf("the timer has written %d rows", written.Load())
		}
		if err := r.close(); err != nil {
			t.Errorf("everything is written, but the end is told %v", err)
		}
	})
}

func TestChecksDoNotWaitForAWritingOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var atOnce, writings, rows atomic.Int64
		r := newReports(func(groups []report.Group) error {
			if atOnce.Add(1) > 1 {
				t.Error("two writings at once")
			}
			time.Sleep(time.Second)
			atOnce.Add(-1)
			writings.Add(1)
			rows.Store(int64(len(groups[0].Rows)))
			return nil
		})
		began := time.Now()
		var checks sync.WaitGroup
		record := func(i int, closesGate bool) {
			if err := r.record(checksGroup, fmt.Sprint(i), []report.Row{{}}, closesGate); err != nil {
				t.Error(err)
			}
		}
		checks.Go(func() { record(0, false) })
		synctest.Wait()
		for i := range 1000 {
			checks.Go(func() { record(1+i, false) })
		}
		synctest.Wait()
		if took := time.Since(began); took > 0 || writings.Load() > 0 {
			t.Errorf("1000 checks have taken %s, during %d writings", took, 1+writings.Load())
		}
		for i := range 100 {
			checks.Go(func() { record(1001+i, true) })
		}
		checks.Wait()
		if writings.Load() != 2 || rows.Load() != 1101 {
			t.Errorf("100 gates that close together have caused %d writings, the last of %d rows",
				writings.Load(), rows.Load())
		}
	})
}

func TestBatchIsReportedWithoutItsArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := reportingOf(dir, "10.0.0.1", "10.0.0.2")
	if _, err := run.Batch(t.Context(), batchOf(t, "a", "10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(t, "b", "10.0.0.2")
	batch.Archive = filepath.Join(file, "acme.tar.gz")
	done, err := run.Batch(t.Context(), batch)
	if _, ok := errors.AsType[*ArchiveError](err); !ok || done.Verdict != tcpconnect.Pass || done.BundleDir != dir {
		t.Errorf("%+v, %v", done, err)
	}
	// At once: the error closes the gate.
	if text := readReport(t, dir, bundle.ReportMarkdown); !strings.Contains(text, "b-0") {
		t.Errorf("the batch is not in\n%s", text)
	}

	batch.Key = "again"
	inTheWay := filepath.Join(dir, bundle.ReportMarkdown)
	if err := errors.Join(os.Remove(inTheWay), os.Mkdir(inTheWay, 0o755)); err != nil {
		t.Fatal(err)
	}
	unwarned := New(Config{
		Collector: run.Collector, BundleDir: dir, Reports: report.Kinds(),
		Writer: bundle.NewWriter(dir, bundle.FormatStatus), // does not look at the names before
	})
	_, err = unwarned.Batch(t.Context(), batch)
	said := Explain(err, "the spec", "spec")
	for _, want := range []string{batch.Archive, inTheWay + " would be replaced"} {
		if said.Summary != "Archive Not Written" || !strings.Contains(said.Detail, want) {
			t.Errorf("%q is not in %+v", want, said)
		}
	}
}

func TestBatchNamesNoReportThatWasNotWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, bundle.ReportHTML)
	if err := os.Mkdir(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []report.Kind{report.HTML, report.JUnit} {
		run := New(Config{
			Collector: &tcpconnect.Collector{Dialer: network{"10.0.0.1"}}, BundleDir: dir, Reports: []report.Kind{kind},
			Writer: bundle.NewWriter(dir, bundle.FormatStatus), // does not look at the names before
		})
		done, err := run.Batch(t.Context(), batchOf(t, "a", "10.0.0.1"))
		unreported, ok := errors.AsType[*ReportError](err)
		switch {
		case kind == report.JUnit && (err != nil || done.Report != filepath.Join(dir, bundle.ReportJUnit)):
			t.Errorf("%q, %v", done.Report, err)
		case kind == report.HTML && (!ok || done.Report != "" || unreported.Verdict != done.Message):
			t.Errorf("%q, %q, %v", done.Report, done.Message, err)
		}
	}
}

func TestArchiveHoldsItsOwnReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := reportingOf(dir, "10.0.0.1", "10.0.0.2")
	other, own := batchOf(t, "other", "10.0.0.1"), batchOf(t, "own", "10.0.0.2")
	other.Title, own.Title = "Other", "Own"
	own.Archive = filepath.Join(t.TempDir(), "acme.tar.gz")
	for _, batch := range []Batch{other, own} {
		if _, err := run.Batch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	contents := archived(t, own.Archive)
	for _, name := range ReportNames(report.Kinds()) {
		inBundle, inArchive := readReport(t, dir, name), contents[name]
		if !strings.Contains(inBundle, "other-0") || !strings.Contains(inBundle, "own-0") {
			t.Errorf("%s of the bundle is about\n%s", name, inBundle)
		}
		if strings.Contains(inArchive, "other-0") || !strings.Contains(inArchive, "own-0") ||
			!strings.Contains(inArchive, bundle.ReportMark) {
			t.Errorf("%s of the archive is about\n%s", name, inArchive)
		}
	}
}

// archived returns the contents of the files at the top of an archive.
func archived(t *testing.T, archive string) map[string]string {
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
		contents[path.Base(header.Name)] = string(content)
	}
}

func TestThousandChecksOnADiskWriteSeldom(t *testing.T) {
	t.Parallel()
	run := reportingOf(t.TempDir(), "10.0.0.1")
	inner, writings := run.reports.write, 0
	run.reports.write = func(groups []report.Group) error {
		writings++ // one at a time
		return inner(groups)
	}
	for i := range 1000 {
		check := batchOf(t, fmt.Sprint("check-", i), "10.0.0.1").Checks[0]
		if _, _, err := run.Check(t.Context(), check, tcpconnect.Analyzer{CheckName: "x"}, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	if writings > 250 {
		t.Errorf("1000 checks have written the reports %d times", writings)
	}
	if rows := rowsOf(run); len(rows) != 1000 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTwoRunsInOneDirectoryWriteWholeReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var runs sync.WaitGroup
	for i := range 2 {
		runs.Go(func() {
			run := reportingOf(dir, "10.0.0.1")
			for j := range 50 {
				check := batchOf(t, fmt.Sprintf("run-%d-%d", i, j), "10.0.0.1").Checks[0]
				analyzer := tcpconnect.Analyzer{CheckName: check.CollectorName}
				if _, _, err := run.Check(t.Context(), check, analyzer, true, nil); err != nil {
					t.Error(err)
				}
			}
			if err := run.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	text := readReport(t, dir, bundle.ReportMarkdown)
	if strings.Contains(text, "run-0-49") == strings.Contains(text, "run-1-49") ||
		!strings.Contains(text, "covers 50 checks") {
		t.Errorf("the report is of neither run, or of both:\n%s", text)
	}
}

func TestNodeThatPassesGetsNoAdvice(t *testing.T) {
	t.Parallel()
	read := bundle.NodeResult{
		Node: "a", Result: bundle.Result{Status: "connection-refused", Reason: "refused", Message: "said"},
	}
	for _, verdict := range tcpconnect.Verdicts() {
		analyzer := tcpconnect.Analyzer{CheckName: "Port", Outcomes: []tcpconnect.Outcome{{
			Verdict: verdict, When: tcpconnect.ConnectionRefused,
		}}}
		text := JudgeNodes(analyzer, []bundle.NodeResult{read}, Terms{})[0].Explanation()
		hasAdvice := strings.Contains(text, tcpconnect.ReasonRefused.Advice())
		if hasAdvice != (verdict != tcpconnect.Pass) || !strings.Contains(text, "Message: said") {
			t.Errorf("%s: %s", verdict, text)
		}
	}
}
