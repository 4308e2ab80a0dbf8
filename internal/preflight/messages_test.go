// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestExplainNamesTheArgumentAndTheCause(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err      error
		argument string
		summary  string
		detail   []string
	}{
		"collector name used twice": {
			err:      &ClaimError{CollectorName: "db"},
			argument: "collector_name",
			summary:  "Collector Name Used Twice",
			detail:   []string{`"db"`, "Set a different collector_name on each", "in preflight_endpoints: name"},
		},
		"archive without a bundle": {
			err:      ErrArchiveWithoutBundle,
			argument: "archive",
			summary:  "Archive Without a Bundle",
			detail:   []string{"emit_bundle is false"},
		},
		"archive that was read before": {
			err:      ErrOlderArchive,
			argument: "archive",
			summary:  "Archive Was Read Before",
			detail:   []string{"bundle = data.preflight_spec.NAME.archive"},
		},
		"archive of two batches": {
			err:      ErrArchiveTaken,
			argument: "archive",
			summary:  "Archive Would Be Overwritten",
			detail:   []string{"another preflight_spec or preflight_endpoints of this run writes that archive"},
		},
		"cancelled": {
			err:     context.Canceled,
			summary: "Check Interrupted",
			detail:  []string{"while the spec was checked", "no result was written"},
		},
		"deadline": {
			err:     context.DeadlineExceeded,
			summary: "Check Interrupted",
			detail:  []string{"while the spec was checked", "no result was written"},
		},
		"file of another program": {
			err:     &bundle.ForeignFileError{Path: "dir/version.yaml"},
			summary: "File of Another Program",
			detail:  []string{"dir/version.yaml", `bundle_dir = "support-bundle"`},
		},
		"archive that cannot be written": {
			err:      &ArchiveError{fs.ErrPermission},
			argument: "archive",
			summary:  "Archive Not Written",
			detail:   []string{"The check of the spec was made and the bundle was written", fs.ErrPermission.Error()},
		},
		"result that cannot be written": {
			err:     fs.ErrPermission,
			summary: "Result Not Written",
			detail:  []string{"The check of the spec was made", fs.ErrPermission.Error(), "emit_bundle = false"},
		},
	} {
		for _, err := range []error{test.err, fmt.Errorf("write: %w", test.err)} {
			got := Explain(err, "the spec", "collector_name")
			if got.IsWarning || got.Argument != test.argument || got.Summary != test.summary {
				t.Errorf("%s: %+v, want an error %q about the argument %q", name, got, test.summary, test.argument)
			}
			for _, fragment := range test.detail {
				if !strings.Contains(got.Detail, fragment) {
					t.Errorf("%s: the detail is %q, want %q", name, got.Detail, fragment)
				}
			}
		}
	}
}

func TestExplainNamesTheArgumentOfACollectorName(t *testing.T) {
	t.Parallel()
	for _, argument := range []string{"collector_name", "spec"} {
		if got := Explain(&ClaimError{CollectorName: "db"}, "db:5432", argument).Argument; got != argument {
			t.Errorf("the error is about the argument %q, want %q", got, argument)
		}
	}
	got := Explain(errors.New("disk full"), "db:5432", "collector_name")
	if want := "The check of db:5432 was made"; !strings.HasPrefix(got.Detail, want) {
		t.Errorf("the detail is %q, want it to begin with %q", got.Detail, want)
	}
}

