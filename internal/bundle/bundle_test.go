// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// helpers are what the test binary does instead of running tests when it was started with helperVariable set to their
// name.
var helpers = map[string]func(){}

const helperVariable = "PREFLIGHT_BUNDLE_TEST_HELPER"

func TestMain(m *testing.M) {
	if helper := helpers[os.Getenv(helperVariable)]; helper != nil {
		helper()
		return
	}
	goleak.VerifyTestMain(m)
}

func isStatus(text string) bool {
	return slices.Contains([]string{"connected", "connection-refused", "connection-timeout", "error"}, text)
}

// plant puts a result file into a new bundle directory and returns the directory and the file.
func plant(t *testing.T, content string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = ResultFile(dir, "connect")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func expectContent(t *testing.T, file string, want ...string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil || !slices.Contains(want, string(content)) {
		t.Errorf("%s holds %q, %v; want one of %q", file, content, err, want)
	}
}

// readOne reads a bundle that one machine made.
func readOne(bundle, collector string, isStatus func(string) bool) (Result, time.Time, error) {
	found, err := Read(context.Background(), bundle, collector, isStatus)
	if err != nil {
		return Result{}, time.Time{}, err
	}
	if len(found.Results) != 1 || found.Results[0].Node != "" {
		return Result{}, time.Time{}, fmt.Errorf("%d results", len(found.Results))
	}
	return found.Results[0].Result, found.Results[0].CollectedAt, nil
}

// expectFiles checks the names in the directory of results, hidden ones included.
func expectFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, connectPath))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("the directory of results holds %q, want %q", names, want)
	}
}

func expectError(t *testing.T, err error, fragments ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", fragments)
	}
	for _, fragment := range fragments {
		if !strings.Contains(err.Error(), fragment) {
			t.Errorf("error %q does not say %q", err, fragment)
		}
	}
}

func TestWrittenFilesAreExactAndReadBack(t *testing.T) {
	t.Parallel()
	result := Result{
		Status:  "connection-refused",
		Message: "dial tcp 127.0.0.1:16443: connect: <refused> \"x\"",
		Reason:  "refused",
	}
	for format, want := range map[Format]string{
		FormatStatus: "connection-refused",
		FormatJSON: `{"status":"connection-refused",` +
			`"message":"dial tcp 127.0.0.1:16443: connect: <refused> \"x\"","reason":"refused"}`,
	} {
		dir := filepath.Join(t.TempDir(), "new", "bundle")
		file, err := NewWriter(dir, format).Write("kubernetes-api", result)
		if err != nil {
			t.Fatal(err)
		}
		if file != filepath.Join(dir, "host-collectors", "connect", "kubernetes-api.json") {
			t.Errorf("written to %s", file)
		}
		expectContent(t, file, want)
		expectFiles(t, dir, "kubernetes-api.json")

		got, written, err := readOne(dir, "kubernetes-api", isStatus)
		if err != nil || got.Status != result.Status || time.Since(written) > time.Minute {
			t.Errorf("read back %+v of %s, %v", got, written, err)
		}
		if format == FormatJSON && got != result {
			t.Errorf("read back %+v", got)
		}
	}
}

func TestReadTakesNothingButAWholeResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"empty":              {"", "is empty"},
		"truncated status":   {"connec", `holds "connec", which is not a status`},
		"two newlines":       {"connected\n\n", "not a status"},
		"carriage return":    {"connected\r\n", "not a status"},
		"other case":         {"Connected", "not a status"},
		"byte order mark":    {"\ufeffconnected", "not a status"},
		"truncated JSON":     {`{"status":"conn`, "truncated JSON"},
		"unclosed JSON":      {`{"status":"connected"`, "truncated JSON"},
		"JSON and more":      {`{"status":"connected"}{}`, "more than one JSON value"},
		"no JSON":            {`{status: connected}`, "not valid JSON"},
		"JSON array":         {`["connected"]`, "not a status"},
		"JSON string":        {`"connected"`, "not a status"},
		"not a status":       {`{"message":"connected"}`, "not a status"},
		"empty status":       {`{"status":""}`, "not a status"},
		"null status":        {`{"status":null}`, "not a status"},
		"status in capital":  {`{"Status":"connected"}`, "not a status"},
		"number":             {`{"status":1}`, `key "status"`},
		"number, a reason":   {`{"status":"error","reason":1}`, `key "reason"`},
		"control characters": {`{"status":"\u001b[2Jconnected"}`, "not a status"},
		"two statuses":       {`{"status":"error","status":"connected"}`, `key "status" twice`},
		"zeros":              {strings.Repeat("\x00", 100), "not a status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, file := plant(t, test.content)
			result, _, err := readOne(dir, "connect", isStatus)
			expectError(t, err, file, test.want)
			if result != (Result{}) {
				t.Errorf("a result beside the error: %+v", result)
			}
		})
	}
}

