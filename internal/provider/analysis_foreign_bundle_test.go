// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// clusterBundle is what the Troubleshoot tools write about two nodes.
var clusterBundle = map[string]string{
	"version.yaml": `apiVersion: troubleshoot.sh/v1beta2
kind: SupportBundle
spec:
  versionNumber: v0.120.0
`,
	"host-collectors/system/node_list.json":       `{"nodes":["node-1","node-2"]}`,
	"host-collectors/connect/node-1/connect.json": `{"status":"connected","message":""}`,
	"host-collectors/connect/node-2/connect.json": `{"status":"connection-timeout","message":"dial tcp ` +
		`10.0.0.1:5432: i/o timeout"}`,
}

// plantBundle writes a bundle as a directory and as an archive, with all files below top.
func plantBundle(t *testing.T, files map[string]string, top string, writtenAt time.Time) (dir, archive string) {
	t.Helper()
	dir, archive = t.TempDir(), filepath.Join(t.TempDir(), "bundle.tar.gz")
	file, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	zip := gzip.NewWriter(file)
	writer := tar.NewWriter(zip)
	for name, content := range files {
		name = top + name
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(
			os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(content), 0o644),
			os.Chtimes(path, writtenAt, writtenAt),
		); err != nil {
			t.Fatal(err)
		}
		header := tar.Header{
			Typeflag: tar.TypeReg,
			Name:     name,
			Size:     int64(len(content)),
			Mode:     0o644,
			ModTime:  writtenAt,
		}
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(writer, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(writer.Close(), zip.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return dir, archive
}

func TestBundleOfAClusterHasAResultOfEachNode(t *testing.T) {
	t.Parallel()
	writtenAt := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	dir, archive := plantBundle(t, clusterBundle, "support-bundle-2026-11-01T12_00_00/", writtenAt)
	for _, bundle := range []string{dir, archive} {
		result := func(node, status, detail, outcome, message string) knownvalue.Check {
			return knownvalue.ObjectExact(map[string]knownvalue.Check{
				"node":         knownvalue.StringExact(node),
				"title":        knownvalue.StringExact("Database - Node " + node),
				"status":       knownvalue.StringExact(status),
				"reason":       knownvalue.Null(),
				"detail":       knownvalue.StringExact(detail),
				"outcome":      knownvalue.StringExact(outcome),
				"message":      knownvalue.StringExact(message),
				"uri":          knownvalue.Null(),
				"explanation":  knownvalue.NotNull(),
				"matched":      knownvalue.Bool(true),
				"collected_at": knownvalue.StringExact(writtenAt.Format(time.RFC3339)),
			})
		}
		acceptance(t, nil, resource.TestStep{
			Config: fmt.Sprintf(`
data "preflight_analysis" "db" {
  check_name = "Database"
  bundle     = %q
  max_age    = "2h"
  outcomes = [
    { pass = { when = "connected" } },
    { fail = { message = "The database does not answer" } },
  ]
}
`, bundle),
			ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
				"status":       knownvalue.StringExact("connection-timeout"),
				"outcome":      knownvalue.StringExact("fail"),
				"proceed":      knownvalue.Bool(false),
				"title":        knownvalue.StringExact("Database - Node node-2"),
				"message":      knownvalue.StringExact("Database - Node node-2: The database does not answer"),
				"collected_at": knownvalue.StringExact(writtenAt.Format(time.RFC3339)),
				"results": knownvalue.ListExact([]knownvalue.Check{
					result("node-1", "connected", "", "pass", "Database - Node node-1: connected"),
					result("node-2", "connection-timeout", "dial tcp 10.0.0.1:5432: i/o timeout", "fail",
						"The database does not answer"),
				}),
			}),
		})
		acceptance(t, nil, resource.TestStep{
			Config: analysisOf(bundle, "max_age = \"30m\"\n"), PlanOnly: true, ExpectError: says("the result is 1h0m"),
		})
		acceptance(t, nil, resource.TestStep{
			Config: fmt.Sprintf(`data "preflight_analysis" "db" {
  bundle   = %q
  strict   = true
  outcomes = [{ pass = { when = "connected" } }]
}
`, bundle), PlanOnly: true,
			ExpectError: says("TCP Connection Attempt - Node node-2: no outcome covers the status"),
		})
	}
}

