// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// specConfig is a data source that runs a spec, with more arguments.
func specConfig(text, more string) string {
	return fmt.Sprintf(`data "preflight_spec" "vendor" {
  spec = %q
%s}
`, text, more)
}

// endpointSpec is a HostPreflight of one collector and analyzer for each address. A refused connection fails, a timeout
// warns and a connection passes.
func endpointSpec(addresses map[string]string, timeout string) string {
	text := `apiVersion: troubleshoot.sh/v1beta2
kind: HostPreflight
spec:
  collectors:
`
	analyzers := "  analyzers:\n"
	var names []string
	for name := range addresses {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text += fmt.Sprintf(`    - tcpConnect: {collectorName: %s, address: %q, timeout: %s}
`, name, addresses[name], timeout)
		analyzers += fmt.Sprintf(`    - tcpConnect:
        checkName: Check %[1]s
        collectorName: %[1]s
        outcomes:
          - fail: {when: connection-refused, message: %[1]s is down, uri: "https://example.com/%[1]s"}
          - warn: {when: connection-timeout, message: %[1]s is slow}
          - pass: {when: connected, message: %[1]s is up}
`, name)
	}
	return text + analyzers
}

// filesBelow returns the files of a directory and its subdirectories.
func filesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func TestPageExampleThroughSpec(t *testing.T) {
	t.Parallel()
	unresolvable := loopback.DNS(t, nil, dnsmessage.RCodeNameError)
	for status, test := range map[tcpconnect.Status]struct {
		resolver tcpconnect.Resolver
		address  string
		outcome  string
		message  string
	}{
		tcpconnect.Connected: {
			address: loopback.Open(t).String(),
			outcome: "pass",
			message: "Successfully connected to the Kubernetes API address",
		},
		tcpconnect.ConnectionRefused: {
			address: loopback.Refused(t).String(),
			outcome: "fail",
			message: "Connection to the Kubernetes API address was refused",
		},
		tcpconnect.ConnectionTimeout: {
			address: loopback.Silent(t, loopback.IPv4).String(),
			outcome: "fail",
			message: "Timed out connecting to the Kubernetes API address",
		},
		tcpconnect.Error: {
			resolver: unresolvable,
			address:  "api.invalid:6443",
			outcome:  "fail",
			message:  "Unexpected error connecting to the Kubernetes API address",
		},
	} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			const name, title = "kubernetes-api-tcp-conn-status", "Kubernetes API TCP Connection Status"
			dir := t.TempDir()
			replacer := strings.NewReplacer("10.128.0.29:6443", test.address, "timeout: 10s", "timeout: 500ms")
			text := replacer.Replace(pageSpec)
			said := string(status)
			if status == tcpconnect.Error {
				said += ", no-such-host"
			}
			message := fmt.Sprintf("%s: %s (%s: %s)", title, test.message, test.address, said)
			if test.outcome == "pass" {
				message = test.message
			}
			acceptance(t, test.resolver, resource.TestStep{
				Config: providerBlock(dir, "") + specConfig(text, ""),
				ConfigStateChecks: attributes("data.preflight_spec.vendor", map[string]knownvalue.Check{
					"outcome":    knownvalue.StringExact(test.outcome),
					"is_pass":    knownvalue.Bool(test.outcome == "pass"),
					"is_warn":    knownvalue.Bool(false),
					"is_fail":    knownvalue.Bool(test.outcome == "fail"),
					"proceed":    knownvalue.Bool(test.outcome == "pass"),
					"message":    knownvalue.StringExact(message),
					"skipped":    knownvalue.ListExact(nil),
					"archive":    knownvalue.Null(),
					"bundle_dir": knownvalue.StringExact(dir),
					"results": knownvalue.ListExact([]knownvalue.Check{
						knownvalue.ObjectPartial(map[string]knownvalue.Check{
							"title":          knownvalue.StringExact(title),
							"collector_name": knownvalue.StringExact(name),
							"address":        knownvalue.StringExact(test.address),
							"status":         knownvalue.StringExact(string(status)),
							"outcome":        knownvalue.StringExact(test.outcome),
							"message":        knownvalue.StringExact(test.message),
							"uri":            knownvalue.Null(),
							"matched":        knownvalue.Bool(true),
							"strict":         knownvalue.Bool(false),
						}),
					}),
					"collected": knownvalue.MapExact(map[string]knownvalue.Check{
						name: knownvalue.ObjectPartial(map[string]knownvalue.Check{
							"address":     knownvalue.StringExact(test.address),
							"status":      knownvalue.StringExact(string(status)),
							"duration_ms": knownvalue.NotNull(),
						}),
					}),
				}),
			})
			expectFile(t, filepath.Join(dir, "host-collectors", "connect", name+".json"), string(status))
			want := []string{"analysis.json", "host-collectors/connect/" + name + ".json", "version.yaml"}
			if files := filesBelow(t, dir); !slices.Equal(files, want) {
				t.Errorf("the bundle holds %q, want %q", files, want)
			}
		})
	}
}

