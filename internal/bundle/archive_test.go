// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// collectedAt is the time of all entries.
var collectedAt = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// regular makes the entry of a file.
func regular(name, content string) tarEntry {
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, ModTime: collectedAt}
	header.Size = int64(len(content))
	return tarEntry{header, content}
}

// directory makes the entry of a directory.
func directory(name string) tarEntry {
	return tarEntry{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, ""}
}

func link(typeflag byte, name, target string) tarEntry {
	return tarEntry{tar.Header{Typeflag: typeflag, Name: name, Linkname: target, ModTime: collectedAt}, ""}
}

type tarEntry struct {
	header  tar.Header
	content string
}

// packed makes an archive.
func packed(tb testing.TB, entries ...tarEntry) []byte {
	tb.Helper()
	var content bytes.Buffer
	zip := gzip.NewWriter(&content)
	archive := tar.NewWriter(zip)
	for _, entry := range entries {
		if err := archive.WriteHeader(&entry.header); err != nil {
			tb.Fatal(err)
		}
		if _, err := io.WriteString(archive, entry.content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		tb.Fatal(err)
	}
	return content.Bytes()
}

// plantFile writes a file into a new directory.
func plantFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// plantTree writes files into a new directory.
func plantTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	plantInto(t, dir, files)
	return dir
}

func plantInto(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		err := errors.Join(
			os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, []byte(content), 0o644),
			os.Chtimes(file, collectedAt, collectedAt),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
}

const connect, nodeList = "host-collectors/connect/", "host-collectors/system/node_list.json"

func TestBundlesOfOthersAreRead(t *testing.T) {
	t.Parallel()
	refused := `{"status":"connection-refused","message":"dial tcp 10.0.0.1:5432: connect: connection refused"}`
	one := func(node, status, message string) NodeResult {
		return NodeResult{Node: node, Result: Result{Status: status, Message: message}, CollectedAt: collectedAt}
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  []NodeResult
	}{
		"one machine": {
			map[string]string{connect + "db.json": refused, connect + "api.json": "connected"},
			[]NodeResult{one("", "connection-refused", "dial tcp 10.0.0.1:5432: connect: connection refused")},
		},
		"status only": {map[string]string{connect + "db.json": "connected\n"}, []NodeResult{one("", "connected", "")}},
		"nodes": {
			map[string]string{
				nodeList:                    `{"nodes":["node-2","node-1","node-2"]}`,
				connect + "node-1/db.json":  "connected",
				connect + "node-2/db.json":  refused,
				connect + "node-2/api.json": "error",
			},
			[]NodeResult{
				one("node-1", "connected", ""),
				one("node-2", "connection-refused", "dial tcp 10.0.0.1:5432: connect: connection refused"),
			},
		},
		"a node that is not listed": {
			map[string]string{
				nodeList:                               `{"nodes":["node-1"]}`,
				connect + "node-1/db.json":             "connected",
				connect + "node-2.example.com/db.json": "error",
			},
			[]NodeResult{one("node-1", "connected", ""), one("node-2.example.com", "error", "")},
		},
		"nodes, as current tools write them": {
			map[string]string{
				nodeList: `{"nodes":["node-1","node-2"]}`, "host-collectors/node-1/connect/db.json": "connected",
				"host-collectors/node-1/system/cpu.json": "{}",
				"host-collectors/node-2/connect/db.json": refused, "host-collectors/node-2/connect/api.json": "error",
			},
			[]NodeResult{
				one("node-1", "connected", ""),
				one("node-2", "connection-refused", "dial tcp 10.0.0.1:5432: connect: connection refused"),
			},
		},
		"nodes in every layout, without a list": {
			map[string]string{
				connect + "db.json":                      "connected",
				connect + "node-2/db.json":               "connected",
				"host-collectors/node-1/connect/db.json": "error",
				"host-collectors/node-2/connect/db.json": refused,
			},
			[]NodeResult{
				one("", "connected", ""),
				one("node-1", "error", ""),
				one("node-2", "connected", ""),
				one("node-2", "connection-refused", "dial tcp 10.0.0.1:5432: connect: connection refused"),
			},
		},
		"nodes that are named as directories of results": {
			map[string]string{
				connect + "connect/db.json":              "connected",
				"host-collectors/system/connect/db.json": "error",
			},
			[]NodeResult{one("connect", "connected", ""), one("system", "error", "")},
		},
		"listed nodes that are not there": {
			map[string]string{
				nodeList:                                 `{"nodes":["node-1","node-3","node-2"]}`,
				"host-collectors/node-2/connect/db.json": "connected",
			},
			[]NodeResult{
				{Node: "node-1", Missing: true},
				one("node-2", "connected", ""),
				{Node: "node-3", Missing: true},
			},
		},
		"directories that some collectors make": {
			map[string]string{
				connect + "db.json": "connected", "host-collectors/system/cpu.json": "{}",
				"host-collectors/run-host/smart/disks/sda.json": "{}", "host-collectors/run-host/smart/sda.json": "{}",
				"host-collectors/dns/names/result.json": "{}", "host-collectors/units/system/a.service": "x",
				"host-collectors/units/readme.json": "{}", "host-collectors/etc/hosts/a.json": "{}",
				"host-collectors/etc/system/deeper/a.json": "{}", "host-collectors/My Copy/system/a.json": "{}",
				"host-collectors/errors/TCP-error.json": "{}",
			},
			[]NodeResult{one("", "connected", "")},
		},
		"nodes and this machine": {
			map[string]string{
				nodeList:                   `{"nodes":["node-1"]}`,
				connect + "node-1/db.json": "connected",
				connect + "db.json":        "error",
			},
			[]NodeResult{one("", "error", ""), one("node-1", "connected", "")},
		},
	} {
		for _, top := range []string{"", "support-bundle-2026-11-01/", "./", "./support-bundle/"} {
			t.Run(name+" in "+top, func(t *testing.T) {
				t.Parallel()
				files := make(map[string]string)
				var entries []tarEntry
				for file, content := range test.files {
					files[top+file] = content
					entries = append(entries, regular(top+file, content))
				}
				// What else such bundles hold: directories, other files, and links among logs.
				entries = append(entries,
					directory(top+"host-collectors/"),
					regular(top+"cluster-resources/db.json", "{}"),
					link(tar.TypeSymlink, top+"cluster-resources/pods/logs/a.log", "../../a.log"),
				)
				for _, bundle := range []string{
					plantTree(t, files),
					plantFile(t, "bundle.tar.gz", packed(t, entries...)),
					plantFile(t, "bundle.tgz", packed(t, entries...)),
				} {
					found, err := Read(t.Context(), bundle, "db", isStatus)
					if err != nil {
						t.Fatal(err)
					}
					for i, result := range found.Results {
						if !result.Missing {
							found.Results[i].CollectedAt = result.CollectedAt.UTC()
						}
					}
					if !reflect.DeepEqual(found.Results, test.want) {
						t.Errorf("%s: %+v, want %+v", bundle, found.Results, test.want)
					}
					isDir := !strings.HasSuffix(bundle, "gz")
					if (found.Dir == filepath.Join(bundle, filepath.FromSlash(top))) != isDir {
						t.Errorf("%s lies in %q", bundle, found.Dir)
					}
				}
			})
		}
	}
}

