// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"log"
	"os"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/terraform"
)

func TestMain(m *testing.M) {
	if os.Getenv("TF_ACC") != "" {
		if err := useTerraform(); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(m.Run())
}

// useTerraform makes the acceptance tests run the Terraform or OpenTofu of this machine. They need to know which
// registry completes its source addresses.
func useTerraform() error {
	cli, err := terraform.Find()
	if err != nil {
		return err
	}
	return errors.Join(
		os.Setenv("TF_ACC_TERRAFORM_PATH", cli.Path),
		os.Setenv("TF_ACC_PROVIDER_HOST", cli.ProviderHost()),
	)
}
