// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The whole process has one environment, so these tests do not run in parallel.
func TestSettingComesFromConfigurationEnvironmentOrDefault(t *testing.T) {
	null, text := types.StringNull(), types.StringValue
	timeout := func(configured attr.Value, diags *diag.Diagnostics) any {
		return resolve(timeoutSetting, configured, tcpconnect.ParseDuration, diags)
	}
	emit := func(configured attr.Value, diags *diag.Diagnostics) any {
		return resolve(emitBundleSetting, configured, parseBool, diags)
	}
	dir := func(configured attr.Value, diags *diag.Diagnostics) any {
		return resolve(bundleDirSetting, configured, parseNotBlank, diags)
	}
	format := func(configured attr.Value, diags *diag.Diagnostics) any {
		return resolve(bundleFormatSetting, configured, parseBundleFormat, diags)
	}
	control := func(configured attr.Value, diags *diag.Diagnostics) any {
		return resolve(controlHostSetting, configured, parseControlHost, diags)
	}
	for name, test := range map[string]struct {
		setting     func(attr.Value, *diag.Diagnostics) any
		configured  attr.Value
		environment string // "VARIABLE=value"
		want        any
		summary     string
		detail      string
	}{
		"default timeout":            {timeout, null, "PREFLIGHT_TIMEOUT=", 10 * time.Second, "", ""},
		"timeout of the environment": {timeout, null, "PREFLIGHT_TIMEOUT=3s", 3 * time.Second, "", ""},
		"configured timeout":         {timeout, text("4s"), "PREFLIGHT_TIMEOUT=3s", 4 * time.Second, "", ""},
		"wrong timeout": {timeout, text("4"), "PREFLIGHT_TIMEOUT=3s", time.Duration(0),
			"Invalid Provider Argument",
			`"4" is not a duration greater than zero. Write a number and its unit (ms, s, m or h), for example ` +
				`"500ms", "10s" or "1m30s". Did you mean "4s"?`},
		"wrong environment": {timeout, null, "PREFLIGHT_TIMEOUT=3", time.Duration(0), "Invalid Environment Variable",
			`PREFLIGHT_TIMEOUT: "3" is not a duration greater than zero. Write a number and its unit (ms, s, m or ` +
				`h), for example "500ms", "10s" or "1m30s". Did you mean "3s"?`},
		"unknown timeout": {timeout, types.StringUnknown(), "PREFLIGHT_TIMEOUT=3s", time.Duration(0),
			"Unknown Provider Argument",
			`"timeout" is not known yet, but checks may be made before it is. Use a value that is known while ` +
				`planning: a literal, a variable, or the environment variable PREFLIGHT_TIMEOUT.`},
		"default emit_bundle":            {emit, types.BoolNull(), "PREFLIGHT_EMIT_BUNDLE=", true, "", ""},
		"emit_bundle of the environment": {emit, types.BoolNull(), "PREFLIGHT_EMIT_BUNDLE=0", false, "", ""},
		"configured emit_bundle":         {emit, types.BoolValue(true), "PREFLIGHT_EMIT_BUNDLE=false", true, "", ""},
		"configured emit_bundle = false": {emit, types.BoolValue(false), "PREFLIGHT_EMIT_BUNDLE=true", false, "", ""},
		"invalid emit_bundle": {emit, types.BoolNull(), "PREFLIGHT_EMIT_BUNDLE=off", false,
			"Invalid Environment Variable",
			`PREFLIGHT_EMIT_BUNDLE: "off" is neither true nor false. Use "true" or "false". Did you mean "false"?`},
		"misspelled emit_bundle": {emit, types.BoolNull(), "PREFLIGHT_EMIT_BUNDLE=tru", false,
			"Invalid Environment Variable",
			`PREFLIGHT_EMIT_BUNDLE: "tru" is neither true nor false. Use "true" or "false". Did you mean "true"?`},
		"default bundle_dir": {dir, null, "PREFLIGHT_BUNDLE_DIR=", "support-bundle", "", ""},
		"blank bundle_dir": {dir, null, "PREFLIGHT_BUNDLE_DIR= ", "", "Invalid Environment Variable",
			"PREFLIGHT_BUNDLE_DIR: The value is blank. Write a text, or leave it out."},
		"default bundle_format": {format, null, "PREFLIGHT_BUNDLE_FORMAT=", bundle.FormatStatus, "", ""},
		"wrong bundle_format": {format, text("jsn"), "PREFLIGHT_BUNDLE_FORMAT=", bundle.Format(""),
			"Invalid Provider Argument", `"jsn" is not a bundle format. Use "status" or "json". Did you mean "json"?`},
		"no control_host": {control, null, "PREFLIGHT_CONTROL_HOST=", netip.Addr{}, "", ""},
		"control_host": {control, text("192.0.2.1"), "PREFLIGHT_CONTROL_HOST=",
			netip.MustParseAddr("192.0.2.1"), "", ""},
		"mapped control_host": {control, text("::ffff:192.0.2.1"), "PREFLIGHT_CONTROL_HOST=",
			netip.MustParseAddr("192.0.2.1"), "", ""},
		"named control_host": {control, text("db"), "PREFLIGHT_CONTROL_HOST=", netip.Addr{},
			"Invalid Provider Argument",
			`"db" is not an IP address of a host. Write an address at which nothing listens, without a port, for ` +
				`example "192.0.2.1".`},
		"unspecified control_host": {control, text("::"), "PREFLIGHT_CONTROL_HOST=", netip.Addr{},
			"Invalid Provider Argument",
			`"::" is not an IP address of a host. Write an address at which nothing listens, without a port, for ` +
				`example "192.0.2.1".`},
	} {
		t.Run(name, func(t *testing.T) {
			variable, value, _ := strings.Cut(test.environment, "=")
			t.Setenv(variable, value)
			var diags diag.Diagnostics
			got := test.setting(test.configured, &diags)
			if test.summary == "" && (got != test.want || diags.HasError()) {
				t.Errorf("%v, %v, want %v", got, diags, test.want)
			}
			if test.summary != "" && (len(diags) != 1 || diags[0].Summary() != test.summary ||
				diags[0].Detail() != test.detail) {
				t.Errorf("%v, want %s: %s", diags, test.summary, test.detail)
			}
		})
	}
}
