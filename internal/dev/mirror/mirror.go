// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package mirror builds the provider into a directory from which `terraform init` and `tofu init` install it without a
// registry.
package mirror

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/provider"
)

// Version is the version of the built provider. It is below every release, and an empty version constraint accepts it.
const Version = "0.0.1"

// hosts are the registries of a source address without a host, in Terraform and in OpenTofu.
var hosts = []string{"registry.terraform.io", "registry.opentofu.org"}

// Build builds the provider of this checkout into the unpacked layout of a file system mirror below dir
// (https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror).
func Build(dir string) error {
	_, source, _ := strings.Cut(provider.Address, "/")
	name := path.Base(source)
	binary := fmt.Sprintf("terraform-provider-%s_v%s", name, Version)
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	for _, host := range hosts {
		file := filepath.Join(dir, host, filepath.FromSlash(source), Version, runtime.GOOS+"_"+runtime.GOARCH, binary)
		build := exec.Command("go", "build", "-ldflags=-X main.version="+Version, "-o", file,
			"github.com/terraform-preflight/terraform-provider-preflight")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the provider: %w\n%s", err, output)
		}
	}
	return nil
}

// BuildWithConfig builds the provider below dir and returns the path of a CLI configuration that installs providers
// only from there.
func BuildWithConfig(dir string) (cliConfig string, err error) {
	mirror := filepath.Join(dir, "mirror")
	if err := Build(mirror); err != nil {
		return "", err
	}
	cliConfig = filepath.Join(dir, "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return cliConfig, os.WriteFile(cliConfig, []byte(content), 0o644)
}
