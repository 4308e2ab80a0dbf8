// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// TestMain looks for goroutines that are left; this is the same for descriptors and temporary files.
//
//nolint:paralleltest // It counts what the process has open, so nothing else may run.
func TestNothingIsLeftOfReadingAndWriting(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "blocked")
	if err := os.MkdirAll(filepath.Join(ResultFile(blocked, "db"), "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	truncated := plantFile(t, "bundle.tar.gz", packed(t, regular(connect+"db.json", "connected"))[:60])
	all := func() {
		for range 20 {
			w := NewWriter(dir, FormatJSON)
			archive := filepath.Join(dir, "acme.tar.gz")
			for _, err := range []error{writeReport(w, report()), w.WriteArchive(archive, report())} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := writeReport(NewWriter(blocked, FormatStatus), report()); err == nil {
				t.Fatal("a directory was replaced")
			}
			for bundle, ok := range map[string]bool{
				dir: true, archive: true, blocked: false, truncated: false, dir + "/gone": false,
			} {
				if _, err := Read(t.Context(), bundle, "db", isStatus); (err == nil) != ok {
					t.Fatalf("%s: %v", bundle, err)
				}
			}
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it closes what nothing holds any more
	all()                                            // opens what Go's runtime keeps
	before := openDescriptors(t)
	all()
	if after := openDescriptors(t); after > before {
		t.Errorf("%d descriptors were open, and %d after as many bundles again", before, after)
	}
	for _, pattern := range []string{".*.tmp", "*/*/.*.tmp", "*/*/*/.*.tmp"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("temporary files are left: %q, %v", left, err)
		}
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
