// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

const smallSpec = `{"apiVersion":"troubleshoot.sh/v1beta2","kind":"HostPreflight","spec":{
  "collectors":[{"tcpConnect":{"collectorName":"db","address":"10.0.0.1:80"}}],
  "analyzers":[{"tcpConnect":{"collectorName":"db","outcomes":[{"pass":{"when":"connected"}}]}}]}}`

func TestSpecsThatDifferAreDifferentBatches(t *testing.T) {
	t.Parallel()
	run := newRun(t.TempDir())
	decoded, err := DecodeSpec(smallSpec)
	if err != nil {
		t.Fatal(err)
	}
	options := SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz"}
	first := run.SpecBatch(smallSpec, decoded, options)
	if again := run.SpecBatch(smallSpec, decoded, options); again.Key != first.Key {
		t.Error("the same spec is another batch")
	}
	for name, other := range map[string]Batch{
		"unsupported": run.SpecBatch(smallSpec, decoded,
			SpecOptions{Unsupported: UnsupportedSkip, Archive: "a.tar.gz"}),
		"archive": run.SpecBatch(smallSpec, decoded, SpecOptions{Unsupported: UnsupportedWarn, Archive: "b.tar.gz"}),
		"timeout": run.SpecBatch(smallSpec, decoded,
			SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz", Timeout: time.Second}),
		"retry": run.SpecBatch(smallSpec, decoded,
			SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz", Retry: &tcpconnect.Retry{Attempts: 2}}),
		"strict": run.SpecBatch(smallSpec, decoded,
			SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz", Strict: true}),
		"via": run.SpecBatch(smallSpec, decoded,
			SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz", Via: "bastion"}),
		"text": run.SpecBatch(smallSpec+" ", decoded, SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz"}),
	} {
		if other.Key == first.Key {
			t.Errorf("a spec with another %s is the same batch", name)
		}
		want := ""
		if name == "via" {
			want = "bastion"
		}
		if via := other.Checks[0].Target.Via; via != want {
			t.Errorf("a spec with another %s dials via %q, want %q", name, via, want)
		}
	}
}

// decodeSpec decodes a HostPreflight of collectors and analyzers, which are YAML flow mappings.
func decodeSpec(t *testing.T, collectors, analyzers []string) spec.Spec {
	t.Helper()
	text := "apiVersion: troubleshoot.sh/v1beta2\nkind: HostPreflight\nspec:\n"
	for list, entries := range map[string][]string{"collectors": collectors, "analyzers": analyzers} {
		text += "  " + list + ":\n"
		for _, entry := range entries {
			text += "    - tcpConnect: " + entry + "\n"
		}
	}
	decoded, err := DecodeSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// analyzerOf returns an analyzer that passes if its collector is connected, and has another verdict otherwise.
func analyzerOf(collector, otherwise string) string {
	return fmt.Sprintf("{checkName: %[1]s, collectorName: %[1]s, outcomes: [{pass: {when: connected}}, {%[2]s: {}}]}",
		collector, otherwise)
}

// opening are hosts that refuse connections at first, and accept them after some time.
type opening struct {
	start time.Time
	after map[string]time.Duration
}

func (o opening) Dial(_ context.Context, _ netip.Addr, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	if after, opens := o.after[host]; opens && time.Since(o.start) >= after {
		near, _ := net.Pipe()
		return near, nil
	}
	return nil, &tcpconnect.ReasonError{Reason: tcpconnect.ReasonRefused, Err: errors.New("refused")}
}

func (opening) ResolvesNames() bool { return false }
func (opening) Room() int           { return 1000 }

// everySecond retries every second. The timeout of the batch limits it.
func everySecond() *tcpconnect.Retry {
	return &tcpconnect.Retry{
		AttemptTimeout: time.Second, MinDelay: time.Second, MaxDelay: time.Second, Consecutive: 1,
	}
}

func TestSpecWaitsUntilEveryCollectorIsReady(t *testing.T) {
	t.Parallel()
	decoded := decodeSpec(t, []string{
		`{collectorName: now, address: "10.0.0.1:80"}`,
		`{collectorName: soon, address: "10.0.0.2:80"}`,
		`{collectorName: late, address: "10.0.0.3:80"}`,
		`{collectorName: never, address: "10.0.0.4:80"}`,
		`{collectorName: unjudged, address: "10.0.0.5:80"}`,
	}, []string{
		analyzerOf("now", "fail"), analyzerOf("soon", "fail"), analyzerOf("late", "fail"), analyzerOf("never", "warn"),
	})
	for limit, want := range map[time.Duration]struct {
		verdict tcpconnect.Verdict
		least   time.Duration
		most    time.Duration
	}{
		5 * time.Minute:  {tcpconnect.Warn, 30 * time.Second, 40 * time.Second}, // "never" is not waited for
		20 * time.Second: {tcpconnect.Fail, 18 * time.Second, 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			run := newRun(t.TempDir())
			run.Collector.Dialer = opening{time.Now(), map[string]time.Duration{
				"10.0.0.1": 0, "10.0.0.2": 4 * time.Second, "10.0.0.3": 30 * time.Second,
			}}
			start := time.Now()
			batch := run.SpecBatch("", decoded, SpecOptions{Retry: everySecond(), Timeout: limit})
			done, err := run.Batch(t.Context(), batch)
			if took := time.Since(start); err != nil || took < want.least || took > want.most {
				t.Errorf("%s: took %s, %v, want about %s", limit, took, err, want.least)
			}
			if done.Verdict != want.verdict {
				t.Errorf("%s: %s: %s, want %s", limit, done.Verdict, done.Message, want.verdict)
			}
			if done.Results[0].Attempts != 1 || done.Results[1].Attempts < 3 || !done.Results[1].Ready {
				t.Errorf("%s: results %+v", limit, done.Results)
			}
		})
	}
}

func TestTimeoutsOfASpec(t *testing.T) {
	t.Parallel()
	decoded := decodeSpec(t, []string{
		`{collectorName: own, address: "10.0.0.1:80", timeout: 2s}`,
		`{collectorName: none, address: "10.0.0.2:80"}`,
	}, []string{analyzerOf("own", "fail"), analyzerOf("none", "fail")})
	const minute = time.Minute
	run := New(Config{Timeout: 9 * time.Second})
	for name, test := range map[string]struct {
		options  SpecOptions
		timeouts [2]time.Duration
		attempts [2]time.Duration
	}{
		"of the provider": {SpecOptions{}, [2]time.Duration{2 * time.Second, 9 * time.Second}, [2]time.Duration{}},
		"of the argument": {
			SpecOptions{Timeout: minute}, [2]time.Duration{2 * time.Second, minute}, [2]time.Duration{},
		},
		"with retry": {
			SpecOptions{Timeout: minute, Retry: everySecond()},
			[2]time.Duration{minute, minute},
			[2]time.Duration{2 * time.Second, time.Second},
		},
	} {
		for i, check := range run.SpecBatch("", decoded, test.options).Checks {
			if check.Timeout != test.timeouts[i] {
				t.Errorf("%s: %s has %s, want %s", name, check.CollectorName, check.Timeout, test.timeouts[i])
			}
			if check.Retry != nil && check.Retry.AttemptTimeout != test.attempts[i] ||
				(check.Retry == nil) != (test.attempts[i] == 0) {
				t.Errorf("%s: %s retries %+v, want dials of %s",
					name, check.CollectorName, check.Retry, test.attempts[i])
			}
		}
	}
}

func TestRetryWaitsForWhatAllAnalyzersPass(t *testing.T) {
	t.Parallel()
	decoded := decodeSpec(t, []string{`{collectorName: port, address: "10.0.0.1:80"}`}, []string{
		`{collectorName: port, outcomes: [{pass: {when: connection-refused}}, {pass: {when: connected}}, {fail: {}}]}`,
		`{collectorName: port, outcomes: [{pass: {when: connection-refused}}, {fail: {}}]}`,
	})
	check := New(Config{}).SpecBatch("", decoded, SpecOptions{Retry: everySecond(), Timeout: time.Minute}).Checks[0]
	if until := check.Retry.Until; len(until) != 1 || until[0] != tcpconnect.ConnectionRefused {
		t.Errorf("waits for %q", until)
	}
}

func TestRetryThatContradictsASpecNamesTheLine(t *testing.T) {
	t.Parallel()
	decoded := decodeSpec(t, []string{`{collectorName: port, address: "10.0.0.1:80", timeout: 2m}`},
		[]string{analyzerOf("port", "fail")})
	retry := everySecond()
	retry.Until = []tcpconnect.Status{tcpconnect.ConnectionRefused}
	for want, problems := range map[string]spec.Problems{
		fmt.Sprintf("%s: The timeout of the collector is 2m0s, more than the argument timeout, 1m0s.",
			decoded.Collectors[0].Position): ValidateSpecRetry(decoded, *everySecond(), time.Minute),
		fmt.Sprintf("%s: outcomes pass connected, which until does not wait for",
			decoded.Analyzers[0].Position): ValidateSpecRetry(decoded, *retry, 5*time.Minute),
		"": ValidateSpecRetry(decoded, *everySecond(), 5*time.Minute),
	} {
		if want == "" && len(problems) > 0 || want != "" && (len(problems) != 1 ||
			!strings.HasPrefix(strings.ReplaceAll(problems.Error(), "\"", ""), strings.ReplaceAll(want, "\"", ""))) {
			t.Errorf("got %v, want %q", problems, want)
		}
	}
}

func TestSpecJudgesOwnBundleOnlyByResultsOfThisRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		decoded := decodeSpec(t, []string{
			`{collectorName: a, address: "10.0.0.1:80", timeout: 1s}`,
			`{collectorName: b, address: "10.0.0.2:80", timeout: 1s}`,
		}, []string{analyzerOf("a", "fail"), analyzerOf("b", "fail")})
		dial := func(run *Run, archive string) {
			t.Helper()
			batch := run.SpecBatch(dir, decoded, SpecOptions{Archive: archive})
			if _, err := run.Batch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		archive := filepath.Join(t.TempDir(), "acme.tar.gz")
		dial(newRun(dir, "10.0.0.1", "10.0.0.2"), archive)
		run := newRun(dir, "10.0.0.1")
		judge := func(path string) (BatchResult, error) {
			return run.JudgeBundle(t.Context(), decoded, SpecOptions{Bundle: path})
		}
		if done, err := judge(archive); err != nil || done.Verdict != tcpconnect.Pass {
			t.Errorf("an archive of another run: %s, %v", done.Message, err)
		}
		const want = `this run has written no result of a collector named "b": what lies there may be an older run's.`
		if done, err := judge(dir); err == nil || !strings.Contains(err.Error(), `Collector "a": `) ||
			!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "leave bundle out") {
			t.Errorf("an older run's bundle: %s, %v", done.Message, err)
		}
		dial(run, "")
		done, err := judge(dir)
		if err != nil || done.Verdict != tcpconnect.Fail || len(done.Findings) != 2 {
			t.Fatalf("this run's bundle: %+v, %v", done, err)
		}
		if result := done.Findings[1].Result; result.Reason != tcpconnect.ReasonNoResponse {
			t.Errorf("the result is %+v", result)
		}
		if err := os.Remove(bundle.ResultFile(dir, "b")); err != nil {
			t.Fatal(err)
		}
		if done, err := judge(dir); err == nil {
			t.Errorf("a result that was removed: %+v", done)
		}
	})
}

func TestWorstNodeOfABundleIsCollected(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for file, status := range map[string]string{
		"n1/connect/open.json": "connected", "n2/connect/open.json": "connection-refused",
		"n1/connect/closed.json": "connection-refused", "n2/connect/closed.json": "connected",
		"n1/connect/unjudged.json": "connected", "n2/connect/unjudged.json": "error",
	} {
		file = filepath.Join(dir, "host-collectors", filepath.FromSlash(file))
		err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(status), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	decoded := decodeSpec(t, []string{
		`{collectorName: open, address: "10.0.0.1:80"}`,
		`{collectorName: closed, address: "10.0.0.2:80"}`,
		`{collectorName: unjudged, address: "10.0.0.3:80"}`,
		`{collectorName: out, address: "10.0.0.4:80", exclude: true}`,
	}, []string{
		analyzerOf("open", "warn"),
		`{checkName: closed, collectorName: closed, outcomes: [{pass: {when: connection-refused}}, {fail: {}}]}`,
		`{checkName: out, collectorName: out, outcomes: [{pass: {}}]}`,
	})
	done, err := newRun(t.TempDir()).JudgeBundle(t.Context(), decoded, SpecOptions{Bundle: dir})
	if err != nil {
		t.Fatal(err)
	}
	var collected, verdicts []string
	for i, check := range done.Checks {
		collected = append(collected, check.CollectorName+" "+string(done.Results[i].Status))
	}
	for _, finding := range done.Findings {
		verdicts = append(verdicts, finding.Title+": "+string(finding.Verdict))
	}
	const wantCollected = "open connection-refused, closed connected, unjudged error"
	if got := strings.Join(collected, ", "); got != wantCollected {
		t.Errorf("collected %s, want %s", got, wantCollected)
	}
	const wantVerdicts = "open - Node n1: pass, open - Node n2: warn, closed - Node n1: pass, closed - Node n2: " +
		"fail, out: fail" // whose collector is excluded
	if got := strings.Join(verdicts, ", "); got != wantVerdicts || done.Verdict != tcpconnect.Fail {
		t.Errorf("%s: %s, want %s", done.Verdict, got, wantVerdicts)
	}
}