func TestMessagesOfABatch(t *testing.T) {
	t.Parallel()
	finding := func(verdict tcpconnect.Verdict, name string) tcpconnect.Finding {
		return tcpconnect.Finding{
			Verdict:       verdict,
			Title:         "Check " + name,
			Message:       name + " is down",
			CollectorName: name,
			Address:       name + ":80",
			URI:           "https://example.com/" + name,
			Result: &tcpconnect.Result{
				Status: tcpconnect.ConnectionRefused,
				Reason: tcpconnect.ReasonRefused,
			},
		}
	}
	strict := func(verdict tcpconnect.Verdict, name string) tcpconnect.Finding {
		strict := finding(verdict, name)
		strict.Strict = true
		return strict
	}
	part := func(path string) tcpconnect.Finding {
		return tcpconnect.Finding{Verdict: tcpconnect.Warn, Title: path, Message: path + " is not run"}
	}
	const pass, warn, fail = tcpconnect.Pass, tcpconnect.Warn, tcpconnect.Fail
	type message struct {
		isWarning bool
		summary   string   // or its beginning, if this ends with a space
		detail    []string // fragments, in this order
		without   []string // fragments that the detail does not contain
	}
	for name, test := range map[string]struct {
		findings []tcpconnect.Finding
		dir      string
		archive  string
		want     []message
	}{
		"nothing":          {},
		"passes":           {findings: []tcpconnect.Finding{strict(pass, "a"), finding(pass, "b")}},
		"lenient failures": {findings: []tcpconnect.Finding{finding(fail, "a"), finding(fail, "b")}},
		"one strict warning": {
			findings: []tcpconnect.Finding{strict(warn, "a")},
			want: []message{{
				isWarning: true,
				summary:   "Spec: 1 of 1 Check Warn: a",
				detail:    []string{"Check a: a is down"},
			}},
		},
		"warnings": {
			findings: []tcpconnect.Finding{
				finding(warn, "b"),
				finding(fail, "c"),
				finding(pass, "d"),
				finding(warn, "a"),
			},
			dir:     "bundle",
			archive: "acme.tar.gz",
			want: []message{{
				isWarning: true,
				summary:   "Spec: 2 of 4 Checks Warn: b, a",
				detail: []string{
					"Check b: b is down\n  Address: b:80\n  Status: connection-refused, reason: refused\n",
					"\n  More: https://example.com/b\n\nCheck a: a is down",
					"\n  More: https://example.com/a",
				},
				without: []string{"Check c", "Check d", "bundle", "acme.tar.gz"},
			}},
		},
		"many warnings": {
			findings: []tcpconnect.Finding{
				finding(warn, "a"), finding(warn, "b"), finding(warn, "c"), finding(warn, "d"), finding(warn, "e"),
				finding(warn, "f"), finding(warn, "g"),
			},
			want: []message{{isWarning: true, summary: "Spec: 7 of 7 Checks Warn: a, b, c, d, e and 2 more"}},
		},
		"unsupported parts": {
			findings: []tcpconnect.Finding{finding(pass, "a"), part("collectors[1].cpu"), part("analyzers[0].cpu")},
			want: []message{{
				isWarning: true,
				summary:   "Spec: 2 Parts Left Out",
				detail:    []string{"\n\ncollectors[1].cpu\nanalyzers[0].cpu"},
			}},
		},
		"one unsupported part": {
			findings: []tcpconnect.Finding{part("collectors[1].cpu")},
			want: []message{{
				isWarning: true,
				summary:   "Spec: 1 Part Left Out",
				detail:    []string{"\n\ncollectors[1].cpu"},
			}},
		},
		"strict failure with an archive": {
			findings: []tcpconnect.Finding{
				finding(fail, "a"),
				strict(fail, "b"),
				finding(pass, "c"),
				strict(fail, "d"),
			},
			dir:     "bundle",
			archive: "acme.tar.gz",
			want: []message{{
				summary: "Spec Failed: 3 of 4 Checks",
				detail: []string{
					"Check b: b is down\n  Address: b:80",
					"\n\nCheck d: d is down",
					"\n\nCheck a: a is down",
					"\n\nThe archive acme.tar.gz holds all results.",
				},
				without: []string{"Check c", "The support bundle"},
			}},
		},
		"strict failure with a bundle": {
			findings: []tcpconnect.Finding{strict(fail, "a")},
			dir:      "dir",
			want: []message{{
				summary: "Spec Failed: 1 of 1 Check",
				detail:  []string{"Check a: a is down", "\n\nThe support bundle in dir holds all results."},
				without: []string{"The archive"},
			}},
		},
		"strict failure without files": {
			findings: []tcpconnect.Finding{strict(fail, "a")},
			want: []message{{
				summary: "Spec Failed: 1 of 1 Check",
				detail:  []string{"Check a: a is down"},
				without: []string{"The archive", "The support bundle", "holds all results"},
			}},
		},
		"all at once": {
			findings: []tcpconnect.Finding{
				strict(fail, "a"),
				finding(warn, "b"),
				part("collectors[1].cpu"),
				finding(fail, "c"),
				finding(pass, "d"),
			},
			want: []message{
				{isWarning: true, summary: "Spec: 1 of 4 Checks Warn: b", detail: []string{"Check b"}},
				{isWarning: true, summary: "Spec: 1 Part Left Out", detail: []string{"collectors[1].cpu"}},
				{
					summary: "Spec Failed: 2 of 4 Checks",
					detail:  []string{"Check a", "Check c"},
					without: []string{"Check b"},
				},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			batch := BatchResult{Findings: slices.Clone(test.findings), BundleDir: test.dir}
			got := batch.Messages("Spec", test.archive, false)
			if len(got) != len(test.want) {
				t.Fatalf("%+v, want %d messages", got, len(test.want))
			}
			for i, want := range test.want {
				if got[i].IsWarning != want.isWarning || got[i].Argument != "" {
					t.Errorf("message %d is %+v, want a warning: %t, and no argument", i, got[i], want.isWarning)
				}
				if summary := got[i].Summary; !strings.HasPrefix(summary, want.summary) ||
					!strings.HasSuffix(want.summary, " ") && summary != want.summary {
					t.Errorf("the summary is %q, want %q", summary, want.summary)
				}
				rest := got[i].Detail
				for _, fragment := range want.detail {
					_, after, found := strings.Cut(rest, fragment)
					if !found {
						t.Errorf("the detail is %q, want %q", got[i].Detail, fragment)
					}
					rest = after
				}
				for _, fragment := range want.without {
					if strings.Contains(got[i].Detail, fragment) {
						t.Errorf("the detail is %q, and should not contain %q", got[i].Detail, fragment)
					}
				}
			}
		})
	}
}
