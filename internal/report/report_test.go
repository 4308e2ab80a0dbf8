// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

var began = time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)

// sample returns a report of a number of checks of all sorts, in two groups.
func sample(checks int) Report {
	report := Report{Version: "1.4.0", Began: began, MadeAt: began.Add(92 * time.Second)}
	endpoints, single := Group{Title: "Endpoints"}, Group{Title: "Spec"}
	for i := range checks {
		group := &endpoints
		if i%5 == 4 {
			group = &single
		}
		group.Rows = append(group.Rows, sampleRow(i))
	}
	report.Groups = []Group{endpoints, single}
	return report
}

func sampleRow(i int) Row {
	name := fmt.Sprintf("service-%d", i)
	row := Row{Finding: tcpconnect.Finding{
		Verdict:       tcpconnect.Pass,
		Title:         "Service " + fmt.Sprint(i),
		Message:       "Service " + fmt.Sprint(i) + ": connected",
		Matched:       true,
		CollectorName: name,
		Address:       name + ".internal.example.com:5432",
		Result: &tcpconnect.Result{
			Status:   tcpconnect.Connected,
			Reason:   tcpconnect.ReasonConnected,
			Duration: time.Duration(1+i*37%400) * time.Millisecond,
			Attempts: 1,
			Ready:    true,
		},
	}}
	result := row.Result
	answer := func(reason tcpconnect.Reason, message string, took time.Duration) {
		result.Status, result.Reason, result.Message, result.Duration = reason.Status(), reason, message, took
		result.Ready = false
	}
	switch i % 20 {
	case 1:
		row.Verdict, row.URI = tcpconnect.Fail, "https://wiki.example.com/network/firewall-requests#database"
		row.Title = "Orders database"
		row.Message = "The orders database cannot be reached.\nAsk the network team to open port 5432."
		answer(tcpconnect.ReasonNoResponse, "dial tcp 10.20.30.40:5432: i/o timeout", 10*time.Second)
		result.Attempts = 4
	case 2:
		row.Verdict, row.Message = tcpconnect.Warn, "The cache is slow to start. The service works without it."
		row.Title = "Cache"
		answer(tcpconnect.ReasonRefused, "dial tcp 10.20.30.41:5432: connect: connection refused", 900*time.Microsecond)
	case 5:
		result.Via = "bastion"
	case 7:
		row.Verdict, row.Message = "", row.Title+": error"
		answer(tcpconnect.ReasonNoSuchHost, "lookup "+name+".internal.example.com: no such host", 12*time.Millisecond)
	case 11:
		row.Verdict, row.Message, row.Result, row.Skipped = "", "not checked", nil, "excluded"
	case 13:
		row = Row{Finding: tcpconnect.Finding{
			Verdict: tcpconnect.Warn,
			Title:   ".spec.collectors[3].postgresql",
			Message: "This provider does not run postgresql, so it says nothing about it.",
		}}
	case 17:
		row.Node, result.Via = "worker-3", "cluster"
	}
	return row
}

func TestEveryReportCarriesTheMarkNearItsBeginning(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		content, err := Report{Mark: "a mark", Version: strings.Repeat("v", 600)}.Render(kind)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content[:min(512, len(content))], []byte("a mark")) {
			t.Errorf("%s begins with\n%.512s", kind, content)
		}
	}
}