func TestMissingNodesGetTheConfiguredVerdict(t *testing.T) {
	t.Parallel()
	const nodeList = "host-collectors/system/node_list.json"
	dir, archive := plantBundle(t, map[string]string{
		nodeList: `{"nodes":["control-plane","node-1"]}`,
		"host-collectors/node-1/connect/connect.json": `{"status":"connected","message":""}`,
	}, "", time.Now().Add(-time.Minute))
	for _, bundle := range []string{dir, archive} {
		for _, missing := range []string{"", "missing_nodes = \"error\"\n"} {
			acceptance(t, nil, resource.TestStep{
				Config: analysisOf(bundle, missing), PlanOnly: true,
				ExpectError: says(`the bundle lists nodes that it holds nothing of: control-plane. If the tools do ` +
					`not reach them, because they are tainted for example, set missing_nodes = "warn" or "fail".`),
			})
		}
		for verdict, proceed := range map[string]bool{"fail": false, "warn": true} {
			acceptance(t, nil, resource.TestStep{
				Config: analysisOf(bundle, fmt.Sprintf(`check_name    = "Database"
max_age       = "1h"
missing_nodes = %q
`, verdict)),
				ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
					"status":  knownvalue.Null(),
					"outcome": knownvalue.StringExact(verdict),
					"proceed": knownvalue.Bool(proceed),
					"matched": knownvalue.Bool(false),
					"message": knownvalue.StringExact("Database - Node control-plane: the bundle holds nothing of " +
						"this node"),
					"results": knownvalue.ListExact([]knownvalue.Check{
						knownvalue.ObjectPartial(map[string]knownvalue.Check{
							"node":         knownvalue.StringExact("control-plane"),
							"status":       knownvalue.Null(),
							"detail":       knownvalue.StringExact(""),
							"outcome":      knownvalue.StringExact(verdict),
							"collected_at": knownvalue.Null(),
						}),
						knownvalue.ObjectPartial(map[string]knownvalue.Check{
							"node":    knownvalue.StringExact("node-1"),
							"outcome": knownvalue.StringExact("pass"),
						}),
					}),
				}),
			})
		}
	}
	acceptance(t, nil, resource.TestStep{
		Config:      analysisOf(dir, "strict = true\nmissing_nodes = \"fail\"\n"),
		PlanOnly:    true,
		ExpectError: says(`Status of the node "control-plane": none`),
	})
	none, _ := plantBundle(t, map[string]string{
		nodeList:                               `{"nodes":["control-plane"]}`,
		"host-collectors/connect/connect.json": "connected",
	}, "", time.Now())
	partly, _ := plantBundle(t, map[string]string{
		nodeList: `{"nodes":["node-1","node-2"]}`,
		"host-collectors/node-1/connect/connect.json": "connected",
		"host-collectors/node-2/system/cpu.json":      "{}",
	}, "", time.Now())
	for bundle, want := range map[string]string{
		none:   "lists nodes, and the bundle holds no result of a collector named \"connect\" of any of them",
		partly: `the bundle holds results of ["node-2"], but none of a collector named "connect"`,
	} {
		acceptance(t, nil, resource.TestStep{
			Config:      analysisOf(bundle, "missing_nodes = \"warn\"\n"),
			PlanOnly:    true,
			ExpectError: says(want),
		})
	}
}

