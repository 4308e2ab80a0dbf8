// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// These tests drive the action over the plugin protocol, because Terraform has actions only since 1.14. internal/e2e
// runs its example if Terraform is new enough.

const actionName = "preflight_tcp_connect"

// actionServer is a provider server after its configuration, with the schema of the action.
type actionServer struct {
	*Server
	schema *tfprotov6.Schema
}

func newActionServer(t *testing.T) actionServer {
	t.Helper()
	configured := newConfigured(t, t.TempDir())
	return actionServer{configured.Server, configured.schemas.ActionSchemas[actionName].Schema}
}

// invoke returns the progress messages of the action and the diagnostics of its end.
func (s actionServer) invoke(
	t *testing.T, ctx context.Context, given map[string]any, onProgress func(string),
) (progress []string, diagnostics []*tfprotov6.Diagnostic) {
	t.Helper()
	// Terraform does not validate again with values that it learns during the apply.
	config := objectOf(t, s.schema, given)
	stream, err := s.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: actionName, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, event.Message)
			onProgress(event.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			diagnostics = event.Diagnostics
		}
	}
	return progress, diagnostics
}

func texts(diagnostics []*tfprotov6.Diagnostic) (texts []string) {
	for _, diagnostic := range diagnostics {
		texts = append(texts, fmt.Sprintf("%s: %s: %s", diagnostic.Severity, diagnostic.Summary, diagnostic.Detail))
	}
	return texts
}

func ignore(string) {}

func TestActionReportsEveryDialAndSucceeds(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	retry := map[string]any{"min_delay": "20ms", "max_delay": "20ms"}
	var listener net.Listener
	given := map[string]any{"address": peer.String(), "timeout": "1m", "retry": retry}
	progress, diagnostics := newActionServer(t).invoke(t, t.Context(), given, func(message string) {
		if !strings.HasPrefix(message, "attempt 3:") {
			return
		}
		var err error
		if listener, err = net.Listen("tcp", peer.String()); err != nil {
			t.Error(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
	})
	if len(diagnostics) > 0 {
		t.Error(texts(diagnostics))
	}
	if len(progress) < 4 || progress[len(progress)-1] != fmt.Sprintf("attempt %d: connected", len(progress)) {
		t.Errorf("progress %q", progress)
	}
	line := regexp.MustCompile(`^attempt 1: connection-refused, next try in \S+, \S+ left$`)
	if !line.MatchString(progress[0]) {
		t.Errorf("progress %q", progress[0])
	}
}

func TestFailedActionReportsTheWholeResult(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	outcome := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"message": tftypes.String, "uri": tftypes.String}}
	element := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"fail": outcome}}
	outcomes := tftypes.NewValue(tftypes.List{ElementType: element}, []tftypes.Value{valueOf(element, map[string]any{
		"fail": map[string]any{"message": "No database", "uri": "https://example.com/db"},
	})})
	for name, test := range map[string]struct {
		given map[string]any
		says  []string
	}{
		"not ready": {map[string]any{}, []string{"ERROR: Preflight Check Failed: Database: connection-refused\n"}},
		"outcomes":  {map[string]any{"outcomes": outcomes}, []string{"No database", "More: https://example.com/db"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.given["address"], test.given["check_name"] = peer.String(), "Database"
			progress, diagnostics := newActionServer(t).invoke(t, t.Context(), test.given, ignore)
			if !slices.Equal(progress, []string{"attempt 1: connection-refused"}) {
				t.Errorf("progress %q", progress)
			}
			said := strings.Join(texts(diagnostics), "\n")
			for _, fragment := range append(test.says, "ERROR: Preflight Check Failed: Database",
				"Address: "+peer.String(), "reason: refused", "Message: dial tcp") {
				if !strings.Contains(said, fragment) {
					t.Errorf("the action does not say %q but %q", fragment, said)
				}
			}
		})
	}
}

