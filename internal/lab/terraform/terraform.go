// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package terraform finds the Terraform or OpenTofu that tests and the demo run.
package terraform

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/hashicorp/go-version"
)

// CLI is a Terraform or an OpenTofu on this machine.
type CLI struct {
	Path       string
	Version    *version.Version
	IsOpenTofu bool
}

// openTofuVersions maps a version of Terraform to the version of OpenTofu with the same features, if it is another one.
// OpenTofu 1.6, its first version, has all features of Terraform 1.5.
var openTofuVersions = map[string]string{
	"1.7.0":  "1.8.0",   // mock providers
	"1.10.0": "1.11.0",  // ephemeral resources
	"1.14.0": "999.0.0", // actions, which OpenTofu does not have
}

// Find returns the CLI that TF_ACC_TERRAFORM_PATH names, or else the terraform or the tofu on the PATH.
func Find() (CLI, error) {
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	for _, name := range []string{"terraform", "tofu"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		return CLI{}, errors.New("neither terraform nor tofu is on the PATH; `make test` installs Terraform")
	}
	return At(path)
}

// versionLine matches the first line of the version command's output, which may follow warnings.
var versionLine = regexp.MustCompile(`(?m)^(Terraform|OpenTofu) v(\S+)\r?$`)

// At returns the CLI at a path.
func At(path string) (CLI, error) {
	output, err := exec.Command(path, "version").Output()
	if err != nil {
		return CLI{}, fmt.Errorf("%s version: %w", path, err)
	}
	match := versionLine.FindSubmatch(output)
	if match == nil {
		return CLI{}, fmt.Errorf("%s version prints no version of Terraform or OpenTofu:\n%s", path, output)
	}
	found, err := version.NewVersion(string(match[2]))
	if err != nil {
		return CLI{}, fmt.Errorf("%s version: %w", path, err)
	}
	return CLI{Path: path, Version: found, IsOpenTofu: string(match[1]) == "OpenTofu"}, nil
}

// String returns the product and its version.
func (c CLI) String() string {
	if c.IsOpenTofu {
		return "OpenTofu " + c.Version.String()
	}
	return "Terraform " + c.Version.String()
}

// Has reports whether this is at least the given version of Terraform, or an OpenTofu with the same features. A
// prerelease counts as its release.
func (c CLI) Has(oldest string) bool {
	minimum := version.Must(version.NewVersion(oldest))
	if c.IsOpenTofu {
		minimum = version.Must(version.NewVersion(cmp.Or(openTofuVersions[minimum.String()], oldest)))
	}
	return c.Version.Core().GreaterThanOrEqual(minimum)
}

// ProviderHost returns the registry of a source address without a host.
func (c CLI) ProviderHost() string {
	if c.IsOpenTofu {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

// Environment returns an environment in which the CLI reads its configuration from cliConfig and sees no other setting
// of Terraform or of the provider.
func Environment(cliConfig string) []string {
	environment := []string{"TF_CLI_CONFIG_FILE=" + cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "PREFLIGHT_") {
			environment = append(environment, variable)
		}
	}
	return environment
}