func manyNodes() map[string]string {
	files := map[string]string{connect + "db.json": "connected"}
	for i := range 12 {
		files[fmt.Sprintf("host-collectors/node-%d/connect/api.json", 10+i)] = "connected"
	}
	return files
}

func TestIncompleteBundlesAreErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no listed node": {
			map[string]string{nodeList: `{"nodes":["node-1","node-2"]}`, connect + "db.json": "connected"},
			"host-collectors/system/node_list.json lists nodes, " +
				`and the bundle holds no result of a collector named "db" of any of them`,
		},
		"another result of a node": {
			map[string]string{
				"host-collectors/node-1/connect/db.json":  "connected",
				"host-collectors/node-2/connect/api.json": "connected",
			},
			`the bundle holds results of ["node-2"], but none of a collector named "db"`,
		},
		"another kind of a node": {
			map[string]string{
				"host-collectors/node-1/connect/db.json": "connected",
				"host-collectors/node-2/system/cpu.json": "{}",
			},
			`results of ["node-2"]`,
		},
		"another kind of a listed": {
			map[string]string{
				nodeList:                                 `{"nodes":["node-1","node-2"]}`,
				"host-collectors/node-1/connect/db.json": "connected",
				"host-collectors/node-2/run-host/a-info.json": "{}",
			},
			`results of ["node-2"]`,
		},
		"names of a node": {
			map[string]string{
				"host-collectors/node-1/connect/db.json":       "connected",
				"host-collectors/node-2/dns/names/result.json": "{}",
			},
			`results of ["node-2"]`,
		},
		"another result, older": {
			map[string]string{connect + "node-1/db.json": "connected", connect + "node-2/api.json": "connected"},
			`results of ["node-2"]`,
		},
		"another kind, older": {
			map[string]string{connect + "node-1/db.json": "connected", "host-collectors/system/node-2/cpu.json": "{}"},
			`results of ["node-2"]`,
		},
		"a node and this machine": {
			map[string]string{connect + "db.json": "connected", "host-collectors/node-2/connect/api.json": "connected"},
			`results of ["node-2"]`,
		},
		"an odd node of today's": {
			map[string]string{"host-collectors/.node/connect/db.json": "error", connect + "db.json": "connected"},
			`".node", which is not the name of a node`,
		},
		"another collector of today": {
			map[string]string{"host-collectors/node-1/connect/api.json": "connected"},
			`it holds some of ["api"]`,
		},
		"very many nodes": {
			manyNodes(),
			`results of ["node-10" "node-11" "node-12" "node-13" "node-14" ` +
				`"node-15" "node-16" "node-17" "node-18" "node-19"] and 2 more, but`,
		},
		"no node of an empty list": {map[string]string{nodeList: `{"nodes":[]}`}, "lists no nodes"},
		"an empty list": {
			map[string]string{nodeList: `{"nodes":[]}`, connect + "node-1/db.json": "connected"},
			"lists no nodes",
		},
		"a list that is null": {
			map[string]string{nodeList: `{"nodes":null}`, connect + "node-1/db.json": "connected"},
			"lists no nodes",
		},
		"a damaged list": {
			map[string]string{nodeList: `{"nodes":["no`, connect + "node-1/db.json": "connected"},
			"truncated JSON",
		},
		"a list that leads out": {
			map[string]string{nodeList: `{"nodes":["../../.."]}`, connect + "node-1/db.json": "connected"},
			`"../../..", which is not the name of a node`,
		},
		"a damaged result of a node": {
			map[string]string{nodeList: `{"nodes":["node-1"]}`, connect + "node-1/db.json": "connec"},
			`host-collectors/connect/node-1/db.json: the file holds "connec", which is not a status`,
		},
		"another collector only": {
			map[string]string{connect + "database.json": "connected", connect + "api.json": "connected"},
			`no result of a collector named "db"; it holds some of ["api" "database"]`,
		},
		"an empty file for a list": {
			map[string]string{nodeList: ``, connect + "node-1/db.json": "connected"},
			"truncated JSON",
		},
		"a list of another form": {
			map[string]string{nodeList: `["node-1"]`, connect + "node-1/db.json": "connected"},
			`its form is {"nodes":["node-1","node-2"]}`,
		},
		"a list in two spellings": {
			map[string]string{
				nodeList:                    `{"nodes":["node-1","node-2"],"NODES":["node-1"]}`,
				connect + "node-1/db.json":  "connected",
				connect + "node-2/api.json": "error",
			},
			`results of ["node-2"]`,
		},
		"a list twice": {
			map[string]string{
				nodeList:                   `{"nodes":["node-1","node-2"],"nodes":["node-1"]}`,
				connect + "node-1/db.json": "connected",
			},
			`the key "nodes" twice`,
		},
		"a misspelt list": {
			map[string]string{nodeList: `{"nodez":["node-1"]}`, connect + "node-1/db.json": "connected"},
			"lists no nodes",
		},
		"a null list": {
			map[string]string{nodeList: `null`, connect + "node-1/db.json": "connected"},
			"not a JSON object",
		},
		"another collector of nodes": {
			map[string]string{connect + "node-1/api.json": "connected"},
			`it holds some of ["api"]`,
		},
		"too deep": {map[string]string{"a/b/" + connect + "db.json": "connected"}, "no result"},
		"an odd node": {
			map[string]string{connect + ".node/db.json": "error", connect + "db.json": "connected"},
			`".node", which is not the name of a node`,
		},
		"nothing": {
			map[string]string{"readme": ""},
			`no result of a collector named "db", and none of another: is it a support bundle?`,
		},
		"several bundles": {
			map[string]string{"a/" + connect + "db.json": "connected", "b/" + connect + "db.json": "error"},
			"several bundles",
		},
		"several, of other results": {
			map[string]string{"a/" + connect + "db.json": "connected", "b/" + connect + "api.json": "error"},
			"several bundles",
		},
		"several, of other kinds": {
			map[string]string{"a/" + connect + "db.json": "connected", "b/host-collectors/system/cpu.json": "{}"},
			"several bundles",
		},
		"several, one not a tree": {
			map[string]string{"a/" + connect + "db.json": "connected", "b/host-collectors": ""},
			"several bundles",
		},
		"huge result": {
			map[string]string{connect + "db.json": strings.Repeat("x", maxResultSize+1)},
			"larger than 1048576 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var entries []tarEntry
			for file, content := range test.files {
				entries = append(entries, regular(file, content))
			}
			for _, bundle := range []string{
				plantTree(t, test.files),
				plantFile(t, "bundle.tar.gz", packed(t, entries...)),
			} {
				found, err := Read(t.Context(), bundle, "db", isStatus)
				expectError(t, err, test.want)
				if found.Results != nil {
					t.Errorf("results beside the error: %+v", found)
				}
			}
		})
	}
}

func TestLinksInADirectoryAreFollowedOrErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		link, target string
		results      int
		want         string
	}{
		"to a node":          {connect + "node-2", "../shared", 2, ""},
		"to a node's result": {connect + "node-2/db.json", "../../shared/db.json", 2, ""},
		"to a result":        {connect + "latest.json", "../shared/db.json", 1, ""},
		"dangling, a node":   {connect + "node-2", "../gone", 0, "node-2: it is a symbolic link that leads nowhere"},
		"dangling, a result": {
			connect + "node-2/db.json",
			"../../gone.json",
			0,
			"node-2/db.json: it is a symbolic link that leads nowhere",
		},
		"to a node of today's": {"host-collectors/node-2", "node-3", 3, ""},
		"dangling, of today's": {
			"host-collectors/node-2", "gone", 0, "node-2: it is a symbolic link that leads nowhere",
		},
		"dangling, no result":  {"host-collectors/etc/gone", "gone", 1, ""},
		"dangling, the list":   {nodeList, "gone.json", 0, "node_list.json: it is a symbolic link that leads nowhere"},
		"out, a node's result": {connect + "node-2/db.json", "../../../../outside.json", 0, "must not lead out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := plantTree(t, map[string]string{
				connect + "node-1/db.json": "connected", "host-collectors/shared/db.json": "error",
			})
			if test.results == 3 {
				plantInto(t, dir, map[string]string{"host-collectors/node-3/connect/db.json": "error"})
			}
			link := filepath.Join(dir, filepath.FromSlash(test.link))
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			symlink(t, filepath.FromSlash(test.target), link)
			found, err := Read(t.Context(), dir, "db", isStatus)
			if test.want != "" {
				expectError(t, err, test.want)
			} else if err != nil || len(found.Results) != test.results {
				t.Errorf("%+v, %v; want %d results", found, err, test.results)
			}
		})
	}
}

