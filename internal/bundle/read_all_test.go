// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// readings are the results that ReadAll returns, as "collector@node status" in the order asked.
func readings(found map[string]Found, collectors ...string) string {
	var texts []string
	for _, collector := range collectors {
		for _, result := range found[collector].Results {
			status := result.Status
			if result.Missing {
				status = "missing"
			}
			texts = append(texts, fmt.Sprintf("%s@%s %s", collector, result.Node, status))
		}
	}
	return strings.Join(texts, ", ")
}

func TestReadAllReadsTheResultsOfManyCollectors(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		connect + "db.json":                       "connected",
		connect + "api.json":                      `{"status":"error","message":"x"}`,
		connect + "unasked.json":                  "damaged",
		"host-collectors/node-1/connect/db.json":  "connection-refused",
		"host-collectors/node-1/connect/api.json": "connected",
		nodeList: `{"nodes":["node-1","node-2"]}`,
	}
	var entries []tarEntry
	for file, content := range files {
		entries = append(entries, regular("top/"+file, content))
	}
	const want = "db@ connected, db@node-1 connection-refused, db@node-2 missing, " +
		"api@ error, api@node-1 connected, api@node-2 missing"
	for _, bundle := range []string{plantTree(t, files), plantFile(t, "bundle.tgz", packed(t, entries...))} {
		found, err := ReadAll(t.Context(), bundle, []string{"db", "api"}, isStatus)
		if got := readings(found, "db", "api"); err != nil || got != want {
			t.Errorf("%s: got %s, %v\nwant %s", bundle, got, err, want)
		}
	}
}

func TestReadAllNamesAllCollectorsWithoutAResult(t *testing.T) {
	t.Parallel()
	var asked []string
	for i := range 23 {
		asked = append(asked, fmt.Sprintf("c-%02d", i))
	}
	bundle := plantTree(t, map[string]string{connect + "c-00.json": "connected", connect + "c-01.json": "error"})
	for _, test := range []struct {
		asked []string
		want  string
	}{
		{asked[:3], `c-02.json: the bundle holds no result of a collector named "c-02"; it holds some of ["c-00" `},
		{asked[:4], `the bundle holds no result of the collectors ["c-02" "c-03"]; it holds some of ["c-00" "c-01"]`},
		{asked, `"c-20" "c-21"] and 1 more; it holds some of ["c-00" "c-01"]`},
		{[]string{"c-00", "../c-01"}, `"../c-01" cannot name a collector`},
	} {
		found, err := ReadAll(t.Context(), bundle, test.asked, isStatus)
		expectError(t, err, test.want)
		if found != nil {
			t.Errorf("results beside the error: %+v", found)
		}
	}
}

func TestReadAllChecksEveryCollector(t *testing.T) {
	t.Parallel()
	for want, files := range map[string]map[string]string{
		`which is not a status`: {connect + "db.json": "connected", connect + "api.json": "connec"},
		`the bundle holds results of ["node-1"], but none of a collector named "api"`: {
			connect + "node-1/db.json": "connected", connect + "node-2/db.json": "connected",
			connect + "node-2/api.json": "connected",
		},
	} {
		_, err := ReadAll(t.Context(), plantTree(t, files), []string{"db", "api"}, isStatus)
		expectError(t, err, want)
	}
}

func TestReadAllIsBounded(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("unpacks hundreds of megabytes, which takes the race detector minutes")
	}
	var asked, manyNodes []string
	for i := range 20 {
		asked = append(asked, fmt.Sprintf("c-%d", i))
	}
	for i := range 6_000 {
		manyNodes = append(manyNodes, fmt.Sprintf("%q", fmt.Sprintf("n%d", i)))
	}
	spaces := bytes.Repeat([]byte(" "), maxResultSize)
	for want, write := range map[string]func(*tar.Writer) error{
		"the results of the collectors are larger than 134217728 bytes in all": func(archive *tar.Writer) error {
			for i := range 15 * len(asked) {
				name := fmt.Sprintf("b/%snode-%d/c-%d.json", connect, i/len(asked), i%len(asked))
				if err := begin(archive, name, maxResultSize); err != nil {
					return err
				}
				if _, err := archive.Write(spaces); err != nil {
					return err
				}
			}
			return archive.Close()
		},
		"the bundle has more than 100000 results, with those of nodes that have none": func(archive *tar.Writer) error {
			list := fmt.Sprintf(`{"nodes":[%s]}`, strings.Join(manyNodes, ","))
			err := begin(archive, "b/"+nodeList, int64(len(list)))
			_, writeErr := io.WriteString(archive, list)
			err = errors.Join(err, writeErr)
			for _, name := range asked {
				err = errors.Join(err, begin(archive, "b/"+connect+"n1/"+name+".json", 9))
				_, writeErr = io.WriteString(archive, "connected")
				err = errors.Join(err, writeErr)
			}
			return errors.Join(err, archive.Close())
		},
	} {
		_, err := ReadAll(t.Context(), bomb(t, write), asked, isStatus)
		expectError(t, err, want)
	}
}
