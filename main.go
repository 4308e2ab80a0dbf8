// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// terraform-provider-preflight is a plugin of Terraform and OpenTofu. They start it; it is of no use by itself.
package main

import (
	"errors"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "run for a debugger such as delve, and print how Terraform is told of it")
	flag.Parse()

	var options []tf6server.ServeOpt
	if *debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	server := provider.NewServer(version)
	err := tf6server.Serve(provider.Address, func() tfprotov6.ProviderServer { return server }, options...)
	if err := errors.Join(err, server.Close()); err != nil {
		log.Fatal(err)
	}
}
