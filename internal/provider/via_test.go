// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// connectProxy starts an HTTP proxy, and returns its URL. It knows the name db.test, and no other.
func connectProxy(t *testing.T, db netip.AddrPort) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := strings.Cut(r.Host, ":"); r.Method != http.MethodConnect || host != "db.test" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		target, err := new(net.Dialer).DialContext(r.Context(), "tcp", db.String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer target.Close() //nolint:errcheck // Nothing is written to it.
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // The client closes it first.
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err == nil {
			_, _ = io.Copy(io.Discard, conn) // until the client closes it
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestEveryCheckDialsFromItsVantagePoint(t *testing.T) {
	t.Parallel()
	peer, closed := loopback.Open(t), loopback.Refused(t)
	db := fmt.Sprintf("db.test:%d", peer.Port()) // resolves at the proxy only
	server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": blocks(
		egress("egress", "proxy", blocks(object{"url": connectProxy(t, peer)})),
		egress("broken", "proxy", blocks(object{"url": "http://" + closed.String()})),
	)})
	for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect} {
		attributes, diagnostics := server.read(t, kind, useOf(kind, db, `,"via":"egress"`))
		expectSaid(t, kind, diagnostics, nil)
		expectAttributes(t, attributes, map[string]any{
			"via": "egress", "status": "connected", "local_address": nil, "remote_address": nil,
			"resolved_addresses": nil,
		})
	}
	for _, kind := range []string{dataEndpoints, ephemeralEndpoints, dataSpec, ephemeralSpec} {
		attributes, diagnostics := server.read(t, kind, useOf(kind, db, `,"via":"egress"`))
		expectSaid(t, kind, diagnostics, nil)
		expectAttributes(t, attributes, map[string]any{"via": "egress", "outcome": "pass"})
	}
	attributes, diagnostics := server.read(t, dataTCPConnect,
		useOf(dataTCPConnect, db, `,"via":"broken","collector_name":"broken"`))
	expectSaid(t, "broken", diagnostics, nil)
	expectAttributes(t, attributes, map[string]any{
		"status": "error", "reason": "vantage-unreachable", "resolved_addresses": nil,
	})

	// Each endpoint has its own.
	attributes, diagnostics = server.read(t, dataEndpoints, fmt.Sprintf(`{"name":"own","via":"broken","endpoints":{
		"inherits":%q,"null":{"address":%q,"via":null},"here":{"address":%q,"via":"here"},
		"egress":{"address":%q,"via":"egress"}}}`, db, db, peer, db))
	expectSaid(t, "own", diagnostics, nil)
	reasons := make(map[string]any)
	for name, result := range attributes["results"].(object) {
		reasons[name] = result.(object)["reason"]
	}
	expectAttributes(t, reasons, map[string]any{
		"inherits": "vantage-unreachable", "null": "vantage-unreachable", "here": "connected", "egress": "connected",
	})
}

func TestActionDialsFromItsVantagePoint(t *testing.T) {
	t.Parallel()
	peer := loopback.Open(t)
	db := fmt.Sprintf("db.test:%d", peer.Port())
	server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": blocks(
		egress("egress", "proxy", blocks(object{"url": connectProxy(t, peer)})))})
	action := actionServer{server.Server, server.schemas.ActionSchemas[actionName].Schema}
	for via, want := range map[string][]said{
		"egress": nil, "egres": wrong(notUsable, "via", `Did you mean "egress"?`),
	} {
		_, diagnostics := action.invoke(t, t.Context(), object{"address": db, "via": via}, ignore)
		expectSaid(t, "check via "+via, diagnostics, want)
		_, diagnostics = server.invokeEndpoints(t, t.Context(), object{"endpoints": object{"db": db}, "via": via})
		expectSaid(t, "endpoints via "+via, diagnostics, want)
	}
}

func TestChecksFromDifferentVantagePointsNeedDifferentNames(t *testing.T) {
	t.Parallel()
	peer := loopback.Open(t)
	server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": blocks(
		egress("egress", "proxy", blocks(object{"url": connectProxy(t, peer)})))})
	db := fmt.Sprintf("db.test:%d", peer.Port())
	_, diagnostics := server.read(t, dataTCPConnect, useOf(dataTCPConnect, db, `,"via":"egress"`))
	expectSaid(t, "the first", diagnostics, nil)
	_, diagnostics = server.read(t, dataTCPConnect, useOf(dataTCPConnect, db, ``))
	expectSaid(t, "the second", diagnostics, wrong("Collector Name Used Twice", "collector_name", "via egress"))
}
