// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorsOfReadingNameTheFileInTheBundle(t *testing.T) {
	t.Parallel()
	inner := func(dir, file string) string { return filepath.Join(dir, filepath.FromSlash(file)) }
	const damaged = `the file holds "connec", which is not a status`
	inDirectory := plantTree(t, map[string]string{connect + "db.json": "connec"})
	inTop := plantTree(t, map[string]string{"top/" + connect + "db.json": "connec"})
	noList := plantTree(t, map[string]string{nodeList: "{", connect + "db.json": "connected"})
	noDirectory := plantTree(t, map[string]string{"host-collectors": "x"})
	other := plantTree(t, map[string]string{connect + "api.json": "connected"})
	incomplete := plantTree(t, map[string]string{
		connect + "db.json": "connected", connect + "node-1/api.json": "error",
	})
	archived := func(entries ...tarEntry) string { return plantFile(t, "bundle.tar.gz", packed(t, entries...)) }
	archive := archived(regular("top/"+connect+"db.json", "connec"))
	archivedList := archived(regular(nodeList, "{"), regular(connect+"db.json", "connected"))
	archivedOther := archived(regular(connect+"api.json", "connected"))
	archivedTwice := archived(regular(connect+"db.json", "error"), regular(connect+"db.json", "error"))
	random := make([]byte, 1<<15)
	_, _ = rand.Read(random) // does not compress, so that the cut lies in the file
	whole := packed(t, regular(connect+"db.json", string(random)), regular("more", ""))
	cut := plantFile(t, "bundle.tar.gz", whole[:len(whole)/2])
	for bundle, want := range map[string]string{
		inDirectory: "read " + inner(inDirectory, connect+"db.json") + ": " + damaged,
		inTop:       "read " + inner(inTop, "top/"+connect+"db.json") + ": " + damaged,
		noList: "read " + inner(noList, nodeList) +
			`: the file is truncated JSON; its form is {"nodes":["node-1","node-2"]}`,
		other: "read " + inner(other, connect+"db.json") +
			`: the bundle holds no result of a collector named "db"; it holds some of ["api"]`,
		incomplete: "read " + incomplete +
			`: the bundle holds results of ["node-1"], but none of a collector named "db". ` +
			"Collect it again, with this collector on every node",
		archive: "read " + archive + ", " + connect + "db.json: " + damaged,
		archivedList: "read " + archivedList + ", " + nodeList +
			`: the file is truncated JSON; its form is {"nodes":["node-1","node-2"]}`,
		archivedOther: "read " + archivedOther + ", " + connect +
			`db.json: the bundle holds no result of a collector named "db"; it holds some of ["api"]`,
		archivedTwice: "read " + archivedTwice + `: entry 2, "` + connect + `db.json": the archive has this file twice`,
		cut:           "read " + cut + ", " + connect + "db.json: the archive is truncated",
	} {
		_, err := Read(t.Context(), bundle, "db", isStatus)
		if err == nil || err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	_, err := Read(t.Context(), noDirectory, "db", isStatus)
	expectError(t, err, "read "+inner(noDirectory, "host-collectors")+": ")
}

func TestFileNameOfAResultIsNotTheNameOfItsCollector(t *testing.T) {
	t.Parallel()
	many := map[string]string{connect + "node-1/db.json": "connected"}
	for i := range 20 {
		many[fmt.Sprintf("%sa-%d.json", connect, i)] = "connected"
	}
	db := map[string]string{connect + "db.json": "connected"}
	for _, test := range []struct {
		files       map[string]string
		asked, want string
	}{
		{db, "db.json", `named "db.json". Did you mean "db"?`},
		{many, "db.json", `named "db.json". Did you mean "db"?`},
		{
			map[string]string{"host-collectors/node-1/" + connectKind + "/db.json": "connected"},
			"db.json",
			`Did you mean "db"?`,
		},
		{map[string]string{connect + "db.json.json": "connected"}, "db.json.json", `Did you mean "db.json"?`},
		{db, "db.JSON", `; it holds some of ["db"]`},
		{db, "dbb.json", `; it holds some of ["db"]`},
		{db, "db.txt", `; it holds some of ["db"]`},
		{map[string]string{"host-collectors/system/db.json": "{}"}, "db.json", "is it a support bundle?"},
	} {
		var entries []tarEntry
		for file, content := range test.files {
			entries = append(entries, regular(file, content))
		}
		for _, bundle := range []string{plantTree(t, test.files), plantFile(t, "bundle.tgz", packed(t, entries...))} {
			_, err := Read(t.Context(), bundle, test.asked, isStatus)
			expectError(t, err, test.want)
			if err != nil && !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("%q does not end with %q", err, test.want)
			}
		}
	}
	files := map[string]string{connect + "db.json": "connected", connect + "db.json.json": "error"}
	if result, _, err := readOne(plantTree(t, files), "db.json", isStatus); err != nil || result.Status != "error" {
		t.Errorf("%+v, %v", result, err)
	}
}