func TestUnknownKindIsAnErrorThatListsTheKinds(t *testing.T) {
	t.Parallel()
	_, err := Report{}.Render("htm")
	want := `"htm" is not a kind of report. Use "html", "junit" or "markdown". Did you mean "html"?`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestVerdictIsTheWorstThatCounts(t *testing.T) {
	t.Parallel()
	row := func(verdict tcpconnect.Verdict) Row {
		return Row{Finding: tcpconnect.Finding{Verdict: verdict, Title: "t"}}
	}
	excluded := Row{Finding: tcpconnect.Finding{Verdict: tcpconnect.Pass, Title: "t"}, Skipped: "excluded"}
	unsupported := Row{Finding: tcpconnect.Finding{Verdict: tcpconnect.Warn, Title: "t"}, Skipped: "unsupported"}
	const neither = "No check has a verdict, so this report says neither pass nor fail."
	for name, test := range map[string]struct {
		rows     []Row
		headline string
		summary  string
	}{
		"no rows":         {nil, "Nothing was judged", ""},
		"not judged":      {[]Row{row("")}, "Nothing was judged", neither},
		"skipped":         {[]Row{excluded, row("")}, "Nothing was judged", ""},
		"pass":            {[]Row{row(tcpconnect.Pass), row(""), excluded}, "Pass", "1 of 1 judged checks passed."},
		"warn":            {[]Row{row(tcpconnect.Pass), row(tcpconnect.Warn)}, "Warn", ""},
		"left out":        {[]Row{row(tcpconnect.Pass), unsupported}, "Warn", ""},
		"fail":            {[]Row{row(tcpconnect.Warn), row(tcpconnect.Fail)}, "Fail", "1 of 2 judged checks failed."},
		"unknown verdict": {[]Row{row("passed")}, "Fail", "1 of 1 judged checks failed."},
	} {
		v := newView(Report{Groups: []Group{{"g", test.rows}}})
		if v.Headline() != test.headline || test.summary != "" && v.Summary() != test.summary {
			t.Errorf("%s: %q, %q", name, v.Headline(), v.Summary())
		}
		for _, kind := range Kinds() {
			content, err := Report{Groups: []Group{{"g", test.rows}}}.Render(kind)
			if err != nil {
				t.Fatal(err)
			}
			if kind != JUnit && !bytes.Contains(content, []byte(test.headline)) {
				t.Errorf("%s: %s does not say %q:\n%s", name, kind, test.headline, content)
			}
		}
	}
}

func TestRenderingDoesNotChangeTheReport(t *testing.T) {
	t.Parallel()
	report := sample(20)
	report.Groups[0].Rows[0].Result.Message = "\x00"
	for _, kind := range Kinds() {
		if _, err := report.Render(kind); err != nil {
			t.Fatal(err)
		}
	}
	if got := report.Groups[0].Rows[0].Result.Message; got != "\x00" {
		t.Errorf("the message became %q", got)
	}
}

func TestDurationsAreShortAndHaveAUnit(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                       "0.0 ms",
		420 * time.Microsecond:  "0.4 ms",
		12 * time.Millisecond:   "12 ms",
		1234 * time.Millisecond: "1.2 s",
		125 * time.Second:       "2m5s",
	} {
		if got := took(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}

// hostile is a text that breaks out of whatever does not escape it.
const hostile = "x</script></td></title></style>-->]]>\"'><script>parent.ran=1;window.ran=1</script>" +
	"<img src=x onerror=parent.ran=1>&lt;b&gt;&#60;i&#62; {{.}} ${x} a|b\\|c\\ `c` *e* _e_ ~~s~~ " +
	"[l](javascript:alert(1)) ![i](x) <https://a.example> www.a.example " +
	"https://b.example me@c.example @mention #123 !45 ~bug %m $s$ &9 :+1: :100: " +
	"\x00\x01\x1b[31m\x7f\u0085\u202e\u2066\ufffe\uffff\xff\r\n# h\n- l\n\n---\t| x |\n| --- |\n"

// link of a hostile report that a page may have.
const hostileLink = `https://a.example/"><script>parent.ran=1</script><b>'|` + "`*_@mention"

// filled returns a report with a text in each field of each row. Its rows are of all standings.
func filled(text string) Report {
	uris := []string{"javascript:parent.ran=1//" + text, hostileLink, "https:\n//b.example", "data:text/html,x", text}
	group := Group{Title: text}
	verdicts := []tcpconnect.Verdict{
		"", tcpconnect.Pass, tcpconnect.Warn, tcpconnect.Fail, "x" + tcpconnect.Verdict(text), "",
	}
	for i, verdict := range verdicts {
		row := Row{
			Finding: tcpconnect.Finding{
				Verdict:       verdict,
				Title:         text,
				Message:       text + "message",
				URI:           uris[i%len(uris)],
				CollectorName: text,
				Address:       text,
				Node:          text,
				Result: &tcpconnect.Result{
					Status:   tcpconnect.Status(text),
					Reason:   tcpconnect.Reason(text + "reason"),
					Message:  text + "system",
					Via:      text,
					Duration: -time.Second,
					Attempts: 3,
				},
			},
		}
		if i == 5 {
			row.Result, row.Skipped = nil, text
		}
		group.Rows = append(group.Rows, row)
	}
	return Report{Version: text, Groups: []Group{group, group}}
}

// shown is a text as a reader sees it: white space counts once.
func shown(text string) string {
	return strings.Join(strings.Fields(clean(text)), " ")
}

// byTitle returns the titles of a report's rows in the order of the view.
func byTitle(v *view) []string {
	var titles []string
	for _, section := range v.Sections {
		for _, line := range section.Lines {
			titles = append(titles, line.Title)
		}
	}
	return titles
}

func TestFailuresComeFirst(t *testing.T) {
	t.Parallel()
	report := sample(20)
	want := []string{
		"Orders database", "Cache", ".spec.collectors[3].postgresql", "Service 7", "Service 0", "Service 3",
	}
	if got := byTitle(newView(report)); !slices.Equal(got[:len(want)], want) || got[19] != "Service 11" {
		t.Errorf("%q", got)
	}
}

func BenchmarkReports(b *testing.B) {
	report := sample(10_000)
	for _, kinds := range [][]Kind{{HTML}, {JUnit}, {Markdown}, Kinds()} {
		b.Run(fmt.Sprint(kinds), func(b *testing.B) {
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = 0
				for _, kind := range kinds {
					content, err := report.Render(kind)
					if err != nil {
						b.Fatal(err)
					}
					size += len(content)
				}
			}
			b.ReportMetric(float64(size)/1e6, "MB")
		})
	}
}
