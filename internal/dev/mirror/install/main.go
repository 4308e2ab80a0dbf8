// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command install builds the provider into the user's plugin directory. This is one of the implied local mirrors, from
// which Terraform and OpenTofu install a provider instead of from a registry.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/dev/mirror"
)

func main() {
	log.SetFlags(0)
	dir, err := pluginDir()
	if err != nil {
		log.Fatal(err)
	}
	if err := mirror.Build(dir); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("Installed version %s in %s.\nRun `terraform init -upgrade` in configurations that use the provider.\n",
		mirror.Version, dir)
}

// pluginDir returns the plugin directory of this user:
// https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
func pluginDir() (string, error) {
	if runtime.GOOS == "windows" {
		config, err := os.UserConfigDir()
		return filepath.Join(config, "terraform.d", "plugins"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".terraform.d", "plugins"), err
}