func TestReadTakesWhatTheToolsWrite(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]Result{
		"connected":   {Status: "connected"},
		"connected\n": {Status: "connected"},
		`{"status":"error","message":"no route"}`:           {Status: "error", Message: "no route"},
		"{\n \"status\": \"connected\", \"later\": {}\n}\n": {Status: "connected"},
		`{"status":"half-open","message":""}`:               {Status: "half-open"},
		`{"status":"error","reason":"local-limit"}`:         {Status: "error", Reason: "local-limit"},
		`{"status":"error","reason":null}`:                  {Status: "error"},
	} {
		dir, _ := plant(t, content)
		if got, _, err := readOne(dir, "connect", isStatus); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v; want %+v", content, got, err, want)
		}
	}
}

func TestReadNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir, file := plant(t, "connected")

	_, _, err := readOne(filepath.Join(dir, "gone"), "connect", isStatus)
	expectError(t, err, "the bundle "+filepath.Join(dir, "gone")+" does not exist")

	_, _, err = readOne(dir, "other", isStatus)
	expectError(t, err, ResultFile(dir, "other"), `no result of a collector named "other"`)

	_, _, err = readOne(file, "connect", isStatus)
	expectError(t, err, file, "not a gzipped tar archive")

	_, _, err = readOne(dir, "../connect", isStatus)
	expectError(t, err, CollectorNameRule)
}

func TestReadTakesOnlyRegularFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(ResultFile(dir, "connect"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err := readOne(dir, "connect", isStatus)
	expectError(t, err, ResultFile(dir, "connect"), "not a regular file")
}

func TestReadOfAHugeFileIsBounded(t *testing.T) {
	t.Parallel()
	dir, file := plant(t, "")
	if err := os.Truncate(file, 1<<30); err != nil { // 1 GiB of zeros
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := readOne(dir, "connect", isStatus)
	runtime.ReadMemStats(&after)
	expectError(t, err, file, "larger than")
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("reading took %d bytes of memory", grown)
	}
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("this user may not make symbolic links: %v", err)
	}
}

func TestSymbolicLinksLeadNowhereElse(t *testing.T) {
	t.Parallel()
	const leadsOut = "a symbolic link there must not lead out of the bundle directory"
	for _, level := range []string{"host-collectors", "host-collectors/connect"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			outside, _ := plant(t, "connected")
			dir := t.TempDir()
			link := filepath.Join(dir, filepath.FromSlash(level))
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			symlink(t, filepath.Join(outside, filepath.FromSlash(level)), link)

			_, _, err := readOne(dir, "connect", isStatus)
			expectError(t, err, link, leadsOut)

			_, err = NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"})
			expectError(t, err, ResultFile(dir, "connect"), leadsOut)
			expectContent(t, ResultFile(outside, "connect"), "connected")
		})
	}
	t.Run("result file", func(t *testing.T) {
		t.Parallel()
		_, outside := plant(t, "connected")
		dir, file := plant(t, "error")
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		symlink(t, outside, file)

		_, _, err := readOne(dir, "connect", isStatus)
		expectError(t, err, file, leadsOut)

		if _, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"}); err != nil {
			t.Fatal(err)
		}
		expectContent(t, outside, "connected")
		expectContent(t, file, "error")
		if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the link was not replaced: %v, %v", info.Mode(), err)
		}
	})
}

