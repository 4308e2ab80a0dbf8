// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // most of the time the tests wait for a network
	_ = os.Unsetenv("SSH_AUTH_SOCK")
	for _, variable := range []string{"HOME", "USERPROFILE"} { // no known_hosts file is there
		if err := os.Setenv(variable, filepath.Join(os.TempDir(), "preflight-no-home")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}