func TestActionRejectsInvalidValuesDuringApply(t *testing.T) {
	t.Parallel()
	peer := loopback.Refused(t)
	unknown := func(of tftypes.Type) tftypes.Value { return tftypes.NewValue(of, tftypes.UnknownValue) }
	for name, given := range map[string]map[string]any{
		"consecutive of 0":      {"retry": map[string]any{"consecutive": 0}},
		"negative consecutive":  {"retry": map[string]any{"consecutive": -1}},
		"attempts of 0":         {"retry": map[string]any{"attempts": 0}},
		"unknown consecutive":   {"retry": map[string]any{"consecutive": unknown(tftypes.Number)}},
		"unknown all_addresses": {"all_addresses": unknown(tftypes.Bool)},
		"unknown exclude":       {"exclude": unknown(tftypes.Bool)},
		"unknown outcomes":      {"outcomes": unknown(tftypes.DynamicPseudoType)},
		"wrong address":         {"address": "db"},
		"control characters":    {"check_name": "Database\x1b[8m"},
		"no timeout":            {"timeout": nil, "retry": map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for key, value := range map[string]any{"address": peer.String(), "timeout": "300ms"} {
				if _, set := given[key]; !set {
					given[key] = value
				}
			}
			progress, diagnostics := newActionServer(t).invoke(t, t.Context(), given, ignore)
			if len(progress) > 0 || len(diagnostics) == 0 {
				t.Errorf("progress %q, diagnostics %q", progress, texts(diagnostics))
			}
		})
	}
}

func TestActionIsReadyAfterAStatusOfUntil(t *testing.T) {
	t.Parallel()
	given := map[string]any{
		"address": loopback.Refused(t).String(),
		"timeout": "1m",
		"retry":   map[string]any{"until": []any{"connection-refused"}},
	}
	if _, diagnostics := newActionServer(t).invoke(t, t.Context(), given, ignore); len(diagnostics) > 0 {
		t.Error(texts(diagnostics))
	}
}

func TestExcludedActionDoesNothing(t *testing.T) {
	t.Parallel()
	peer := loopback.Listen(t, loopback.IPv4)
	given := map[string]any{"address": peer.AddrPort().String(), "exclude": true}
	progress, diagnostics := newActionServer(t).invoke(t, t.Context(), given, ignore)
	if len(progress) > 0 || len(diagnostics) > 0 || peer.Accepted() > 0 {
		t.Errorf("progress %q, %q, %d connections", progress, texts(diagnostics), peer.Accepted())
	}
}

func TestInterruptedActionEndsAtOnce(t *testing.T) {
	t.Parallel()
	server := newActionServer(t)
	given := map[string]any{
		"address": loopback.Refused(t).String(),
		"timeout": "1h",
		"retry":   map[string]any{"min_delay": "30m", "max_delay": "30m"},
	}
	_, diagnostics := server.invoke(t, t.Context(), given, func(string) {
		if _, err := server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{}); err != nil {
			t.Error(err)
		}
	})
	if said := strings.Join(texts(diagnostics), "\n"); !strings.Contains(said, "ERROR: Check Interrupted") {
		t.Errorf("the interrupted action says %q", said)
	}
}

func TestActionRejectsWhatTheDataSourceRejects(t *testing.T) {
	t.Parallel()
	server := newActionServer(t)
	for want, given := range map[string]map[string]any{
		"has no port":          {"address": "db"},
		"must say in timeout":  {"address": "db:1", "retry": map[string]any{}},
		"not of the IP family": {"address": "127.0.0.1:1", "ip_family": "ipv6"},
		"more than max_delay":  {"address": "db:1", "timeout": "1m", "retry": map[string]any{"min_delay": "40s"}},
		`Did you mean "no-such-host"?`: {
			"address": "db:1",
			"timeout": "1m",
			"retry":   map[string]any{"give_up_on": []any{"no-host"}},
		},
		"A collector's name has 1 to 128": {"address": "db:1", "collector_name": "../x"},
	} {
		validated, err := server.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{
			ActionType: actionName,
			Config:     objectOf(t, server.schema, given),
		})
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(texts(validated.Diagnostics), "\n"); len(validated.Diagnostics) != 1 ||
			!strings.Contains(said, want) {
			t.Errorf("%v: %q, want %q", given, said, want)
		}
	}
}