func TestSpecHasTheWorstVerdictOfItsAnalyzers(t *testing.T) {
	t.Parallel()
	addresses := map[string]string{
		"a": loopback.Open(t).String(),
		"b": loopback.Silent(t, loopback.IPv4).String(),
		"c": loopback.Refused(t).String(),
	}
	text := endpointSpec(addresses, "500ms")
	text = strings.Replace(text, "    - tcpConnect: {collectorName: a,",
		`    - tcpConnect: {collectorName: out, exclude: "true", address: "127.0.0.1:1"}
    - tcpConnect: {collectorName: a,`, 1)
	for _, name := range []string{"out", "d", "a"} {
		const outcomes = "[{pass: {when: error}}]"
		text += fmt.Sprintf("    - tcpConnect: {checkName: Also %s, collectorName: %s, exclude: %t, outcomes: %s}\n",
			name, name, name == "a", outcomes)
	}
	acceptance(t, nil, resource.TestStep{
		Config: providerBlock(t.TempDir(), "") + specConfig(text, ""),
		ConfigStateChecks: attributes("data.preflight_spec.vendor", map[string]knownvalue.Check{
			"outcome": knownvalue.StringExact("fail"),
			"proceed": knownvalue.Bool(false),
			"message": knownvalue.StringExact("Check c: c is down (" + addresses["c"] +
				": connection-refused) More: https://example.com/c\n" +
				"Also out: the collector \"out\" (at line 5, column 19) is excluded, so nothing is known and the " +
				"check fails. Exclude the analyzer too.\n" +
				"Also d: the spec has no collector named \"d\" (the analyzer at line 32, column 19), so nothing is " +
				"known and the check fails. It has \"out\", \"a\", \"b\", \"c\".\n" +
				"Check b: b is slow (" + addresses["b"] + ": connection-timeout)"),
			"results": knownvalue.ListExact([]knownvalue.Check{
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"title":   knownvalue.StringExact("Check a"),
					"outcome": knownvalue.StringExact("pass"),
					"reason":  knownvalue.StringExact("connected"),
				}),
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"title":   knownvalue.StringExact("Check b"),
					"outcome": knownvalue.StringExact("warn"),
					"reason":  knownvalue.StringExact("no-response"),
				}),
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"title":   knownvalue.StringExact("Check c"),
					"outcome": knownvalue.StringExact("fail"),
					"uri":     knownvalue.StringExact("https://example.com/c"),
				}),
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"title":   knownvalue.StringExact("Also out"),
					"outcome": knownvalue.StringExact("fail"),
					"matched": knownvalue.Bool(false),
					"status":  knownvalue.Null(),
				}),
				knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"title":   knownvalue.StringExact("Also d"),
					"outcome": knownvalue.StringExact("fail"),
					"matched": knownvalue.Bool(false),
					"address": knownvalue.Null(),
				}),
			}),
			"collected": knownvalue.MapSizeExact(3),
		}),
	})
}

