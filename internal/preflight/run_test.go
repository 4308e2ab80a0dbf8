// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// checkOf returns a check of an address, named "connect".
func checkOf(address tcpconnect.Address) Check {
	return Check{"connect", tcpconnect.Check{Target: tcpconnect.Target{Address: address}, Timeout: time.Minute}}
}

// refusing is a dialer that calls the function and then refuses.
type refusing func()

func (r refusing) Dial(context.Context, netip.Addr, string) (net.Conn, error) {
	r()
	return nil, &tcpconnect.ReasonError{Reason: tcpconnect.ReasonRefused, Err: errors.New("refused")}
}

func (refusing) Room() int { return 100 }

func TestResultIsReadableWhileAnIdenticalCheckRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, err := tcpconnect.ParseAddress(loopback.Refused(t).String())
	if err != nil {
		t.Fatal(err)
	}
	dials, goOn := make(chan struct{}), make(chan struct{})
	collector := &tcpconnect.Collector{Dialer: refusing(func() {
		dials <- struct{}{}
		<-goOn
	})}
	own := New(Config{Collector: collector, BundleDir: dir, Writer: bundle.NewWriter(dir, bundle.FormatStatus)})
	checked := make(chan error)
	begin := func() {
		go func() {
			_, _, err := own.Check(t.Context(), checkOf(address), tcpconnect.Analyzer{}, false, nil)
			checked <- err
		}()
		<-dials
	}
	end := func() {
		goOn <- struct{}{}
		if err := <-checked; err != nil {
			t.Error(err)
		}
	}
	expect := func(when string) {
		results, err := own.ReadResults(t.Context(), dir, "connect", Terms{})
		if err != nil || len(results) != 1 || results[0].Status != "connection-refused" ||
			results[0].Reason != "refused" {
			t.Errorf("%s: %+v, %v", when, results, err)
		}
	}
	older := bundle.NewWriter(dir, bundle.FormatStatus)
	if _, err := older.Write("connect", bundle.Result{Status: "connection-refused"}); err != nil {
		t.Fatal(err)
	}
	begin()
	if results, err := own.ReadResults(t.Context(), dir, "connect", Terms{}); err == nil ||
		!strings.Contains(err.Error(), "this run has written no result") {
		t.Errorf("before the first result: %+v, %v", results, err)
	}
	end()
	expect("after the first result")
	begin()
	expect("while the second dials")
	end()
	expect("after the second")
}

func TestResultsOfThisRunAreRecognized(t *testing.T) {
	t.Parallel()
	for _, format := range bundle.Formats() {
		dir := t.TempDir()
		own := New(Config{BundleDir: dir})
		expect := func(when, status, reason string) {
			t.Helper()
			results, err := own.ReadResults(t.Context(), dir, "connect", Terms{})
			if err != nil || len(results) != 1 || results[0].Status != status || results[0].Reason != reason {
				t.Errorf("%s, %s: %+v, %v; want %s, %s", format, when, results, err, status, reason)
			}
		}
		expectError := func(when, want string) {
			t.Helper()
			if results, err := own.ReadResults(t.Context(), dir, "connect", Terms{}); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %+v, %v; want an error that says %q", format, when, results, err, want)
			}
		}
		write := func(reason tcpconnect.Reason, after func() error) error {
			result := bundleResult(Check{CollectorName: "connect"},
				tcpconnect.Result{Status: reason.Status(), Reason: reason})
			return own.results.record([]bundle.CollectorResult{result}, func() error {
				_, err := bundle.NewWriter(dir, format).Write("connect", result.Result)
				return errors.Join(err, after())
			})
		}
		nothing := func() error { return nil }
		fails := func() error { return io.ErrUnexpectedEOF }
		if err := write(tcpconnect.ReasonConnected, fails); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		expectError("a writing that failed", "this run has written no result")
		err := errors.Join(
			write(tcpconnect.ReasonConnected, func() error {
				expectError("the first one, while it is written", "this run has written no result")
				return nil
			}),
			write(tcpconnect.ReasonRefused, func() error {
				expect("while it is replaced", "connection-refused", "refused")
				return nil
			}),
		)
		expect("once it is replaced", "connection-refused", "refused")
		err = errors.Join(err, write(tcpconnect.ReasonNoResponse, nothing))
		expect("a timeout", "connection-timeout", "no-response")
		err = errors.Join(err, write(tcpconnect.ReasonNotReady, nothing))
		expect("a timeout that says nothing", "connection-timeout", "not-ready")
		if err := errors.Join(err, write(tcpconnect.ReasonNoResponse, nothing)); err != nil {
			t.Fatal(err)
		}
		reason := map[bundle.Format]string{bundle.FormatStatus: "not-ready", bundle.FormatJSON: "no-response"}[format]
		expect("a timeout again, whose file may not say why", "connection-timeout", reason)

		other := bundle.Result{Status: "error", Reason: "other"}
		if _, err := bundle.NewWriter(dir, format).Write("connect", other); err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"another run's", "another run's, read again"} {
			expectError(when, `but this run has written ["connected" "connection-refused" "connection-timeout"]: `+
				"another run has overwritten the result")
		}
	}
}

