// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command install builds the provider into the user's plugin directory, one of the implied local mirrors in which Terraform and
// OpenTofu look before they ask a registry.
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
	fmt.Printf("Installed version %s below %s. Run `terraform init -upgrade` where it is used.\n", mirror.Version, dir)
}

// https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
func pluginDir() (string, error) {
	if runtime.GOOS == "windows" {
		config, err := os.UserConfigDir()
		return filepath.Join(config, "terraform.d", "plugins"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".terraform.d", "plugins"), err
}