func TestSpecSaysWhatItDoesNotRun(t *testing.T) {
	t.Parallel()
	up := loopback.Open(t).String()
	text := strings.Replace(endpointSpec(map[string]string{"a": up}, "5s"), "  analyzers:\n", `    - cpu: {}
    - memory: {}
  analyzers:
    - cpu: {outcomes: [{pass: {message: x}}]}
`, 1)
	skipped := []knownvalue.Check{
		knownvalue.StringExact("collectors[1].cpu"),
		knownvalue.StringExact("collectors[2].memory"),
		knownvalue.StringExact("analyzers[0].cpu"),
	}
	acceptance(t, nil,
		resource.TestStep{
			Config: providerBlock(t.TempDir(), "") + specConfig(text, ""),
			ExpectError: says("collectors[1].cpu collectors[2].memory analyzers[0].cpu " +
				"Take them out, or set unsupported"),
		},
		resource.TestStep{
			Config: providerBlock(t.TempDir(), "") + specConfig(text, "unsupported = \"skip\"\n"),
			ConfigStateChecks: attributes("data.preflight_spec.vendor", map[string]knownvalue.Check{
				"outcome": knownvalue.StringExact("pass"),
				"message": knownvalue.StringExact("a is up"),
				"skipped": knownvalue.ListExact(skipped),
				"results": knownvalue.ListSizeExact(1),
			}),
		},
		resource.TestStep{
			Config: providerBlock(t.TempDir(), "") + specConfig(text, "unsupported = \"warn\"\n"),
			ConfigStateChecks: attributes("data.preflight_spec.vendor", map[string]knownvalue.Check{
				"outcome": knownvalue.StringExact("warn"),
				"proceed": knownvalue.Bool(true),
				"skipped": knownvalue.ListExact(skipped),
				"results": knownvalue.ListPartial(map[int]knownvalue.Check{
					1: knownvalue.ObjectPartial(map[string]knownvalue.Check{
						"title":          knownvalue.StringExact("collectors[1].cpu"),
						"outcome":        knownvalue.StringExact("warn"),
						"collector_name": knownvalue.Null(),
					}),
				}),
			}),
		},
	)
	text = strings.Replace(text, "        checkName", "        exclude: true\n        checkName", 1)
	acceptance(t, nil, resource.TestStep{
		Config:      specConfig(text, "unsupported = \"warn\"\n"),
		ExpectError: says("The spec has nothing to judge"),
	})
}

func TestExcludedSpecProceedsAndDoesNothing(t *testing.T) {
	t.Parallel()
	listener := loopback.Listen(t, loopback.IPv4)
	dir := filepath.Join(t.TempDir(), "bundle")
	good := endpointSpec(map[string]string{"a": listener.AddrPort().String()}, "5s")
	acceptance(t, nil,
		resource.TestStep{
			Config: providerBlock(dir, "") +
				specConfig(strings.Replace(good, "  analyzers:\n", "    - cpu: {}\n  analyzers:\n", 1),
					`exclude     = true
unsupported = "warn"
archive     = "never.tar.gz"
`),
			ConfigStateChecks: attributes("data.preflight_spec.vendor", map[string]knownvalue.Check{
				"outcome":    knownvalue.Null(),
				"is_pass":    knownvalue.Bool(false),
				"is_warn":    knownvalue.Bool(false),
				"is_fail":    knownvalue.Bool(false),
				"proceed":    knownvalue.Bool(true),
				"message":    knownvalue.StringExact("The spec is excluded: nothing was dialled or judged."),
				"results":    knownvalue.ListSizeExact(0),
				"collected":  knownvalue.MapSizeExact(0),
				"skipped":    knownvalue.ListSizeExact(0),
				"bundle_dir": knownvalue.Null(),
			}),
		},
	)
	acceptance(t, nil,
		resource.TestStep{
			Config: providerBlock(dir, "") +
				specConfig(strings.Replace(good, "timeout", "timeuot", 1), "exclude = true\n"),
			ExpectError: says(`Did you mean "timeout"?`),
		},
		resource.TestStep{
			Config:      providerBlock(dir, "") + specConfig(good+"    - cpu: {}\n", "exclude = true\n"),
			ExpectError: says("Take them out, or set unsupported"),
		},
	)
	if got := listener.Accepted(); got != 0 {
		t.Errorf("an excluded spec dialled %d times", got)
	}
	for _, file := range []string{dir, "never.tar.gz"} {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was written: %v", file, err)
		}
	}
}