func TestHostileArchivesAreErrors(t *testing.T) {
	t.Parallel()
	good := regular("b/"+connect+"db.json", "connected")
	whole := packed(t, good, regular("b/more", strings.Repeat("some text that is long enough", 1000)))
	// What a killed "tar c | gzip" leaves, and two archives one after the other.
	zippedTar := func(cut int, more ...byte) []byte {
		reader, err := gzip.NewReader(bytes.NewReader(packed(t, good, regular("b/"+connect+"node-2/db.json", "error"))))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		var zipped bytes.Buffer
		zip := gzip.NewWriter(&zipped)
		_, _ = zip.Write(append(content[:len(content)-cut], more...))
		_ = zip.Close()
		return zipped.Bytes()
	}
	damaged := slices.Clone(whole)
	damaged[len(damaged)-5] ^= 0xff // in the checksum
	var plain bytes.Buffer
	zip := gzip.NewWriter(&plain)
	_, _ = io.WriteString(zip, strings.Repeat("connected", 1000))
	_ = zip.Close()
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"traversal": {
			packed(t, good, regular("b/../../etc/passwd", "x")),
			`entry 2, "b/../../etc/passwd": the name leads out of the archive`,
		},
		"traversal that comes back": {packed(t, regular("b/../b/"+connect+"db.json", "connected")), "entry 1"},
		"absolute name": {
			packed(t, good, regular("/etc/passwd", "x")),
			`entry 2, "/etc/passwd": the name leads out`,
		},
		"backslashes": {packed(t, good, regular(`b\..\..\x`, "x")), "the name leads out"},
		"absolute link": {
			packed(t, good, link(tar.TypeSymlink, "b/log", "/etc/passwd")),
			`entry 2, "b/log": the link leads out of the archive, to "/etc/passwd"`,
		},
		"link out":      {packed(t, good, link(tar.TypeSymlink, "b/log", "../../x")), "the link leads out"},
		"hard link out": {packed(t, good, link(tar.TypeLink, "b/log", "../x")), "the link leads out"},
		"link for a result": {
			packed(
				t,
				link(tar.TypeSymlink, "b/"+connect+"db.json", "api.json"),
				regular("b/"+connect+"api.json", "connected"),
			),
			"it is a link where a result should be",
		},
		"link for the results": {
			packed(t, link(tar.TypeSymlink, "b/host-collectors", "other")),
			"it is a link where a result should be",
		},
		"hard link for a result": {
			packed(t, good, link(tar.TypeLink, "b/"+connect+"api.json", "b/"+connect+"db.json")),
			"it is a link where a result should be",
		},
		"device": {
			packed(t, good, link(tar.TypeChar, "b/zero", "")),
			"it is not a file, directory or link",
		},
		"named pipe": {
			packed(t, good, link(tar.TypeFifo, "b/pipe", "")),
			"it is not a file, directory or link",
		},
		"result twice": {packed(t, good, regular("b/"+connect+"db.json", "error")), "has this file twice"},
		"result in two spellings": {
			packed(t, good, regular("b/./"+connect+"/db.json", "error")),
			"has this file twice",
		},
		"bundles at two levels": {packed(t, good, regular(connect+"db.json", "error")), "several bundles"},
		"an empty bundle beside": {
			packed(t, good, directory("host-collectors/")),
			"several bundles. Unpack it, and give the directory of one of them",
		},
		"two spellings of a bundle": {packed(t, good, regular("B/"+connect+"api.json", "error")), "several bundles"},
		"truncated":                 {whole[:len(whole)/2], "the archive is truncated"},
		"truncated by a byte":       {whole[:len(whole)-1], "the archive is truncated"},
		"damaged":                   {damaged, "its checksum is wrong"},
		"cut between entries":       {zippedTar(1024 + 1024), "the archive is truncated"},
		"cut before its end":        {zippedTar(1024), "the archive is truncated"},
		"cut within its end":        {zippedTar(512), "the archive is truncated"},
		"with one byte after it":    {zippedTar(0, 'x'), "the archive has something after its end"},
		"two archives in one": {
			zippedTar(0, []byte("another archive")...),
			"the archive has something after its end",
		},
		"with something after it": {
			append(slices.Clone(whole), "more than a header"...),
			"not a gzipped tar archive",
		},
		"not gzipped":       {[]byte("connected"), "not a gzipped tar archive"},
		"empty":             {nil, "truncated"},
		"not a tar archive": {plain.Bytes(), "gzipped, but not a tar archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := plantFile(t, "bundle.tar.gz", test.content)
			found, err := Read(t.Context(), archive, "db", isStatus)
			expectError(t, err, "read "+archive+": ", test.want)
			if found.Results != nil {
				t.Errorf("results beside the error: %+v", found)
			}
			if entries, err := os.ReadDir(filepath.Dir(archive)); err != nil || len(entries) != 1 {
				t.Errorf("reading has written: %v, %v", entries, err)
			}
		})
	}
}

