// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestCollectorWithoutATimeoutHasTheDefault(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, supportBundle("", "", ""))
	check := spec.Collectors[0].Check(7 * time.Second)
	if check.Timeout != 7*time.Second || check.Target.Address.String() != "127.0.0.1:80" {
		t.Errorf("without a timeout: %+v", check)
	}
	spec = mustDecode(t, supportBundle("timeout: 3s", "", ""))
	if check := spec.Collectors[0].Check(7 * time.Second); check.Timeout != 3*time.Second {
		t.Errorf("with a timeout: %+v", check)
	}
}

// twoCollectors has analyzers of the two collectors, of an excluded one and of a missing one, and an excluded analyzer.
const twoCollectors = `apiVersion: troubleshoot.sh/v1beta2
kind: HostPreflight
spec:
  collectors:
    - tcpConnect: {collectorName: out, exclude: true, address: "127.0.0.1:1"}
    - tcpConnect: {collectorName: a, address: "127.0.0.1:2"}
    - tcpConnect: {collectorName: b, address: "127.0.0.1:3"}
  analyzers:
    - tcpConnect: {checkName: B, collectorName: b, strict: true, outcomes: [
        {fail: {when: connection-refused, message: b is down, uri: "https://example.com/b"}},
        {pass: {when: connected}}]}
    - tcpConnect: {checkName: Out, collectorName: out, outcomes: [{pass: {}}]}
    - tcpConnect: {checkName: C, collectorName: c, outcomes: [{pass: {}}]}
    - tcpConnect: {checkName: No, collectorName: c, exclude: true, outcomes: [{fail: {}}]}
    - tcpConnect: {checkName: A, collectorName: a, outcomes: [
        {pass: {when: error, message: a is strange}},
        {pass: {when: connected}},
        {fail: {when: connection-timeout}}]}
`

func TestEachAnalyzerJudgesItsCollector(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, twoCollectors)
	results := []tcpconnect.Result{
		{Status: tcpconnect.Connected, Reason: tcpconnect.ReasonConnected},
		{Status: tcpconnect.ConnectionRefused, Reason: tcpconnect.ReasonRefused},
	}
	findings := spec.Judge(results)
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s|%t|%t|%t",
			f.Verdict, f.Title, f.Message, f.CollectorName, f.Address, f.Matched, f.Strict, f.Result != nil))
	}
	want := []string{
		"fail|B|b is down|b|127.0.0.1:3|true|true|true",
		`fail|Out|Out: the collector "out" (at line 5, column 19) is excluded, ` +
			`so nothing is known and the check fails. Exclude the analyzer too.|out||false|false|false`,
		`fail|C|C: the spec has no collector named "c" (the analyzer at line 13, column 19), ` +
			`so nothing is known and the check fails. It has "out", "a", "b".|c||false|false|false`,
		"pass|A|A: connected|a|127.0.0.1:2|true|false|true",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if findings[0].Result != &results[1] || findings[3].Result != &results[0] {
		t.Error("a finding has the result of another collector")
	}
}

func TestNoAnalyzerPassesAReasonThatSaysNothing(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, twoCollectors)
	for reason, want := range map[tcpconnect.Reason]tcpconnect.Verdict{
		tcpconnect.ReasonNoSuchHost:   tcpconnect.Pass,
		tcpconnect.ReasonLocalAddress: tcpconnect.Fail,
	} {
		result := tcpconnect.Result{Status: tcpconnect.Error, Reason: reason}
		if finding := spec.Judge([]tcpconnect.Result{result, result})[3]; finding.Verdict != want {
			t.Errorf("%s: %s, want %s", reason, finding.Verdict, want)
		}
	}
}

func TestMissingCollectorOfASpecWithoutAny(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, "apiVersion: troubleshoot.sh/v1beta2\nkind: Analyzer\n"+
		"spec: {hostAnalyzers: [{tcpConnect: {outcomes: [{pass: {}}]}}]}\n")
	findings := spec.Judge(nil)
	if len(findings) != 1 || findings[0].Verdict != tcpconnect.Fail ||
		!strings.HasSuffix(findings[0].Message, "It has none.") {
		t.Errorf("%+v", findings)
	}
}

func TestWhatIsLeftOutIsAWarning(t *testing.T) {
	t.Parallel()
	spec := mustDecode(t, hostPreflight+"  remoteCollectors: [{cpu: {}}]\n")
	want := tcpconnect.Finding{
		Verdict: tcpconnect.Warn, Title: "remoteCollectors[0].cpu",
		Message: "remoteCollectors[0].cpu: left out, because this provider does not run remote collectors.",
	}
	if got := spec.WarnOfUnsupported(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