func TestSpecIsCheckedWhilePlanning(t *testing.T) {
	t.Parallel()
	up := loopback.Open(t).String()
	good := endpointSpec(map[string]string{"a": up}, "5s")
	acceptance(t, nil,
		resource.TestStep{
			Config: specConfig(strings.Replace(good, "when: connected,", "whne: connected,", 1), ""),
			ExpectError: says(`line 13, column 20 ("Check a"): analyzers[0].tcpConnect.outcomes[2].pass has the ` +
				`field "whne"`),
			PlanOnly: true,
		},
		resource.TestStep{
			Config:      specConfig(strings.Replace(good, "collectorName: a,", "collectorName: ../a,", 1), ""),
			ExpectError: says(`line 5, column 19 ("../a"): "../a" cannot name a collector`),
			PlanOnly:    true,
		},
		resource.TestStep{
			Config:      specConfig(good, "archive = \"bundle.zip\"\n"),
			ExpectError: says(`"bundle.zip" cannot name an archive`),
			PlanOnly:    true,
		},
		resource.TestStep{
			Config:      specConfig(good, "archive = \"...tar.gz\"\n"),
			ExpectError: says(`cannot name an archive`),
			PlanOnly:    true,
		},
		resource.TestStep{
			Config:      specConfig(good, "unsupported = \"ignore\"\n"),
			ExpectError: says(`"ignore" is not a way to go on`),
			PlanOnly:    true,
		},
		resource.TestStep{
			Config:      specConfig(good, "max_concurrency = 0\n"),
			ExpectError: says(`must be at least 1`),
			PlanOnly:    true,
		},
		resource.TestStep{
			Config: providerBlock(t.TempDir(), "emit_bundle = false\n") +
				specConfig(good, "archive = \"bundle.tgz\"\n"),
			ExpectError: says(`emit_bundle is false`),
		},
	)
}

func TestCollectorsOfASpecAndOthersDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	good := endpointSpec(map[string]string{"a": loopback.Open(t).String()}, "5s")
	other := endpointSpec(map[string]string{"b": loopback.Open(t).String()}, "5s")
	dir := t.TempDir()
	archive := fmt.Sprintf("archive = %q\n", filepath.Join(t.TempDir(), "same.tar.gz"))
	acceptance(t, nil,
		resource.TestStep{
			Config: providerBlock(dir, "") + specConfig(good, "") + `data "preflight_tcp_connect" "a" {
  collector_name = "A"
  address        = "127.0.0.1:1"
}
`,
			ExpectError: says("Two collectors are named"),
		},
		resource.TestStep{
			Config: providerBlock(dir, "") + specConfig(good, archive) +
				strings.Replace(specConfig(other, archive), "vendor", "other", 1),
			ExpectError: says("Archive Would Be Overwritten"),
		},
		resource.TestStep{
			Config: providerBlock(dir, "") + specConfig(good, "") +
				strings.Replace(specConfig(other, ""), "vendor", "other", 1),
		},
		resource.TestStep{
			Config: providerBlock(dir, "emit_bundle = false\n") + specConfig(good, "") +
				strings.Replace(specConfig(other, ""), "vendor", "other", 1),
		},
	)
}

