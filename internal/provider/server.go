// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// NewServer returns a function that makes a server of the provider of the given version.
//
// Terraform asks a provider to stop when the user interrupts the run. The plugin library then ends the calls that are under way, and
// no others; but Terraform may send one just before the stop that is received just after it, and would wait for its whole timeout.
// This server ends every call that comes after the stop, too.
func NewServer(version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		stopped, stop := context.WithCancel(context.Background())
		inner := providerserver.NewProtocol6(New(version)())()
		return &server{inner, inner.(tfprotov6.ActionServer), stopped, stop}
	}
}

type server struct {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	stopped context.Context
	stop    context.CancelFunc
}

// untilStopped returns a context that ends with the other, and when Terraform asks the provider to stop.
func (s *server) untilStopped(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(s.stopped, cancel)
	return ctx
}

// StopProvider ends all calls, also those to come.
func (s *server) StopProvider(ctx context.Context, req *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	s.stop()
	return s.ProviderServer.StopProvider(ctx, req)
}

// ReadDataSource reads a data source, unless the provider was stopped.
func (s *server) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	return s.ProviderServer.ReadDataSource(s.untilStopped(ctx), req)
}

// OpenEphemeralResource opens an ephemeral resource, unless the provider was stopped.
func (s *server) OpenEphemeralResource(ctx context.Context, req *tfprotov6.OpenEphemeralResourceRequest) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	return s.ProviderServer.OpenEphemeralResource(s.untilStopped(ctx), req)
}

// InvokeAction invokes an action, unless the provider was stopped.
func (s *server) InvokeAction(ctx context.Context, req *tfprotov6.InvokeActionRequest) (*tfprotov6.InvokeActionServerStream, error) {
	return s.ActionServer.InvokeAction(s.untilStopped(ctx), req)
}