func TestArchiveMayHaveAGlobalHeader(t *testing.T) {
	t.Parallel()
	global := tarEntry{tar.Header{
		Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header",
		PAXRecords: map[string]string{"comment": "as git archive writes it"},
	}, ""}
	archive := plantFile(t, "bundle.tar.gz", packed(t, global, regular(connect+"db.json", "connected")))
	if result, _, err := readOne(archive, "db", isStatus); err != nil || result.Status != "connected" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestDirectoryInAnArchiveIsNoResult(t *testing.T) {
	t.Parallel()
	archive := plantFile(t, "bundle.tar.gz", packed(t, directory(connect+"db.json/")))
	_, err := Read(t.Context(), archive, "db", isStatus)
	expectError(t, err, `the bundle holds no result of a collector named "db"`)
}

func TestBundleThatLiesTooDeepInAnArchiveIsNamed(t *testing.T) {
	t.Parallel()
	archive := plantFile(t, "bundle.tar.gz", packed(t,
		regular("a/b/"+connect+"db.json", "connected"), regular("a/c/"+connect+"db.json", "connected")))
	_, err := Read(t.Context(), archive, "db", isStatus)
	expectError(t, err, `there are some in "a/b", which is deeper than a bundle may lie`)
}

// bomb writes an archive that is far larger unpacked, or has far more entries, without holding it.
func bomb(t *testing.T, write func(*tar.Writer) error) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bomb.tar.gz")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	zip, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err := errors.Join(write(tar.NewWriter(zip)), zip.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// begin writes the header of a file.
func begin(archive *tar.Writer, name string, size int64) error {
	return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size})
}

