// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// Terraform sends a call and then the stop. The provider may receive them in either order.
func TestCallsAfterTheStopEndAtOnce(t *testing.T) {
	t.Parallel()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	configure := &tfprotov6.ConfigureProviderRequest{
		Config: objectOf(t, schemas.Provider, map[string]any{"bundle_dir": t.TempDir()}),
	}
	if _, err := server.ConfigureProvider(t.Context(), configure); err != nil {
		t.Fatal(err)
	}
	if _, err := server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}
	arguments := map[string]any{"address": loopback.Silent(t, loopback.IPv4).String(), "timeout": "1h"}
	read, err := server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "preflight_tcp_connect",
		Config:   objectOf(t, schemas.DataSourceSchemas["preflight_tcp_connect"], arguments),
	})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := server.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{
		TypeName: "preflight_tcp_connect",
		Config:   objectOf(t, schemas.EphemeralResourceSchemas["preflight_tcp_connect"], arguments),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := invoked(t, server, objectOf(t, schemas.ActionSchemas[actionName].Schema, arguments))
	for what, diagnostics := range map[string][]*tfprotov6.Diagnostic{
		"data source":        read.Diagnostics,
		"ephemeral resource": opened.Diagnostics,
		"action":             ended,
	} {
		if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Summary, "Check Interrupted") {
			t.Errorf("%s: %+v", what, diagnostics)
		}
	}
}

// watchedContext reports that a function no longer waits for its end.
type watchedContext struct {
	context.Context
	forgotten chan struct{}
}

// Done returns a new channel: package context does not call AfterFunc if the channel is its own.
func (c *watchedContext) Done() <-chan struct{} { return make(chan struct{}) }

// AfterFunc is called by package context if a context has it.
func (c *watchedContext) AfterFunc(func()) (stop func() bool) {
	return func() bool {
		c.forgotten <- struct{}{}
		return true
	}
}

func TestEndedCallsDoNotWaitForTheStop(t *testing.T) {
	t.Parallel()
	stopped := &watchedContext{context.Background(), make(chan struct{}, 1)}
	call, end := context.WithCancel(t.Context())
	ctx := (&Server{stopped: stopped}).untilStopped(call)
	if len(stopped.forgotten) > 0 || ctx.Err() != nil {
		t.Fatalf("the call has ended before its end: %v", ctx.Err())
	}
	end()
	<-ctx.Done()
	select {
	case <-stopped.forgotten:
	case <-time.After(10 * time.Second):
		t.Error("a call that has ended still waits for the stop")
	}
}

func TestDiagnosticsHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "no\x1b[8mdirectory")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Skipf("this system has no such file names: %v", err)
	}
	configure := &tfprotov6.ConfigureProviderRequest{
		Config: objectOf(t, schemas.Provider, map[string]any{"bundle_dir": file}),
	}
	if _, err := server.ConfigureProvider(t.Context(), configure); err != nil {
		t.Fatal(err)
	}
	arguments := map[string]any{"address": loopback.Refused(t).String()}
	read, err := server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: "preflight_tcp_connect",
		Config:   objectOf(t, schemas.DataSourceSchemas["preflight_tcp_connect"], arguments),
	})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := server.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{
		TypeName: "preflight_tcp_connect",
		Config:   objectOf(t, schemas.EphemeralResourceSchemas["preflight_tcp_connect"], arguments),
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := invoked(t, server, objectOf(t, schemas.ActionSchemas[actionName].Schema, arguments))
	for what, diagnostics := range map[string][]*tfprotov6.Diagnostic{
		"data source":        read.Diagnostics,
		"ephemeral resource": opened.Diagnostics,
		"action":             ended,
	} {
		if said := strings.Join(texts(diagnostics), "\n"); !strings.Contains(said, "no\ufffd[8mdirectory") ||
			strings.Contains(said, "\x1b") {
			t.Errorf("%s: %q", what, said)
		}
	}
}

// invoked returns the diagnostics at the end of an action.
func invoked(t *testing.T, server *Server, config *tfprotov6.DynamicValue) (ended []*tfprotov6.Diagnostic) {
	t.Helper()
	stream, err := server.InvokeAction(t.Context(),
		&tfprotov6.InvokeActionRequest{ActionType: actionName, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	for event := range stream.Events {
		if completed, ok := event.Type.(tfprotov6.CompletedInvokeActionEventType); ok {
			ended = completed.Diagnostics
		}
	}
	return ended
}

func TestReaderOfAnActionMayStopEarly(t *testing.T) {
	t.Parallel()
	// The action continues, and would write into the bundle after the test.
	server := newConfiguredWith(t, map[string]any{"emit_bundle": false})
	config := objectOf(t, server.schemas.ActionSchemas[actionName].Schema,
		map[string]any{"address": loopback.Open(t).String()})
	stream, err := server.InvokeAction(t.Context(),
		&tfprotov6.InvokeActionRequest{ActionType: actionName, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	for range stream.Events {
		events++
		break
	}
	if events != 1 {
		t.Errorf("%d events", events)
	}
}