func TestReasonOfAnotherRunIsRejected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := New(Config{BundleDir: dir})
	writer := bundle.NewWriter(dir, bundle.FormatJSON)
	result := bundle.CollectorResult{
		Collector: "connect",
		Result:    bundle.Result{Status: "connection-timeout", Reason: "not-ready"},
	}
	err := own.results.record([]bundle.CollectorResult{result}, func() error {
		_, err := writer.Write("connect", bundle.Result{Status: "connection-timeout", Reason: "no-response"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if results, err := own.ReadResults(t.Context(), dir, "connect", Terms{}); err == nil {
		t.Errorf("read %+v", results)
	}
}

func TestArchiveOfThisRunKeepsItsReasons(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "acme.tar.gz")
	foreign := bundle.Report{Results: []bundle.CollectorResult{{
		Collector: "connect",
		Result:    bundle.Result{Status: "connection-timeout"},
	}}}
	if err := bundle.NewWriter(t.TempDir(), bundle.FormatStatus).WriteArchive(archive, foreign); err != nil {
		t.Fatal(err)
	}
	own := New(Config{BundleDir: t.TempDir()})
	read := func() string {
		t.Helper()
		results, err := own.ReadResults(t.Context(), archive, "connect", Terms{})
		if err != nil {
			t.Fatal(err)
		}
		return results[0].Reason
	}
	result := bundleResult(Check{CollectorName: "connect"},
		tcpconnect.Result{Status: tcpconnect.ConnectionTimeout, Reason: tcpconnect.ReasonNotReady})
	if err := own.results.record([]bundle.CollectorResult{result}, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if reason := read(); reason != "" {
		t.Errorf("an archive of others has the reason %q", reason)
	}
	own.archives.setWritten(archive)
	if reason := read(); reason != "not-ready" {
		t.Errorf("the archive of this run has the reason %q", reason)
	}
}

func TestResultOfAnotherRunIsRejected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := New(Config{
		Collector: &tcpconnect.Collector{},
		BundleDir: dir,
		Writer:    bundle.NewWriter(dir, bundle.FormatStatus),
	})
	address, err := tcpconnect.ParseAddress(loopback.Refused(t).String())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := own.Check(t.Context(), checkOf(address), tcpconnect.Analyzer{}, false, nil); err != nil {
		t.Fatal(err)
	}
	if results, err := own.ReadResults(t.Context(), dir, "connect", Terms{}); err != nil ||
		results[0].Status != string(tcpconnect.ConnectionRefused) {
		t.Fatalf("read %v, %v", results, err)
	}
	other := bundle.NewWriter(dir, bundle.FormatStatus)
	if _, err := other.Write("connect", bundle.Result{Status: "connected"}); err != nil {
		t.Fatal(err)
	}
	if results, err := own.ReadResults(t.Context(), dir, "connect", Terms{}); err == nil ||
		!strings.Contains(err.Error(), "another run has overwritten the result") {
		t.Errorf("read %v, %v", results, err)
	}
}