func TestMissingNodesNeedsABundle(t *testing.T) {
	t.Parallel()
	const ofAStatus = `data "preflight_analysis" "db" {
  status        = "connected"
  outcomes      = [{ pass = { when = "connected" } }]
  missing_nodes = "warn"
%s}
`
	acceptance(t, nil,
		resource.TestStep{
			Config:      fmt.Sprintf(ofAStatus, ""),
			PlanOnly:    true,
			ExpectError: says("Missing Nodes Without Bundle"),
		},
		resource.TestStep{
			Config:      analysisOf("x", "missing_nodes = \"warning\"\n"),
			PlanOnly:    true,
			ExpectError: says(`"warning" is not what a missing node can mean`),
		},
		resource.TestStep{
			Config:      analysisOf("x", "missing_nodes = \"wran\"\n"),
			PlanOnly:    true,
			ExpectError: says(`Did you mean "warn"?`),
		},
		resource.TestStep{Config: fmt.Sprintf(ofAStatus, "  exclude = true\n")},
	)
}

func TestReasonInABundleIsJudged(t *testing.T) {
	t.Parallel()
	for content, test := range map[string]struct {
		outcome, reason string
	}{
		`{"status":"connection-refused","message":"","reason":"refused"}`: {"pass", "refused"},
		`{"status":"connection-refused","message":""}`:                    {"pass", ""},
		`connection-refused`: {"pass", ""},
		`{"status":"connection-refused","message":"","reason":"not-ready"}`:     {"fail", "not-ready"},
		`{"status":"connection-refused","message":"","reason":"of-tomorrow"}`:   {"fail", "of-tomorrow"},
		`{"status":"connection-refused","message":"","reason":"\u001brefused"}`: {"fail", "\ufffdrefused"},
	} {
		dir, _ := plantResult(t, content, 0)
		reason := knownvalue.Check(knownvalue.Null())
		if test.reason != "" {
			reason = knownvalue.StringExact(test.reason)
		}
		acceptance(t, nil, resource.TestStep{
			Config: analysisOf(dir, ""),
			ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
				"outcome": knownvalue.StringExact(test.outcome),
				"results": knownvalue.ListExact([]knownvalue.Check{
					knownvalue.ObjectPartial(map[string]knownvalue.Check{"reason": reason}),
				}),
			}),
		})
	}
	for _, content := range []string{
		`{"status":"connection-refused","message":"","reason":"connected"}`,
		`{"status":"connection-refused","message":"","reason":"local-limit"}`,
		`{"status":"connection-timeout","message":"","reason":"no-such-host"}`,
		`{"status":"connected","message":"","reason":"refused"}`,
	} {
		dir, _ := plantResult(t, content, 0)
		acceptance(t, nil, resource.TestStep{
			Config:      analysisOf(dir, ""),
			PlanOnly:    true,
			ExpectError: says("which belongs to another status: the file was changed"),
		})
	}
	dir, _ := plantResult(t, `{"status":"error","message":"","reason":"local-limit"}`, 0)
	acceptance(t, nil, resource.TestStep{
		Config:      analysisOf(dir, "strict = true\n"),
		PlanOnly:    true,
		ExpectError: says("Status: error, reason: local-limit"),
	})
}

func TestTextsOfABundleHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	const hidden = `{"status":"error","message":"\u001b[8mhidden\u0007\u009b\r\n\tseen"}`
	dir, archive := plantBundle(t, map[string]string{"host-collectors/connect/connect.json": hidden}, "", time.Now())
	for _, bundle := range []string{dir, archive} {
		acceptance(t, nil, resource.TestStep{
			Config: analysisOf(bundle, ""),
			ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
				"results": knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"detail": knownvalue.StringExact("\ufffd[8mhidden\ufffd\ufffd\n\tseen"),
				})}),
			}),
		})
	}
	_, hostile := plantBundle(t, map[string]string{
		"host-collectors/connect/\x1b[8m/connect.json": "connected",
	}, "", time.Now())
	acceptance(t, nil, resource.TestStep{
		Config:      analysisOf(hostile, ""),
		PlanOnly:    true,
		ExpectError: says("host-collectors/connect/\ufffd[8m/connect.json"),
	})
}

