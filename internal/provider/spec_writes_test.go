// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

func TestSpecThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := endpointSpec(map[string]string{"a": loopback.Open(t).String()}, "5s")
	archive := filepath.Join(file, "acme.tar.gz")
	for _, test := range []struct{ dir, more, want string }{
		{file, "", "Result Not Written"},
		{file, "",
			"The check of the spec was made, but its result was not written into the support bundle: open bundle " +
				"directory " +
				file},
		{t.TempDir(), fmt.Sprintf("archive = %q\n", archive), "Archive Not Written"},
		{t.TempDir(), fmt.Sprintf("archive = %q\n", archive),
			"and the bundle was written, but not the archive: write " + archive},
	} {
		acceptance(t, nil, resource.TestStep{
			Config:      providerBlock(test.dir, "") + specConfig(text, test.more),
			PlanOnly:    true,
			ExpectError: says(test.want),
		})
	}
	expectFile(t, file, "mine")
}

func TestSpecDoesNotReplaceTheResultOfACheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused, open := loopback.Refused(t), loopback.Listen(t, loopback.IPv4)
	config := providerBlock(dir, "") + fmt.Sprintf(`data "preflight_tcp_connect" "a" {
  collector_name = "a"
  address        = %q
}
`, refused) +
		specConfig(endpointSpec(map[string]string{"a": open.AddrPort().String()}, "5s"),
			"depends_on = [data.preflight_tcp_connect.a]\n")
	acceptance(t, nil, resource.TestStep{
		Config:      config,
		PlanOnly:    true,
		ExpectError: says("Two collectors are named \"a\""),
	})
	expectFile(t, bundle.ResultFile(dir, "a"), "connection-refused")
	if open.Accepted() > 0 {
		t.Error("the spec dialled")
	}
}

func TestSpecDoesNotReplaceFilesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "version.yaml")
	if err := os.WriteFile(file, []byte("version: 1.2.3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	open := loopback.Listen(t, loopback.IPv4)
	config := providerBlock(dir, "") +
		specConfig(endpointSpec(map[string]string{"a": open.AddrPort().String()}, "5s"), "")
	for _, want := range []string{"File of Another Program", file + " would be replaced", "for example bundle_dir"} {
		acceptance(t, nil, resource.TestStep{Config: config, PlanOnly: true, ExpectError: says(want)})
	}
	expectFile(t, file, "version: 1.2.3\n")
	if files := filesBelow(t, dir); len(files) != 1 || open.Accepted() > 0 {
		t.Errorf("files %q, %d dials", files, open.Accepted())
	}
}