func TestProgressIsOneReadableLine(t *testing.T) {
	t.Parallel()
	attempt := tcpconnect.Attempt{
		Number: 3,
		Result: tcpconnect.Result{Status: tcpconnect.ConnectionRefused},
		Next:   4 * time.Second,
		Left:   41 * time.Second,
	}
	for want, times := range map[string][2]time.Duration{
		"attempt 3: connection-refused, next try in 4s, 41s left": {4040 * time.Millisecond, 41300 * time.Millisecond},
		"attempt 3: connection-refused, next try in 10ms, 1h30m0s left": {
			10 * time.Millisecond,
			90*time.Minute + 100*time.Millisecond,
		},
		"attempt 3: connection-refused, next try in 350ms, 400µs left": {
			351 * time.Millisecond,
			400 * time.Microsecond,
		},
		"attempt 3: connection-refused, next try in 1.2s, 0s left": {1234 * time.Millisecond, 0},
		"attempt 3: connection-refused":                            {0, time.Minute},
	} {
		attempt.Next, attempt.Left = times[0], times[1]
		if got := describeAttempt(attempt); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Terraform older than 1.14 does not list actions, so docs/ is generated from the schema of the provider itself.
func TestEveryArgumentIsInTheDocumentation(t *testing.T) {
	t.Parallel()
	server := newActionServer(t)
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for page, schema := range map[string]*tfprotov6.Schema{
		"actions/tcp_connect.md":             schemas.ActionSchemas[actionName].Schema,
		"data-sources/tcp_connect.md":        schemas.DataSourceSchemas["preflight_tcp_connect"],
		"data-sources/analysis.md":           schemas.DataSourceSchemas["preflight_analysis"],
		"data-sources/spec.md":               schemas.DataSourceSchemas["preflight_spec"],
		"actions/endpoints.md":               schemas.ActionSchemas["preflight_endpoints"].Schema,
		"data-sources/endpoints.md":          schemas.DataSourceSchemas["preflight_endpoints"],
		"ephemeral-resources/endpoints.md":   schemas.EphemeralResourceSchemas["preflight_endpoints"],
		"ephemeral-resources/tcp_connect.md": schemas.EphemeralResourceSchemas["preflight_tcp_connect"],
		"index.md":                           schemas.Provider,
	} {
		content, err := os.ReadFile(filepath.Join("../../docs", filepath.FromSlash(page)))
		if err != nil {
			t.Fatal(err)
		}
		attributes := schema.Block.Attributes
		for _, block := range schema.Block.BlockTypes {
			attributes = append(attributes, block.Block.Attributes...)
		}
		for _, attribute := range attributes {
			line := regexp.MustCompile("(?m)^- `" + attribute.Name + "` \\([A-Za-z0-9, ]+\\) ?(\\(see .*\\))?" +
				regexp.QuoteMeta(attribute.Description))
			if attribute.NestedType == nil && !line.Match(content) {
				t.Errorf("docs/%s does not describe %s as the schema does; run `make generate`", page, attribute.Name)
			}
		}
	}
}

func TestEveryReasonIsInTheDocumentation(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/data-sources/tcp_connect.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range tcpconnect.Reasons() {
		if row := fmt.Sprintf("| `%s` | %s", reason, reason.Advice()); !strings.Contains(string(content), row) {
			t.Errorf("the table of reasons has no row %q", row)
		}
	}
}

// Two pages list the reasons that no pass matches.
func TestReasonsThatSayNothingAreInTheDocumentation(t *testing.T) {
	t.Parallel()
	for file, begins := range map[string]string{
		"../../docs/data-sources/analysis.md": "- No `pass` matches a `reason` that says nothing about the peer",
		"../../RELIABILITY.md":                "- No `pass` outcome matches a reason that says nothing about the peer",
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, line, found := strings.Cut(string(content), begins)
		line, _, _ = strings.Cut(line, ".") // the rest of it is about something else
		for _, reason := range tcpconnect.Reasons() {
			if !found || reason.SaysNothing() != strings.Contains(line, "`"+string(reason)+"`") {
				t.Errorf("%s: the line about reasons that say nothing is wrong about %s:%s", file, reason, line)
			}
		}
	}
}
