// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/report"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// reporting begins a run that writes all reports into a directory.
func reporting(dir string) *Run {
	return New(Config{
		Collector: new(tcpconnect.Collector), Timeout: time.Second, BundleDir: dir, Reports: report.Kinds(),
		Writer: bundle.NewWriter(dir, bundle.FormatStatus, ReportNames(report.Kinds())...),
	})
}

func readReport(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(content)
}

func TestReportsAreWrittenSeldomAndInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 50 * time.Millisecond
		var writings, rows atomic.Int64
		r := newReports(func(groups []report.Group) error {
			time.Sleep(takes) // of the virtual clock
			writings.Add(1)
			rows.Store(int64(len(groups[0].Rows)))
			return nil
		})
		record := func(i int, closesGate bool) {
			if err := r.record(checksGroup, fmt.Sprint(i), []report.Row{{}}, closesGate); err != nil {
				t.Fatal(err)
			}
		}
		record(0, false)
		if writings.Load() != 1 {
			t.Errorf("the first check has caused %d writings", writings.Load())
		}
		for i := range 1000 {
			record(i, false)
			time.Sleep(time.Millisecond)
		}
		if writings.Load() > 3 {
			t.Errorf("1000 checks of 1 ms have caused %d writings of %s", writings.Load(), takes)
		}
		record(1000, true)
		if rows.Load() != 1001 {
			t.Errorf("a gate has closed, and %d rows are written", rows.Load())
		}
		record(1001, false)
		time.Sleep(20 * takes)
		if rows.Load() != 1002 {
			t.Errorf("the timer has written %d rows", rows.Load())
		}
		record(1002, false) // at once: the last writing is long ago
		record(1003, false)
		if err := r.close(); err != nil || rows.Load() != 1004 {
			t.Errorf("in the end there are %d rows, %v", rows.Load(), err)
		}
		before := writings.Load()
		if err := r.close(); err != nil || writings.Load() != before {
			t.Errorf("nothing was new, and %d writings were made, %v", writings.Load()-before, err)
		}
	})
}

func TestFailureOfTheTimerIsToldToTheNextCheckOrInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var fails atomic.Bool
		full := errors.New("no space left")
		r := newReports(func([]report.Group) error {
			time.Sleep(time.Millisecond)
			if fails.Load() {
				return full
			}
			return nil
		})
		record := func(key string) error { return r.record(checksGroup, key, []report.Row{{}}, false) }
		if err := record("a"); err != nil {
			t.Fatal(err)
		}
		fails.Store(true)
		if err := record("b"); err != nil {
			t.Errorf("it was not written yet: %v", err)
		}
		time.Sleep(time.Second)
		if err := record("c"); !errors.Is(err, full) {
			t.Errorf("the next check is told %v", err)
		}
		if err := r.close(); !errors.Is(err, full) {
			t.Errorf("in the end it is %v", err)
		}
		fails.Store(false)
		if err := r.close(); err != nil {
			t.Errorf("after the disk has space again: %v", err)
		}
	})
}

func TestReportsCoverEverythingOfARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := reporting(dir)
	open, refused := loopback.Open(t).String(), loopback.Refused(t).String()
	fails := tcpconnect.Analyzer{CheckName: "Judged", Outcomes: []tcpconnect.Outcome{{Verdict: tcpconnect.Fail}}}
	for name, analyzer := range map[string]tcpconnect.Analyzer{"unjudged": {CheckName: "Unjudged"}, "judged": fails} {
		check := addressed(t, open)
		check.CollectorName = name
		if _, _, err := run.Check(t.Context(), check, analyzer, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	excluded := addressed(t, open)
	excluded.CollectorName = "left"
	gate := Endpoints{Title: "rollout", Endpoints: decodedEndpoints(t, map[string]any{
		"db": refused, "cache": map[string]any{"address": refused, "severity": "warn"},
	})}
	_, err := run.Batch(t.Context(), gate.Batch(time.Second))
	err = errors.Join(err, run.RecordExcludedCheck(excluded, "Left Out"), run.RecordExcludedBatch("Spec", "text"),
		run.RecordAnalysis(Analysis{Of: "db in old-bundle", Title: "Old", Findings: []NodeFinding{{
			bundle.NodeResult{Result: bundle.Result{Status: "connected"}},
			tcpconnect.Finding{Verdict: tcpconnect.Pass, Title: "Old", Message: "Old: connected"},
		}}}), run.Close())
	if err != nil {
		t.Fatal(err)
	}
	text := readReport(t, dir, bundle.ReportMarkdown)
	for _, want := range []string{
		"2 of 4 judged checks failed", "covers 7 checks", "| ? Not judged | Unjudged", "| × Fail | Judged",
		"| – Skipped | Left Out", "| × Fail | db<br>collector `rollout.db` | rollout |", "| ! Warn | cache",
		"| ✓ Pass | Old<br>collector `db in old-bundle`", "| – Skipped | Spec",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	for _, name := range ReportNames(report.Kinds()) {
		if content := readReport(t, dir, name); !strings.Contains(content[:512], bundle.ReportMark) {
			t.Errorf("%s begins with %s", name, content[:512])
		}
	}
	// The next run has no reports, and removes these.
	next := New(Config{
		Collector: new(tcpconnect.Collector), BundleDir: dir, Writer: bundle.NewWriter(dir, bundle.FormatStatus),
	})
	if _, _, err := next.Check(t.Context(), excluded, fails, false, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range ReportNames(report.Kinds()) {
		if content := readReport(t, dir, name); content != "" {
			t.Errorf("%s of the earlier run is still there", name)
		}
	}
}

func TestReportThatCannotBeWrittenLosesNoVerdict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, bundle.ReportHTML), 0o755); err != nil {
		t.Fatal(err)
	}
	fails := tcpconnect.Analyzer{CheckName: "Judged", Outcomes: []tcpconnect.Outcome{{Verdict: tcpconnect.Fail}}}
	run := reporting(dir)
	finding, _, err := run.Check(t.Context(), addressed(t, loopback.Open(t).String()), fails, true, nil)
	if foreign, ok := errors.AsType[*bundle.ForeignFileError](err); !ok || finding.Verdict != "" {
		t.Errorf("a directory in the way is %v, %v, before anything is dialled", err, foreign)
	}
	blocked := New(Config{
		Collector: new(tcpconnect.Collector), BundleDir: dir, Reports: []report.Kind{report.HTML},
		Writer: bundle.NewWriter(dir, bundle.FormatStatus), // does not know that the name is taken
	})
	finding, file, err := blocked.Check(t.Context(), addressed(t, loopback.Open(t).String()), fails, true, nil)
	unreported, ok := errors.AsType[*ReportError](err)
	if !ok || finding.Verdict != tcpconnect.Fail || file == "" || unreported.Verdict != "Judged: connected" {
		t.Errorf("it is %+v in %q, %v", finding, file, err)
	}
	said := Explain(err, "db:5432", "collector_name")
	for _, want := range []string{"db:5432", bundle.ReportHTML, "The result:\nJudged: connected"} {
		if said.Summary != "Report Not Written" || !strings.Contains(said.Detail, want) {
			t.Errorf("%q is not in %+v", want, said)
		}
	}
}

func TestReportOfSomebodyElseIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir, peer := t.TempDir(), loopback.Listen(t, loopback.IPv4)
	own := filepath.Join(dir, bundle.ReportJUnit)
	if err := os.WriteFile(own, []byte("<testsuites/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	check := addressed(t, peer.AddrPort().String())
	_, _, err := reporting(dir).Check(t.Context(), check, tcpconnect.Analyzer{}, false, nil)
	if _, ok := errors.AsType[*bundle.ForeignFileError](err); !ok || peer.Accepted() > 0 {
		t.Errorf("it is %v, after %d dials", err, peer.Accepted())
	}
	if content := readReport(t, dir, bundle.ReportJUnit); content != "<testsuites/>" {
		t.Errorf("the file holds %q", content)
	}
}

// decodedEndpoints decodes endpoints that are right.
func decodedEndpoints(t *testing.T, value map[string]any) []Endpoint {
	t.Helper()
	endpoints, problems, isWhole := DecodeEndpoints(value, EndpointDefaults{})
	if !isWhole || len(problems) > 0 {
		t.Fatal(problems)
	}
	return endpoints
}

// addressed is a check of an address.
func addressed(t *testing.T, text string) Check {
	t.Helper()
	address, err := tcpconnect.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return checkOf(address)
}
