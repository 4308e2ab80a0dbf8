// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// batchOf returns a batch whose checks dial addresses of 10.0.0.0/8 and fail unless they connect.
func batchOf(t *testing.T, name string, hosts ...string) Batch {
	t.Helper()
	batch := Batch{Key: name, MaxConcurrency: 100}
	for i, host := range hosts {
		address, err := tcpconnect.ParseAddress(host + ":80")
		if err != nil {
			t.Fatal(err)
		}
		check := tcpconnect.Check{Target: tcpconnect.Target{Address: address}, Timeout: 4 * time.Second}
		batch.Checks = append(batch.Checks, Check{fmt.Sprintf("%s-%d", name, i), check})
	}
	batch.Judge = func(results []tcpconnect.Result) (findings []tcpconnect.Finding) {
		for i := range results {
			analyzer := tcpconnect.Analyzer{CheckName: batch.Checks[i].CollectorName}
			finding := analyzer.JudgeResult(&results[i])
			finding.CollectorName = batch.Checks[i].CollectorName
			findings = append(findings, finding)
		}
		return findings
	}
	return batch
}

// network lists the open hosts of a dialer. Others do not answer.
type network []string

func (n network) Dial(ctx context.Context, _ netip.Addr, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	if slices.Contains(n, host) {
		near, _ := net.Pipe()
		return near, nil
	}
	<-ctx.Done()
	return nil, &tcpconnect.ReasonError{Reason: tcpconnect.ReasonNoResponse, Err: ctx.Err()}
}

func (network) Room() int { return 1000 }

func newRun(dir string, open ...string) *Run {
	return New(Config{
		Version: "1.0.0", BundleDir: dir, Writer: bundle.NewWriter(dir, bundle.FormatJSON),
		Collector: &tcpconnect.Collector{Dialer: network(open)},
	})
}

func TestBatchesOfARunAreConcurrent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		run := newRun(t.TempDir())
		start := time.Now()
		var batches sync.WaitGroup
		for i := range 3 {
			batches.Go(func() {
				done, err := run.Batch(t.Context(), batchOf(t, fmt.Sprint("batch-", i), fmt.Sprintf("10.0.0.%d", i+1)))
				if err != nil || done.Verdict != tcpconnect.Fail {
					t.Errorf("batch %d: %+v, %v", i, done, err)
				}
			})
		}
		batches.Wait()
		if took := time.Since(start); took != 4*time.Second {
			t.Errorf("three batches with a silent address each took %s, want 4s", took)
		}
	})
}

// readAnalysis returns the titles and severities in the analysis.json of a bundle.
func readAnalysis(t *testing.T, dir string) (found []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "analysis.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var entries []struct {
		Insight struct{ Primary, Severity string }
	}
	if err := errors.Join(err, json.Unmarshal(content, &entries)); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		found = append(found, entry.Insight.Primary+" "+entry.Insight.Severity)
	}
	return found
}

func TestBatchesOfARunShareItsBundle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if _, err := newRun(dir, "10.0.0.9").Batch(t.Context(), batchOf(t, "older", "10.0.0.9")); err != nil {
			t.Fatal(err)
		}
		run := newRun(dir, "10.0.0.1", "10.0.0.2")
		single := batchOf(t, "single", "10.0.0.1").Checks[0]
		if _, _, err := run.Check(t.Context(), single, tcpconnect.Analyzer{}, false, nil); err != nil {
			t.Fatal(err)
		}
		if found := readAnalysis(t, dir); found != nil {
			t.Errorf("after the first result of this run, an older one's analysis is there: %q", found)
		}
		a, b := batchOf(t, "a", "10.0.0.1", "10.0.0.3"), batchOf(t, "b", "10.0.0.2")
		a.Archive, b.Archive = filepath.Join(t.TempDir(), "a.tar.gz"), filepath.Join(t.TempDir(), "b.tar.gz")
		for _, batch := range []Batch{a, b, a} { // the same batch again replaces its findings
			if _, err := run.Batch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"a-0 debug", "a-1 error", "b-0 debug"}
		if found := readAnalysis(t, dir); !slices.Equal(found, want) {
			t.Errorf("the analysis is %q, want %q", found, want)
		}
		for _, test := range []struct {
			bundle, collector string
			holds             bool
		}{
			{dir, "single-0", true}, {dir, "a-1", true}, {dir, "b-0", true},
			{a.Archive, "a-1", true}, {a.Archive, "b-0", false}, {a.Archive, "single-0", false},
			{b.Archive, "b-0", true}, {b.Archive, "a-0", false},
		} {
			results, err := run.ReadResults(t.Context(), test.bundle, test.collector, Terms{})
			if (err == nil) != test.holds {
				t.Errorf("%s of %s: %+v, %v", test.collector, filepath.Base(test.bundle), results, err)
			}
		}
	})
}

func TestBatchesDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	run := newRun(t.TempDir(), "10.0.0.1", "10.0.0.2")
	first := batchOf(t, "a", "10.0.0.1")
	first.Archive = filepath.Join(t.TempDir(), "acme.tar.gz")
	if _, err := run.Batch(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := batchOf(t, "a", "10.0.0.2")
	second.Key = "second"
	if _, err := run.Batch(t.Context(), second); err == nil ||
		!strings.Contains(err.Error(), `Two collectors are named "a-0"`) {
		t.Errorf("a name for two addresses: %v", err)
	}
	third := batchOf(t, "third", "10.0.0.2")
	third.Archive = first.Archive
	if _, err := run.Batch(t.Context(), third); !errors.Is(err, ErrArchiveTaken) {
		t.Errorf("an archive for two batches: %v", err)
	}
}

func TestInterruptedBatchWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "bundle")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := newRun(dir, "10.0.0.1").Batch(ctx, batchOf(t, "a", "10.0.0.1", "10.0.0.2"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an interrupted batch: %v", err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("an interrupted batch has written: %v", err)
		}
	})
}
