// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/loopback"
)

// Terraform sends a call and then the stop; which of the two is received first is chance.
func TestCallsThatComeAfterTheStopEndAtOnce(t *testing.T) {
	t.Parallel()
	server := NewServer("test")().(*server)
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: objectOf(t, schemas.Provider, map[string]any{"bundle_dir": t.TempDir()})}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}
	arguments := map[string]any{"address": loopback.Silent(t, loopback.IPv4).String(), "timeout": "1h"}
	read, err := server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: "preflight_tcp_connect", Config: objectOf(t, schemas.DataSourceSchemas["preflight_tcp_connect"], arguments)})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := server.OpenEphemeralResource(t.Context(), &tfprotov6.OpenEphemeralResourceRequest{TypeName: "preflight_tcp_connect", Config: objectOf(t, schemas.EphemeralResourceSchemas["preflight_tcp_connect"], arguments)})
	if err != nil {
		t.Fatal(err)
	}
	invoked, err := server.InvokeAction(t.Context(), &tfprotov6.InvokeActionRequest{ActionType: actionName, Config: objectOf(t, schemas.ActionSchemas[actionName].Schema, arguments)})
	if err != nil {
		t.Fatal(err)
	}
	var ended []*tfprotov6.Diagnostic
	for event := range invoked.Events {
		if completed, ok := event.Type.(tfprotov6.CompletedInvokeActionEventType); ok {
			ended = completed.Diagnostics
		}
	}
	for what, diagnostics := range map[string][]*tfprotov6.Diagnostic{"data source": read.Diagnostics, "ephemeral resource": opened.Diagnostics, "action": ended} {
		if len(diagnostics) != 1 || !strings.Contains(diagnostics[0].Summary, "Check Interrupted") {
			t.Errorf("%s: %+v", what, diagnostics)
		}
	}
}