//nolint:paralleltest // It measures the memory of the process.
func TestBombsAreErrorsWithinLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks gigabytes, which takes the race detector minutes")
	}
	for name, test := range map[string]struct {
		write func(*tar.Writer) error
		want  string
	}{
		"one huge file": {func(archive *tar.Writer) error {
			// The header says 10 GiB. What comes after it is never read.
			return begin(archive, "b/core", 10<<30)
		}, `entry 1, "b/core": it has 10737418240 bytes`},
		"many large files": {func(archive *tar.Writer) error {
			zeros := make([]byte, 1<<20)
			for i := range maxUnpacked>>28 + 1 {
				if err := begin(archive, fmt.Sprintf("b/%d", i), 1<<28); err != nil {
					return err
				}
				for range 1 << 8 {
					if _, err := archive.Write(zeros); err != nil {
						return err
					}
				}
			}
			return nil
		}, "more than 2147483648 bytes, unpacked"},
		"a million entries": {func(archive *tar.Writer) error {
			for i := range 1_000_000 {
				if err := begin(archive, fmt.Sprintf("b/%d", i), 0); err != nil {
					return err
				}
			}
			return archive.Close()
		}, "more than 100000 entries"},
		"as many entries as may be": {func(archive *tar.Writer) error {
			for i := range maxEntries {
				if err := begin(archive, fmt.Sprintf("b/%d", i), 0); err != nil {
					return err
				}
			}
			return archive.Close()
		}, "no result of a collector"},
		"very many nodes": {func(archive *tar.Writer) error {
			for i := range 99_000 {
				if err := begin(archive, fmt.Sprintf("b/%snode-%d/db.json", connect, i), 9); err != nil {
					return err
				}
				if _, err := io.WriteString(archive, "connected"); err != nil {
					return err
				}
			}
			return archive.Close()
		}, "larger than 16777216 bytes in all"},
		"results of JSON": {func(archive *tar.Writer) error {
			elements := strings.TrimSuffix(strings.Repeat(`{"":{}},`, maxResultSize/8-4), ",")
			content := `{"x":[` + elements + `],"status":"connecte"}`
			for i := range 15 {
				name := fmt.Sprintf("b/%snode-%d/db.json", connect, i)
				if err := begin(archive, name, int64(len(content))); err != nil {
					return err
				}
				if _, err := io.WriteString(archive, content); err != nil {
					return err
				}
			}
			if err := begin(archive, fmt.Sprintf("b/%snode-x/db.json", connect), 1); err != nil {
				return err
			}
			_, err := io.WriteString(archive, "x")
			return errors.Join(err, archive.Close())
		}, "not a status"},
		"results of many nodes": {func(archive *tar.Writer) error {
			content := bytes.Repeat([]byte(" "), maxResultSize)
			for i := range 100 {
				if err := begin(archive, fmt.Sprintf("b/%snode-%d/db.json", connect, i), maxResultSize); err != nil {
					return err
				}
				if _, err := archive.Write(content); err != nil {
					return err
				}
			}
			return archive.Close()
		}, "larger than 16777216 bytes in all"},
	} {
		t.Run(name, func(t *testing.T) {
			archive := bomb(t, test.write)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Read(t.Context(), archive, "db", isStatus)
			runtime.ReadMemStats(&after)
			expectError(t, err, test.want)
			// HeapSys is what the process has taken at its peak; entries are garbage at once.
			if grown := int64(after.HeapSys - before.HeapSys); grown > 64<<20 {
				t.Errorf("reading took %d bytes of memory", grown)
			}
			t.Logf("took %d MiB, allocated %d MiB in all",
				int64(after.HeapSys-before.HeapSys)>>20, (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

func TestReadingAnArchiveEndsWithTheContext(t *testing.T) {
	t.Parallel()
	archive := plantFile(t, "bundle.tar.gz", packed(t, regular(connect+"db.json", "connected")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Read(ctx, archive, "db", isStatus); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func report() Report {
	return Report{
		Version: "1.2.3",
		MadeAt:  collectedAt,
		Results: []CollectorResult{
			{"db", Result{Status: "connected"}, collectedAt},
			{"api", Result{Status: "connection-refused", Message: "dial tcp: refused", Reason: "refused"}, collectedAt},
		},
		Findings: []Finding{
			{"PostgreSQL: can it be reached?", "yes", SeverityDebug},
			{"Ünïcode <API>", "no & no", SeverityError},
		},
	}
}

func TestReportIsWrittenAndReadBack(t *testing.T) {
	t.Parallel()
	const top = "acme.support"
	for _, format := range Formats() {
		dir := t.TempDir()
		bundle, archive := filepath.Join(dir, "bundle"), filepath.Join(dir, "new", top+".tar.gz")
		w := NewWriter(bundle, format)
		for range 2 { // the second replaces the first
			if err := errors.Join(writeReport(w, report()), w.WriteArchive(archive, report())); err != nil {
				t.Fatal(err)
			}
		}
		for _, source := range []string{bundle, archive} {
			for _, want := range report().Results {
				got, written, err := readOne(source, want.Collector, isStatus)
				if err != nil || got.Status != want.Status || format == FormatJSON && got.Message != want.Message {
					t.Errorf("%s: %+v, %v", source, got, err)
				}
				if source == archive && !written.Equal(collectedAt) {
					t.Errorf("the archive dates it %s", written)
				}
			}
		}
		if entries, err := os.ReadDir(bundle); err != nil || len(entries) != 3 {
			t.Errorf("the bundle holds %v, %v", entries, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(archive)); err != nil || len(entries) != 1 {
			t.Errorf("beside the archive lies %v, %v", entries, err)
		}
	}
}

func TestArchiveIsOneDirectoryThatAnybodyCanUnpack(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "acme.tar.gz")
	if err := NewWriter(t.TempDir(), FormatStatus).WriteArchive(archive, report()); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // Only read.
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for reader := tar.NewReader(zip); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf("%c %o %s", header.Typeflag, header.Mode, header.Name))
		if !header.ModTime.Equal(collectedAt) {
			t.Errorf("%s is of %s", header.Name, header.ModTime)
		}
	}
	want := []string{
		"5 755 acme/", "5 755 acme/host-collectors/", "5 755 acme/host-collectors/connect/", "0 644 acme/version.yaml",
		"0 644 acme/analysis.json",
		"0 644 acme/host-collectors/connect/db.json", "0 644 acme/host-collectors/connect/api.json",
	}
	if !slices.Equal(entries, want) {
		t.Errorf("the archive holds %q, want %q", entries, want)
	}
}

func TestReportHasTheShapesOfTheTools(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeReport(NewWriter(dir, FormatJSON), report()); err != nil {
		t.Fatal(err)
	}
	expectContent(t, filepath.Join(dir, versionFile),
		"apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\nspec:\n  versionNumber: \"1.2.3\"\n")
	analysis, err := os.ReadFile(filepath.Join(dir, analysisFile))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, analysis); err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"postgresql.can.it.be.reached.","labels":{"desiredPosition":"1","iconKey":"","iconUri":""},` +
		`"insight":{"name":"postgresql.can.it.be.reached.","labels":{"iconKey":"","iconUri":""},` +
		`"primary":"PostgreSQL: can it be reached?","detail":"yes","severity":"debug"},` +
		`"severity":"debug","analyzerSpec":""},` +
		`{"name":".n.code.api.","labels":{"desiredPosition":"1","iconKey":"","iconUri":""},` +
		`"insight":{"name":".n.code.api.","labels":{"iconKey":"","iconUri":""},` +
		`"primary":"Ünïcode <API>","detail":"no & no","severity":"error"},` +
		`"severity":"error","analyzerSpec":"","error":"no & no"}]`
	isIndented := bytes.HasPrefix(analysis, []byte("[\n    {\n        \"name\""))
	if compact.String() != want || !isIndented || bytes.HasSuffix(analysis, []byte("\n")) {
		t.Errorf("analysis.json is\n%s", analysis)
	}
}

func TestAnalysisNamesAreDotted(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{ // as the tools' pkg/convert names them
		"TCP Connection Attempt":         "tcp.connection.attempt",
		"PostgreSQL: can it be reached?": "postgresql.can.it.be.reached.",
		"Host OS Info - Node minikube":   "host.os.info.node.minikube",
		"Ünïcode <API>":                  ".n.code.api.",
		"10.0.0.1:5432 – DB":             "10.0.0.1.5432.db",
	} {
		if got := analysisName(title); got != want {
			t.Errorf("%q is named %q, want %q", title, got, want)
		}
	}
}

func TestArchivePathsAreChecked(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"a.tar.gz":      "a",
		"./x/y.z.tgz":   "y.z",
		"/tmp/b.tar.gz": "b",
		".hidden.tgz":   ".hidden",
	} {
		if top, err := archiveTop(path); err != nil || top != want || ValidateArchivePath(path) != nil {
			t.Errorf("%q has the top directory %q, %v", path, top, err)
		}
	}
	for _, path := range []string{
		"", "a", "a.zip", "a.tar", ".tar.gz", "x/.tgz", "..tar.gz", "...tar.gz", `a\b.tar.gz`, "host-collectors.tar.gz",
		"a\nb.tgz",
	} {
		if ValidateArchivePath(path) == nil {
			t.Errorf("%q names an archive", path)
		}
	}
	if err := NewWriter(t.TempDir(), FormatJSON).WriteArchive("a.zip", report()); err == nil {
		t.Error("an archive was written to a.zip")
	}
}

func TestReportThatCanNotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	file := plantFile(t, "file", []byte("mine"))
	odd := report()
	odd.Results[1].Collector = "../api"
	for name, test := range map[string]struct {
		write func(dir string) error
		want  string
	}{
		"an odd name": {
			func(dir string) error { return writeReport(NewWriter(dir, FormatJSON), odd) },
			CollectorNameRule,
		},
		"an odd name, in an archive": {
			func(dir string) error { return NewWriter(dir, FormatJSON).WriteArchive(dir+"/a.tgz", odd) },
			CollectorNameRule,
		},
		"an archive below a file": {
			func(dir string) error { return NewWriter(dir, FormatJSON).WriteArchive(file+"/a.tgz", report()) },
			"write " + file + "/a.tgz: make directory: ",
		},
		"an archive for a directory": {func(dir string) error {
			return NewWriter(dir, FormatJSON).WriteArchive(filepath.Dir(dir)+"/dir.tgz", report())
		}, "dir.tgz: "},
		"a file for the results": {func(dir string) error {
			return writeReport(NewWriter(filepath.Join(dir, "planted"), FormatJSON), report())
		}, "make "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "dir")
			plantInto(t, dir, map[string]string{"planted/host-collectors": "mine", "../dir.tgz/x": "mine"})
			expectError(t, test.write(dir), test.want)
			expectContent(t, file, "mine")
			expectContent(t, filepath.Join(dir, "planted", "host-collectors"), "mine")
			for _, pattern := range []string{"*.tgz", ".*.tmp", "../.*.tmp", "planted/*.json"} {
				if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
			}
		})
	}
}

func TestReportLeavesNoAnalysisOfOtherResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeReport(NewWriter(dir, FormatStatus), report()); err != nil {
		t.Fatal(err)
	}
	api := ResultFile(dir, "api")
	err := errors.Join(os.Remove(api), os.Mkdir(api, 0o755), os.WriteFile(filepath.Join(api, "x"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	err = writeReport(NewWriter(dir, FormatStatus), report()) // of the next run
	expectError(t, err, "write "+ResultFile(dir, "api"))
	if _, err := os.Stat(filepath.Join(dir, analysisFile)); !os.IsNotExist(err) {
		t.Errorf("an analysis of other results is left: %v", err)
	}
}

func FuzzReadArchive(f *testing.F) {
	f.Add(packed(f, regular(connect+"db.json", "connected")))
	result := `{"status":"error","message":""}`
	f.Add(packed(f, regular("top/"+connect+"db.json", result), link(tar.TypeSymlink, "top/a", "b")))
	f.Add(packed(f, regular(nodeList, `{"nodes":["a"]}`), regular(connect+"a/db.json", "error")))
	f.Add(packed(f, regular("../x", "")))
	f.Add([]byte(gzipMagic))
	f.Fuzz(func(t *testing.T, compressed []byte) {
		// Gzip's checksum would hide the tar reader from the fuzzer, so what is not gzipped is taken for a tar archive.
		if !bytes.HasPrefix(compressed, []byte(gzipMagic)) {
			var zipped bytes.Buffer
			zip := gzip.NewWriter(&zipped)
			_, _ = zip.Write(compressed)
			_ = zip.Close()
			compressed = zipped.Bytes()
		}
		c := newContents([]string{"db"})
		if err := explainArchive(c.unpack(t.Context(), bytes.NewReader(compressed))); err != nil {
			return
		}
		all, err := c.allResults(isStatus)
		results := all["db"]
		if (err == nil) != (len(results) > 0) {
			t.Errorf("%d results, %v", len(results), err)
		}
		for _, result := range results {
			if !statusWord.MatchString(result.Status) || result.Node != "" && !nodeName.MatchString(result.Node) {
				t.Errorf("result %+v", result)
			}
		}
	})
}
