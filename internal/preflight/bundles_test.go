// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestResultIsTooOldOrFromTheFuture(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{
		0:                             "",
		time.Hour:                     "",
		-clockSkew:                    "",
		time.Hour + time.Second:       "the result is 1h0m1s old, and max_age is 1h0m0s.",
		-clockSkew - time.Second:      "the result is dated 1m1s in the future, so its age is not known.",
		time.Hour + time.Nanosecond:   "the result is 1h0m0s old, and max_age is 1h0m0s.",
		-clockSkew - time.Millisecond: "the result is dated 1m0s in the future",
	} {
		if err := checkAge(age, time.Hour, useStatus); (err == nil) != (want == "") ||
			err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", age, err, want)
		}
	}
}

// The archive is written at the cleaned path, so it is read there too: beside the link, not beside what it leads to.
func TestArchiveIsReadWhereItIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "elsewhere", "below"), 0o755),
		os.Symlink(filepath.Join("elsewhere", "below"), filepath.Join(dir, "link")))
	if err != nil {
		t.Skipf("this user may not make symbolic links: %v", err)
	}
	older := batchOf(t, "older", "10.0.0.9")
	older.Archive = filepath.Join(dir, "elsewhere", "acme.tar.gz")
	if _, err := newRun(filepath.Join(dir, "older"), "10.0.0.9").Batch(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	batch := batchOf(t, "new", "10.0.0.1")
	batch.Archive = filepath.Join(dir, "link") + "/../acme.tar.gz"
	run := newRun(filepath.Join(dir, "new"), "10.0.0.1")
	if _, err := run.Batch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if results, err := run.ReadResults(t.Context(), batch.Archive, "new-0", Terms{}); err != nil {
		t.Errorf("read %+v, %v", results, err)
	}
	if results, err := run.ReadResults(t.Context(), batch.Archive, "older-0", Terms{}); err == nil {
		t.Errorf("read %+v of the older archive", results)
	}
}
