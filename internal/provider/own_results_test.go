// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestResultIsThisRunsWhileAnIdenticalCheckDials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address, err := tcpconnect.ParseAddress(loopback.Refused(t).String())
	if err != nil {
		t.Fatal(err)
	}
	dials, goOn := make(chan struct{}), make(chan struct{})
	collector := &tcpconnect.Collector{Dial: func(ctx context.Context, _ netip.Addr, remote netip.AddrPort) (net.Conn, error) {
		dials <- struct{}{}
		<-goOn
		return (&net.Dialer{}).DialContext(ctx, "tcp", remote.String())
	}}
	own := &instance{collector: collector, bundleDir: dir, writer: bundle.NewWriter(dir, bundle.FormatStatus)}
	checked := make(chan error)
	begin := func() {
		go func() {
			dial := dialArguments{target: tcpconnect.Target{Address: address}, timeout: time.Minute}
			_, _, err := own.check(t.Context(), check{collectorName: "connect", dial: dial}, func(tcpconnect.Attempt) {})
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
		results, err := own.readResults(t.Context(), dir, "connect")
		if err != nil || len(results) != 1 || results[0].Status != "connection-refused" || results[0].Reason != "refused" {
			t.Errorf("%s: %+v, %v", when, results, err)
		}
	}
	if _, err := bundle.NewWriter(dir, bundle.FormatStatus).Write("connect", bundle.Result{Status: "connection-refused"}); err != nil {
		t.Fatal(err)
	}
	begin()
	if results, err := own.readResults(t.Context(), dir, "connect"); err == nil || !strings.Contains(err.Error(), "this run has written no result") {
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
		own := &instance{bundleDir: dir}
		expect := func(when, status, reason string) {
			t.Helper()
			results, err := own.readResults(t.Context(), dir, "connect")
			if err != nil || len(results) != 1 || results[0].Status != status || results[0].Reason != reason {
				t.Errorf("%s, %s: %+v, %v; want %s, %s", format, when, results, err, status, reason)
			}
		}
		expectError := func(when, want string) {
			t.Helper()
			if results, err := own.readResults(t.Context(), dir, "connect"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %+v, %v; want an error that says %q", format, when, results, err, want)
			}
		}
		write := func(reason tcpconnect.Reason, after func() error) error {
			result := bundleResult("connect", tcpconnect.Result{Status: reason.Status(), Reason: reason})
			return own.results.record([]bundle.CollectorResult{result}, func() error {
				_, err := bundle.NewWriter(dir, format).Write("connect", result.Result)
				return errors.Join(err, after())
			})
		}
		nothing := func() error { return nil }
		if err := write(tcpconnect.ReasonConnected, func() error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		expectError("a writing that failed", "this run has written no result")
		err := errors.Join(
			write(tcpconnect.ReasonConnected, func() error {
				expectError("the first one, while it is written", "this run has written no result")
				return nil
			}),
			write(tcpconnect.ReasonRefused, func() error { expect("while it is replaced", "connection-refused", "refused"); return nil }),
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

		if _, err := bundle.NewWriter(dir, format).Write("connect", bundle.Result{Status: "error", Reason: "other"}); err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"another run's", "another run's, read again"} {
			expectError(when, `but this run has written ["connected" "connection-refused" "connection-timeout"]: another run has overwritten the result`)
		}
	}
}

func TestReasonOfAnotherRunIsNotTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := &instance{bundleDir: dir}
	writer := bundle.NewWriter(dir, bundle.FormatJSON)
	result := bundle.CollectorResult{Collector: "connect", Result: bundle.Result{Status: "connection-timeout", Reason: "not-ready"}}
	err := own.results.record([]bundle.CollectorResult{result}, func() error {
		_, err := writer.Write("connect", bundle.Result{Status: "connection-timeout", Reason: "no-response"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if results, err := own.readResults(t.Context(), dir, "connect"); err == nil {
		t.Errorf("read %+v", results)
	}
}

func TestSpecThatCanNotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := endpointSpec(map[string]string{"a": loopback.Open(t).String()}, "5s")
	archive := filepath.Join(file, "acme.tar.gz")
	for _, test := range []struct{ dir, more, want string }{
		{file, "", "Result Not Written"},
		{file, "", "but the results could not be kept: open bundle directory " + file},
		{t.TempDir(), fmt.Sprintf("archive = %q\n", archive), "Archive Not Written"},
		{t.TempDir(), fmt.Sprintf("archive = %q\n", archive), "and the bundle was written, but not the archive: write " + archive},
	} {
		acceptance(t, nil, resource.TestStep{Config: providerBlock(test.dir, "") + specConfig(text, test.more), PlanOnly: true, ExpectError: says(test.want)})
	}
	expectFile(t, file, "mine")
}

func TestSpecReplacesNoResultOfACheckBeforeIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused, open := loopback.Refused(t), loopback.Listen(t, loopback.IPv4)
	config := providerBlock(dir, "") + fmt.Sprintf("data \"preflight_tcp_connect\" \"a\" {\n  collector_name = \"a\"\n  address = %q\n}\n", refused) +
		specConfig(endpointSpec(map[string]string{"a": open.AddrPort().String()}, "5s"), "depends_on = [data.preflight_tcp_connect.a]\n")
	acceptance(t, nil, resource.TestStep{Config: config, PlanOnly: true, ExpectError: says("Two collectors are named \"a\"")})
	expectFile(t, bundle.ResultFile(dir, "a"), "connection-refused")
	if open.Accepted() > 0 {
		t.Error("the spec dialled")
	}
}

func TestSpecReplacesNoFileOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "version.yaml")
	if err := os.WriteFile(file, []byte("version: 1.2.3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := loopback.Listen(t, loopback.IPv4)
	config := providerBlock(dir, "") + specConfig(endpointSpec(map[string]string{"a": open.AddrPort().String()}, "5s"), "")
	for _, want := range []string{"File of Another Program", file + " would be replaced", "for example bundle_dir"} {
		acceptance(t, nil, resource.TestStep{Config: config, PlanOnly: true, ExpectError: says(want)})
	}
	expectFile(t, file, "version: 1.2.3\n")
	if files := filesBelow(t, dir); len(files) != 1 || open.Accepted() > 0 {
		t.Errorf("files %q, %d dials", files, open.Accepted())
	}
}

func TestArchiveOfThisRunKeepsItsReasons(t *testing.T) {
	t.Parallel()
	_, archive := plantBundle(t, map[string]string{"host-collectors/connect/connect.json": "connection-timeout"}, "acme/", time.Now())
	own := &instance{bundleDir: t.TempDir()}
	read := func() string {
		t.Helper()
		results, err := own.readResults(t.Context(), archive, "connect")
		if err != nil {
			t.Fatal(err)
		}
		return results[0].Reason
	}
	result := bundleResult("connect", tcpconnect.Result{Status: tcpconnect.ConnectionTimeout, Reason: tcpconnect.ReasonNotReady})
	if err := own.results.record([]bundle.CollectorResult{result}, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if reason := read(); reason != "" {
		t.Errorf("an archive of others has the reason %q", reason)
	}
	own.archives.written(archive)
	if reason := read(); reason != "not-ready" {
		t.Errorf("the archive of this run has the reason %q", reason)
	}
}