func TestStrictSpecFailsAfterTheArchiveIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(dir, "for-support", "support-bundle.tar.gz")
	text := endpointSpec(map[string]string{
		"a": loopback.Refused(t).String(),
		"b": loopback.Open(t).String(),
		"c": loopback.Refused(t).String(),
	}, "5s")
	text = strings.Replace(text, "checkName: Check a", "checkName: Check a\n        strict: \"true\"", 1)
	withArchive := fmt.Sprintf("archive = %q\n", archive)
	for _, test := range []struct{ more, want string }{
		{withArchive, "Preflight Spec Failed: 2 of 3 Checks"},
		{withArchive, "Check c: c is down Address: 127"},
		{withArchive, "check that the service runs and listens on this address"},
		{withArchive, "Check a: a is down Address: 127"},
		{withArchive, "The archive " + archive + " holds all results"},
		{"", "The support bundle in " + filepath.Join(dir, "bundle") + " holds all results"},
	} {
		acceptance(t, nil, resource.TestStep{
			Config:      providerBlock(filepath.Join(dir, "bundle"), "") + specConfig(text, test.more),
			ExpectError: says(test.want),
		})
	}
	if _, err := os.Stat(archive); err != nil {
		t.Errorf("the archive was not written: %v", err)
	}
}

func TestBundleOfASpecHasTheFormatOfTroubleshoot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	archive := filepath.Join(dir, "acme.tar.gz")
	refused := loopback.Refused(t).String()
	text := endpointSpec(map[string]string{
		"a": refused,
		"b": loopback.Silent(t, loopback.IPv4).String(),
		"c": loopback.Open(t).String(),
	}, "500ms")
	acceptance(t, nil, resource.TestStep{
		Config: providerBlock(filepath.Join(dir, "bundle"), "bundle_format = \"json\"\n") +
			specConfig(text, fmt.Sprintf("archive = %q\n", archive)),
	})
	files := map[string]string{}
	for _, name := range filesBelow(t, filepath.Join(dir, "bundle")) {
		content, err := os.ReadFile(filepath.Join(dir, "bundle", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	if len(files) != 5 {
		t.Errorf("files %v", files)
	}
	for name, want := range map[string]string{
		"host-collectors/connect/a.json": `{"status":"connection-refused",` +
			`"message":"dial tcp ` + refused + `: connect: connection refused","reason":"refused"}`,
		"version.yaml": `apiVersion: troubleshoot.sh/v1beta2
kind: SupportBundle
spec:
  versionNumber: "test"
`,
	} {
		if files[name] != want {
			t.Errorf("%s is %q, want %q", name, files[name], want)
		}
	}
	entry := func(name, title, severity, message string) map[string]any {
		icons := map[string]any{"iconKey": "", "iconUri": ""}
		entry := map[string]any{
			"name":         name,
			"labels":       map[string]any{"desiredPosition": "1", "iconKey": "", "iconUri": ""},
			"severity":     severity,
			"analyzerSpec": "",
			"insight": map[string]any{
				"name":     name,
				"labels":   icons,
				"primary":  title,
				"detail":   message,
				"severity": severity,
			},
		}
		if severity == "error" {
			entry["error"] = message
		}
		return entry
	}
	want := []any{
		entry("check.a", "Check a", "error", "a is down"),
		entry("check.b", "Check b", "warn", "b is slow"),
		entry("check.c", "Check c", "debug", "c is up"),
	}
	var analysis []any
	if err := json.Unmarshal([]byte(files["analysis.json"]), &analysis); err != nil ||
		!reflect.DeepEqual(analysis, want) {
		t.Errorf("analysis.json, %v:\n%s\nwant %v", err, files["analysis.json"], want)
	}
	if packed := unpack(t, archive, "acme"); !reflect.DeepEqual(packed, files) {
		t.Errorf("the archive holds\n%q, and the bundle\n%q", packed, files)
	}
}

// unpack returns the files of an archive. All must be below top.
func unpack(t *testing.T, archive, top string) map[string]string {
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
	files := map[string]string{}
	for reader := tar.NewReader(zip); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		name, below := strings.CutPrefix(header.Name, top+"/")
		if !below {
			t.Errorf("%s is not below %s", header.Name, top)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			files[name] = string(content)
		}
	}
}
