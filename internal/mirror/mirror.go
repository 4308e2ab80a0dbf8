// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package mirror builds the provider into a directory that `terraform init` and `tofu init` install it from without a registry.
package mirror

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/provider"
)

// Version is the version under which a built provider is installed: below every release, and one that an empty version constraint
// takes.
const Version = "0.0.1"

// hosts are the registries that Terraform and OpenTofu complete a short source address with.
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
		build := exec.Command("go", "build", "-ldflags=-X main.version="+Version, "-o", file, "github.com/terraform-preflight/terraform-provider-preflight")
		if output, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build the provider: %w\n%s", err, output)
		}
	}
	return nil
}

// BuildWithConfig builds the provider below dir and returns the path of a CLI configuration that takes providers from there only.
func BuildWithConfig(dir string) (cliConfig string, err error) {
	mirror := filepath.Join(dir, "mirror")
	if err := Build(mirror); err != nil {
		return "", err
	}
	cliConfig = filepath.Join(dir, "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return cliConfig, os.WriteFile(cliConfig, []byte(content), 0o644)
}

// TerraformVersion returns the version of a Terraform or OpenTofu.
func TerraformVersion(terraform string) (*version.Version, error) {
	output, err := exec.Command(terraform, "version", "-json").Output()
	if err != nil {
		return nil, fmt.Errorf("%s version: %w", terraform, err)
	}
	var found struct {
		Version string `json:"terraform_version"` // OpenTofu's too
	}
	if err := json.Unmarshal(output, &found); err != nil {
		return nil, fmt.Errorf("%s version: %w", terraform, err)
	}
	return version.NewVersion(found.Version)
}

// Environment returns an environment in which Terraform takes its configuration from cliConfig and sees no other setting of this
// machine, of Terraform or of the provider.
func Environment(cliConfig string) []string {
	environment := []string{"TF_CLI_CONFIG_FILE=" + cliConfig, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "PREFLIGHT_") {
			environment = append(environment, variable)
		}
	}
	return environment
}