func TestCollectorNamesStayInTheBundle(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"connect", "a", "A.b_c-1 d", "kubernetes-api-tcp-conn-status", "console", "com10", strings.Repeat("a", 128),
	} {
		if err := ValidateCollectorName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "../x", "/etc/x", "a/b", `a\b`, "a:b", "C:x", "-a", "a-", " a", "a ", "a.", ".a", "a\n",
		"a\x00b", "ä",
		"con", "CON", "nul.txt", "com1", "LPT9.a.b", "aux .x", strings.Repeat("a", 129), strings.Repeat("a", 300),
	} {
		err := ValidateCollectorName(name)
		if err == nil {
			t.Errorf("%q is taken", name)
			continue
		}
		expectError(t, err, CollectorNameRule)
		if len(err.Error()) > 600 {
			t.Errorf("the error for %q has %d characters", name, len(err.Error()))
		}
		if _, err := NewWriter(t.TempDir(), FormatStatus).Write(name, Result{Status: "error"}); err == nil {
			t.Errorf("a result of %q is written", name)
		}
	}
}

func TestWriteNamesThePathAndTheCause(t *testing.T) {
	t.Parallel()
	_, file := plant(t, "connected")
	_, err := NewWriter(file, FormatStatus).Write("connect", Result{Status: "error"})
	expectError(t, err, ResultFile(file, "connect"), "directory")
	expectContent(t, file, "connected")

	dir := t.TempDir()
	if err := os.MkdirAll(ResultFile(dir, "connect"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"})
	expectError(t, err, ResultFile(dir, "connect"))
	expectFiles(t, dir, "connect.json")
}

func TestConcurrentWritersLeaveWholeFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	statuses := []string{"connected", "connection-refused", "connection-timeout", "error"}
	var writers sync.WaitGroup
	for i := range 500 {
		writers.Go(func() {
			// Each write has its own Writer, as in several processes, and removes stray files while others write.
			result := Result{Status: statuses[i%len(statuses)]}
			if _, err := NewWriter(dir, FormatStatus).Write("connect", result); err != nil {
				t.Error(err)
			}
			if _, _, err := readOne(dir, "connect", isStatus); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	expectContent(t, ResultFile(dir, "connect"), statuses...)
	expectFiles(t, dir, "connect.json")
}

func TestLongestNamesAreWritten(t *testing.T) {
	t.Parallel()
	dir, collector := filepath.Join(t.TempDir(), strings.Repeat("d", 255)), strings.Repeat("c", 128)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("this file system has no names of 255 bytes: %v", err)
	}
	file, err := NewWriter(dir, FormatStatus).Write(collector, Result{Status: "connected"})
	if err != nil {
		t.Fatal(err)
	}
	expectContent(t, file, "connected")
}

// Somebody removes the bundle, or plants links in it, again and again while results are written.
func TestWritersAndVandalsLeaveWholeFilesInTheBundleOnly(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), filepath.Join(t.TempDir(), "bundle")
	const writes = 500
	var begun atomic.Int64
	succeeded := 0
	var vandals sync.WaitGroup
	vandals.Go(func() {
		for i := 0; begun.Load() < writes; i++ {
			for seen := begun.Load(); begun.Load() == seen && seen < writes; {
				runtime.Gosched() // once in each write, at any time of it
			}
			level := []string{"host-collectors", connectPath, filepath.Join(connectPath, "connect.json")}[i%3]
			_ = os.RemoveAll(filepath.Join(dir, level))
			if i%2 == 0 {
				_ = os.Symlink(outside, filepath.Join(dir, level))
			}
		}
	})
	writer := NewWriter(dir, FormatStatus)
	for range writes {
		begun.Add(1)
		if _, err := writer.Write("connect", Result{Status: "connected"}); err == nil {
			succeeded++
		} else if !strings.Contains(err.Error(), dir) {
			t.Errorf("the error does not name the path: %v", err)
		}
	}
	vandals.Wait()
	t.Logf("%d of %d writes succeeded", succeeded, writes)
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside of the bundle lies %v, %v", entries, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write("connect", Result{Status: "error"}); err != nil {
		t.Fatal(err)
	}
	expectContent(t, ResultFile(dir, "connect"), "error")
}

// random is what a temporary name of ours has between the name and its end.
const random = ".ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestNextWriteClearsStrayFilesOnly(t *testing.T) {
	t.Parallel()
	dir, _ := plant(t, "connected")
	connect := filepath.Join(dir, connectPath)
	others := []string{
		".connect.json" + random + ".tmp.keep", ".connect.json.ABC.tmp", ".connect.json.tmp",
		".connect.json" + strings.ToLower(random) + ".tmp",
		".connect.txt" + random + ".tmp", ".json" + random + ".tmp", "connect.json" + random + ".tmp",
	}
	for _, name := range append(others, ".connect.json"+random+".tmp") {
		if err := os.WriteFile(filepath.Join(connect, name), []byte("conn"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	live, err := os.Create(filepath.Join(connect, ".other.json"+random+".tmp"))
	if err != nil {
		t.Fatal(err)
	}
	if err := tryLock(live); err != nil {
		t.Fatal(err)
	}
	if _, err := NewWriter(dir, FormatStatus).Write("connect", Result{Status: "error"}); err != nil {
		t.Fatal(err)
	}
	expectFiles(t, dir, slices.Sorted(slices.Values(append(others, ".other.json"+random+".tmp", "connect.json")))...)
	if err := live.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range []string{
		"", "connected", "connected\n", "connec", `{"status":"error","message":"x"}`, `{"status":`,
		`{"a":{"status":"connected"}}`,
	} {
		f.Add([]byte(file))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		result, err := decode(file, isStatus)
		if err != nil {
			return
		}
		again, err := FormatJSON.encode(result)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decode(again, isStatus); err != nil || got != result {
			t.Errorf("%q is read as %+v, written as %q, and then read as %+v, %v", file, result, again, got, err)
		}
	})
}

func TestCauseDropsWhatTheCallerSays(t *testing.T) {
	t.Parallel()
	want := errors.New("disk on fire")
	for _, err := range []error{
		want,
		&fs.PathError{Op: "open", Path: "x", Err: want},
		fmt.Errorf("outer: %w", &os.LinkError{Op: "rename", Err: want}),
	} {
		if got := cause(err); !errors.Is(got, want) || got.Error() != want.Error() {
			t.Errorf("cause of %q is %q", err, got)
		}
	}
}

func TestSameBundleIsKnownHoweverItIsSpelt(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	plantInto(t, parent, map[string]string{
		"own/" + connect + "db.json":   "connected",
		"other/" + connect + "db.json": "connected",
		"empty/readme":                 "",
	})
	own := filepath.Join(parent, "own")
	links := map[string]string{ // link -> what it leads to
		"linked":                          "own",
		"parts/host-collectors":           "../own/host-collectors",
		"results/host-collectors/connect": "../../own/host-collectors/connect",
		"result/" + connect + "db.json":   "../../../own/" + connect + "db.json",
		"loop":                            "loop",
	}
	for link, target := range links {
		file := filepath.Join(parent, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		symlink(t, filepath.FromSlash(target), file)
	}
	for dir, want := range map[string]bool{
		own: true, own + "/.": true, filepath.Join(own, "..") + "/own/": true, "linked": true, "parts": true,
		"results": true, "result": true,
		"loop":  true, // it is not known
		"other": false, "empty": false, "gone": false,
	} {
		if !strings.HasPrefix(dir, parent) {
			dir = filepath.Join(parent, dir)
		}
		if Same(own, dir, "db") != want || Same(dir, own, "db") != want {
			t.Errorf("%s is the same: %t", dir, !want)
		}
		if got := Same(own, dir, "absent"); got != (want && filepath.Base(dir) != "result") {
			t.Errorf("%s is the same for a collector without a result: %t", dir, got)
		}
	}
}

func TestSameBundleIsKnownBeforeItHoldsAnything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if !Same(dir, filepath.Join(dir, "..")+"/"+filepath.Base(dir), "db") || Same(dir, t.TempDir(), "db") {
		t.Error("an empty directory is not the same as itself, or as another")
	}
}