func TestStatusOfALaterVersionNeverPasses(t *testing.T) {
	t.Parallel()
	dir, _ := plantResult(t, `{"status":"half-open","message":""}`, 0)
	for verdict, want := range map[string]string{"pass": "fail", "warn": "warn", "fail": "fail"} {
		acceptance(t, nil, resource.TestStep{
			Config: fmt.Sprintf(`data "preflight_analysis" "db" {
  bundle   = %q
  outcomes = [{ %s = {} }]
}
`, dir, verdict),
			ConfigStateChecks: attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
				"status":  knownvalue.StringExact("half-open"),
				"outcome": knownvalue.StringExact(want),
				"matched": knownvalue.Bool(verdict != "pass"),
			}),
		})
	}
}

func TestEveryAnalysisHasResults(t *testing.T) {
	t.Parallel()
	acceptance(t, nil, resource.TestStep{
		Config: `
data "preflight_analysis" "db" {
  status   = "connected"
  outcomes = [{ warn = { title = "Database", uri = "https://example.com" } }]
}
data "preflight_analysis" "excluded" {
  exclude  = true
  outcomes = [{ pass = {} }]
}
`,
		ConfigStateChecks: append(attributes("data.preflight_analysis.db", map[string]knownvalue.Check{
			"results": knownvalue.ListExact([]knownvalue.Check{knownvalue.ObjectExact(map[string]knownvalue.Check{
				"node":         knownvalue.Null(),
				"title":        knownvalue.StringExact("Database"),
				"status":       knownvalue.StringExact("connected"),
				"reason":       knownvalue.Null(),
				"detail":       knownvalue.StringExact(""),
				"outcome":      knownvalue.StringExact("warn"),
				"message":      knownvalue.StringExact("Database: connected"),
				"uri":          knownvalue.StringExact("https://example.com"),
				"explanation":  knownvalue.NotNull(),
				"matched":      knownvalue.Bool(true),
				"collected_at": knownvalue.Null(),
			})}),
		}), attributes("data.preflight_analysis.excluded", map[string]knownvalue.Check{
			"results": knownvalue.Null(),
		})...),
	})
}

func TestArchiveOfThisRunIsNotReadBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	_, older := plantBundle(t, map[string]string{"host-collectors/connect/a.json": "connected"}, "", time.Now())
	config := func(bundle, order string) string {
		text := endpointSpec(map[string]string{"a": loopback.Refused(t).String()}, "5s")
		return providerBlock(t.TempDir(), "") + specConfig(text, fmt.Sprintf("archive = %q\n%s", older, order)) +
			fmt.Sprintf(`data "preflight_analysis" "a" {
  bundle         = %s
  collector_name = "a"
  outcomes       = [{ pass = { when = "connected" } }]
}
`, bundle)
	}
	acceptance(t, nil, resource.TestStep{
		Config: config(fmt.Sprintf("%q", filepath.Dir(older)+"/./"+filepath.Base(older)),
			"depends_on = [data.preflight_analysis.a]\n"),
		PlanOnly: true, ExpectError: says("what was read is an older run's"),
	})
	acceptance(t, nil, resource.TestStep{
		Config: config("data.preflight_spec.vendor.archive", ""),
		ConfigStateChecks: attributes("data.preflight_analysis.a", map[string]knownvalue.Check{
			"status": knownvalue.StringExact("connection-refused"), "proceed": knownvalue.Bool(false),
		}),
	})
}

func TestBundleInsideOwnDirectoryIsOwn(t *testing.T) {
	t.Parallel()
	dir, _ := plantBundle(t, map[string]string{"host-collectors/connect/connect.json": "connected"},
		"acme/", time.Now())
	acceptance(t, nil, resource.TestStep{
		Config:      providerBlock(dir, "") + analysisOf(dir, ""),
		PlanOnly:    true,
		ExpectError: says("is this provider's own bundle"),
	})
}
