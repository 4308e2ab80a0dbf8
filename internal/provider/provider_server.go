// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Server is a server of the provider.
//
// Terraform asks a provider to stop when the user interrupts the run. The plugin library then ends the calls that are
// under way, and no others; but Terraform may send one just before the stop that is received just after it, and would
// wait for its whole timeout. This server ends every call that comes after the stop, too.
type Server struct {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	provider *Provider
	stopped  context.Context
	stop     context.CancelFunc
}

// NewServer makes a server of the provider of the given version. It must be closed in the end.
func NewServer(version string) *Server {
	stopped, stop := context.WithCancel(context.Background())
	provider := &Provider{version: version}
	inner := providerserver.NewProtocol6(provider)()
	return &Server{inner, inner.(tfprotov6.ActionServer), provider, stopped, stop}
}

// Close writes what the reports do not say yet.
func (s *Server) Close() error {
	return s.provider.runs.close()
}

// untilStopped returns a context that ends with that of the call, and when Terraform asks the provider to stop.
func (s *Server) untilStopped(call context.Context) context.Context {
	ctx, cancel := context.WithCancel(call)
	if s.stopped.Err() != nil {
		cancel() // now: AfterFunc would do it in a goroutine, which a quick dial could overtake
	}
	forget := context.AfterFunc(s.stopped, cancel)
	// Not at the return of the call: the events of an action come after it.
	context.AfterFunc(call, func() { forget() })
	return ctx
}

// StopProvider ends all calls, also those to come.
func (s *Server) StopProvider(
	ctx context.Context, req *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	s.stop()
	return s.ProviderServer.StopProvider(ctx, req)
}

// ReadDataSource reads a data source, unless the provider was stopped.
func (s *Server) ReadDataSource(
	ctx context.Context, req *tfprotov6.ReadDataSourceRequest,
) (*tfprotov6.ReadDataSourceResponse, error) {
	resp, err := s.ProviderServer.ReadDataSource(s.untilStopped(ctx), req)
	if resp != nil {
		clean(resp.Diagnostics)
	}
	return resp, err
}

// OpenEphemeralResource opens an ephemeral resource, unless the provider was stopped.
func (s *Server) OpenEphemeralResource(
	ctx context.Context, req *tfprotov6.OpenEphemeralResourceRequest,
) (*tfprotov6.OpenEphemeralResourceResponse, error) {
	resp, err := s.ProviderServer.OpenEphemeralResource(s.untilStopped(ctx), req)
	if resp != nil {
		clean(resp.Diagnostics)
	}
	return resp, err
}

// InvokeAction invokes an action, unless the provider was stopped.
func (s *Server) InvokeAction(
	ctx context.Context, req *tfprotov6.InvokeActionRequest,
) (*tfprotov6.InvokeActionServerStream, error) {
	stream, err := s.ActionServer.InvokeAction(s.untilStopped(ctx), req)
	if err != nil {
		return stream, err
	}
	return &tfprotov6.InvokeActionServerStream{Events: func(yield func(tfprotov6.InvokeActionEvent) bool) {
		for event := range stream.Events {
			if completed, ok := event.Type.(tfprotov6.CompletedInvokeActionEventType); ok {
				clean(completed.Diagnostics)
			}
			if !yield(event) {
				return
			}
		}
	}}, nil
}

// clean shows control characters in what comes from elsewhere (a path, an archive, a resolver) as U+FFFD: Terraform
// prints diagnostics as they are.
func clean(diagnostics []*tfprotov6.Diagnostic) {
	for _, diagnostic := range diagnostics {
		diagnostic.Summary = tcpconnect.Printable(diagnostic.Summary)
		diagnostic.Detail = tcpconnect.Printable(diagnostic.Detail)
	}
}
