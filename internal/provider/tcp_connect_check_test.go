// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func TestArgumentsOfACheckAreValidated(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	retry := func(arguments string) string { return `"timeout":"1m","retry":{` + arguments + `}` }
	for arguments, want := range map[string][]said{
		``:                           nil,
		`"timeout":"5s"`:             nil,
		`"timeout":"<unknown>"`:      nil,
		`"ip_family":"ipv4"`:         nil,
		`"source_address":"::1"`:     nil,
		`"triggers":{"id":"1"}`:      nil,
		`"timeout":"10"`:             wrong("Invalid Duration", "timeout", `Did you mean "10s"?`),
		`"collector_name":"con"`:     wrong("Invalid Collector Name", "collector_name"),
		`"ip_family":"ip6"`:          wrong("Invalid IP Family", "ip_family", `Did you mean "ipv6"?`),
		`"source_address":"0.0.0.0"`: wrong("Invalid Source Address", "source_address", "unspecified"),
		`"check_name":"a\u001b"`:     wrong("Invalid Check Name", "check_name", "U+001B"),
		`"source_address":"::1","ip_family":"ipv4"`: wrong("Contradicting Addresses", "source_address",
			"not of the IP family"),
		`"source_address":"::1","ip_family":"<unknown>"`:  nil,
		`"source_address":"<unknown>","ip_family":"ipv4"`: nil,
		`"retry":{}`: wrong("Missing Timeout", "timeout",
			"must say in timeout how long to wait"),
		`"timeout":"<unknown>","retry":{}`:    nil,
		retry(``):                             nil,
		retry(`"attempts":1`):                 nil,
		retry(`"attempts":0`):                 wrong("Invalid Attribute Value", "retryattempts", "at least 1"),
		retry(`"consecutive":0`):              wrong("Invalid Attribute Value", "retryconsecutive", "at least 1"),
		retry(`"attempts":2,"consecutive":2`): nil,
		retry(`"attempts":2,"consecutive":3`): wrong("Consecutive Above Attempts", "retryconsecutive",
			"consecutive is 3, but attempts allows only 2 dials"),
		retry(`"attempts":"<unknown>","consecutive":3`): nil,
		`"timeout":"5s","retry":{"consecutive":10}`: wrong("Consecutive Does Not Fit Into Timeout", "retryconsecutive",
			"10 dials in a row, with at least 1s (min_delay) between two of them, take more than the timeout of 5s"),
		`"timeout":"5s","retry":{"consecutive":6}`: wrong("Consecutive Does Not Fit Into Timeout",
			"retryconsecutive"),
		`"timeout":"5s","retry":{"consecutive":5}`:                      nil,
		`"timeout":"5s","retry":{"consecutive":10,"min_delay":"500ms"}`: nil,
		`"timeout":"5s","retry":{"consecutive":11,"min_delay":"500ms"}`: wrong("Consecutive Does Not Fit Into Timeout",
			"retryconsecutive"),
		`"timeout":"<unknown>","retry":{"consecutive":10}`:                  nil,
		`"timeout":"5s","retry":{"consecutive":"<unknown>"}`:                nil,
		`"timeout":"5s","retry":{"consecutive":10,"min_delay":"<unknown>"}`: nil,
		retry(`"attempt_timeout":"1m"`):                                     nil,
		retry(`"attempt_timeout":"61s"`): wrong("Attempt Timeout Above Timeout",
			"retryattempt_timeout", "attempt_timeout is 1m1s, more than the timeout of the whole check, 1m0s"),
		`"timeout":"<unknown>","retry":{"attempt_timeout":"1h"}`: nil,
		retry(`"attempt_timeout":"<unknown>"`):                   nil,
		retry(`"attempt_timeout":"5"`): wrong("Invalid Duration", "retryattempt_timeout",
			`Did you mean "5s"?`),
		retry(`"min_delay":"30s"`): nil,
		retry(`"min_delay":"31s"`): wrong("Min Delay Above Max Delay", "retrymin_delay",
			"min_delay is 31s, more than max_delay, 30s"),
		retry(`"max_delay":"999ms"`): wrong("Min Delay Above Max Delay", "retrymin_delay",
			"min_delay is 1s, more than max_delay, 999ms"),
		retry(`"min_delay":"1h","max_delay":"<unknown>"`):        nil,
		retry(`"attempt_timeout":"<unknown>","min_delay":"31s"`): wrong("Min Delay Above Max Delay", "retrymin_delay"),
		`"timeout":"<unknown>","retry":{"min_delay":"31s"}`:      wrong("Min Delay Above Max Delay", "retrymin_delay"),
		retry(`"min_delay":"5"`): wrong("Invalid Duration", "retrymin_delay",
			`Did you mean "5s"?`),
		retry(`"max_delay":"5"`): wrong("Invalid Duration", "retrymax_delay",
			`Did you mean "5s"?`),
		retry(`"min_delay":"<unknown>","max_delay":"1ns"`): nil,
		retry(`"until":[]`):          wrong("Invalid Attribute Value", "retryuntil", "at least 1"),
		retry(`"until":[null]`):      wrong("Null List Value", "retryuntil"),
		retry(`"until":["refused"]`): wrong("Invalid Status", "retryuntil[0]", `Did you mean "connection-refused"?`),
		retry(`"until":["connection-refused"]`) +
			`,"outcomes":[{"pass":{"when":"connected"}},{"fail":{}}]`: wrong(
			"Pass Without Being Ready", "retryuntil",
			`outcomes pass "connected", which until does not wait for`, "Omit until"),
		retry(`"until":["connected","connection-refused"]`) +
			`,"outcomes":[{"pass":{"when":"connected"}},{"fail":{}}]`: nil,
		retry(`"until":["connection-refused","error","connection-timeout"]`): wrong(
			"Nothing Left for Not Ready", "retryuntil", "no status is left"),
		retry(`"until":["connection-refused","error","<unknown>"]`): nil,
		retry(``) + `,"outcomes":[{"fail":{"when":"connected"}},{"pass":{}}]`: wrong(
			"Nothing Left for Not Ready", "retryuntil",
			"The statuses that outcomes pass are those to wait for if until is omitted. ", "no status is left"),
		retry(`"until":["error"]`) + `,"outcomes":[{"fail":{"when":"connected"}},{"pass":{}}]`: wrong(
			"Pass Without Being Ready", "retryuntil", "connection-refused"),
		retry(``) + `,"outcomes":[{"fail":{"when":"<unknown>"}},{"pass":{}}]`:          nil,
		retry(``) + `,"outcomes":[{"pass":{"when":"error"}}]`:                          nil,
		retry(`"until":["<unknown>"]`) + `,"outcomes":[{"pass":{"when":"connected"}}]`: nil,
		retry(`"until":"<unknown>"`) + `,"outcomes":[{"pass":{"when":"connected"}}]`:   nil,
		retry(`"until":"<unknown>"`):                                                   nil,
		retry(`"until":["connection-refused","error","connected"]`):                    nil,
		retry(`"give_up_on":["connection-refused"]`): wrong("Invalid Reason",
			"retrygive_up_on[0]", `Did you mean "refused"?`),
		retry(`"give_up_on":["refused","no-such-host"]`): nil,
	} {
		address := `{"address":"db:1"`
		if arguments != "" {
			address += ","
		}
		for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect} {
			expectSaid(t, kind+" "+arguments, server.validate(t, kind, address+arguments+"}"), want)
		}
	}
	expectSaid(t, "address", server.validate(t, dataTCPConnect, `{"address":"db"}`),
		wrong("Invalid Address", "address", "has no port"))
	expectSaid(t, "address and more",
		server.validate(t, dataTCPConnect, `{"address":"db","source_address":"::1","ip_family":"ipv4"}`),
		wrong("Invalid Address", "address", "has no port"))
	expectSaid(t, "unknown address",
		server.validate(t, dataTCPConnect, `{"address":"<unknown>","ip_family":"ipv4"}`), nil)
	expectSaid(t, "family", server.validate(t, dataTCPConnect, `{"address":"[::1]:1","ip_family":"ipv4"}`),
		wrong("Contradicting Addresses", "ip_family", "not of the IP family"))
}

func TestUnknownArgumentDialsNothing(t *testing.T) {
	t.Parallel()
	server, peer := newConfigured(t, t.TempDir()), loopback.Listen(t, loopback.IPv4)
	for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect} {
		for _, argument := range []string{
			`"exclude":"<unknown>"`,
			`"triggers":{"id":"<unknown>"}`,
			`"outcomes":[{"pass":{"when":"<unknown>"}}]`,
		} {
			_, diagnostics := server.read(t, kind, fmt.Sprintf(`{"address":%q,%s}`, peer.AddrPort(), argument))
			expectSaid(t, kind+" "+argument, diagnostics, wrong("Unknown Argument", "", "not known yet"))
		}
	}
	if peer.Accepted() > 0 {
		t.Errorf("%d connections were made", peer.Accepted())
	}
}

func TestCheckHasItsWholeResult(t *testing.T) {
	t.Parallel()
	dir, peer := t.TempDir(), loopback.Open(t)
	server := newConfigured(t, dir)
	for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect} {
		state, diagnostics := server.read(t, kind,
			fmt.Sprintf(`{"address":%q,"all_addresses":true,"collector_name":"db"}`, peer))
		expectSaid(t, kind, diagnostics, nil)
		expectAttributes(t, state, map[string]any{
			"status":             "connected",
			"connected":          true,
			"ready":              true,
			"reason":             "connected",
			"message":            "",
			"attempts":           1.,
			"remote_address":     peer.String(),
			"resolved_addresses": []any{peer.String()},
			"bundle_dir":         dir,
			"bundle_file":        bundle.ResultFile(dir, "db"),
			"timeout":            "10s",
			"collector_name":     "db",
		})
		addresses := state["addresses"].([]any)
		expectAttributes(t, addresses[0].(map[string]any), map[string]any{
			"address": peer.String(),
			"status":  "connected",
			"message": "",
		})
		for name, want := range map[string]string{
			"local_address": `^127\.\d+\.\d+\.\d+:\d+$`,
			"collected_at":  `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`,
		} {
			if value, isText := state[name].(string); !isText || !regexp.MustCompile(want).MatchString(value) {
				t.Errorf("%s is %v", name, state[name])
			}
		}
		for _, milliseconds := range []any{state["duration_ms"], addresses[0].(map[string]any)["duration_ms"]} {
			if value, isNumber := milliseconds.(float64); !isNumber || value <= 0 || value > 10_000 {
				t.Errorf("it took %v ms", milliseconds)
			}
		}
	}
	refused := loopback.Refused(t)
	state, diagnostics := server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q}`, refused))
	expectSaid(t, "refused", diagnostics, nil)
	expectAttributes(t, state, map[string]any{
		"status":             "connection-refused",
		"connected":          false,
		"ready":              false,
		"reason":             "refused",
		"remote_address":     nil,
		"local_address":      nil,
		"addresses":          nil,
		"resolved_addresses": []any{refused.String()},
		"bundle_file":        bundle.ResultFile(dir, "connect"),
	})
}

func TestErrorSaysWhyACheckDidNotRun(t *testing.T) {
	t.Parallel()
	open := loopback.Open(t)
	server := newConfigured(t, t.TempDir())
	if _, diagnostics := server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q}`, open)); len(diagnostics) > 0 {
		t.Fatal(texts(diagnostics))
	}
	_, diagnostics := server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q,"timeout":"9s"}`, open))
	expectSaid(t, "claim", diagnostics,
		wrong("Collector Name Used Twice", "collector_name", "Set a different collector_name on each"))

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, diagnostics = newConfigured(t, file).read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q}`, open))
	expectSaid(t, "bundle", diagnostics,
		wrong("Result Not Written", "", "The check of "+open.String()+" was made, but its result was not written",
			"set emit_bundle = false"))

	if _, err := server.StopProvider(context.Background(), &tfprotov6.StopProviderRequest{}); err != nil {
		t.Fatal(err)
	}
	_, diagnostics = server.read(t, dataTCPConnect, fmt.Sprintf(`{"address":%q}`, open))
	expectSaid(t, "stop", diagnostics, wrong("Check Interrupted", "", open.String()))
}

func TestRetryWaitsForStatusesThatOutcomesPass(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	refused, open := loopback.Refused(t), loopback.Open(t)
	state, _ := server.read(t, dataTCPConnect, fmt.Sprintf(`{
		"address":%q,
		"collector_name":"open",
		"timeout":"1m",
		"retry":{"attempts":2},
		"outcomes":[{"warn":{}}]
	}`, open))
	expectAttributes(t, state, map[string]any{"attempts": 1., "ready": true, "status": "connected"})
	for name, test := range map[string]struct {
		arguments string
		attempts  float64
	}{
		"refused": {`"outcomes":[{"pass":{"when":"connection-refused"}},{"fail":{}}]`, 1},
		"other":   {`"outcomes":[{"pass":{"when":"connected"}},{"pass":{"when":"error"}},{"fail":{}}]`, 2},
		"warn":    {`"outcomes":[{"warn":{"when":"connected"}},{"fail":{}}]`, 2},
	} {
		arguments := fmt.Sprintf(`{
			"address":%q,
			"collector_name":%q,
			"timeout":"1m",
			"retry":{"attempts":2,"min_delay":"1ms","max_delay":"1ms"},
			%s
		}`, refused, name, test.arguments)
		state, diagnostics := server.read(t, dataTCPConnect, arguments)
		expectSaid(t, name, diagnostics, nil)
		expectAttributes(t, state, map[string]any{
			"attempts": test.attempts,
			"ready":    test.attempts == 1,
			"status":   "connection-refused",
		})
	}
}

func TestArgumentsBecomeACheck(t *testing.T) {
	t.Parallel()
	list := func(words ...string) types.List {
		value, _ := types.ListValueFrom(t.Context(), types.StringType, words)
		return value
	}
	object := func(model retryModel) types.Object {
		value, diagnostics := types.ObjectValueFrom(t.Context(),
			retryBlock().Type().(types.ObjectType).AttrTypes, model)
		if diagnostics.HasError() {
			t.Fatal(diagnostics)
		}
		return value
	}
	none := types.ListNull(types.StringType)
	for name, test := range map[string]struct {
		model   retryModel
		timeout time.Duration
		want    tcpconnect.Retry
	}{
		"defaults": {retryModel{Until: none, GiveUpOn: none}, time.Minute, tcpconnect.Retry{
			AttemptTimeout: 5 * time.Second,
			MinDelay:       time.Second,
			MaxDelay:       30 * time.Second,
			Until:          []tcpconnect.Status{tcpconnect.Connected},
			Consecutive:    1,
		}},
		"short timeout": {retryModel{Until: none, GiveUpOn: none}, 2 * time.Second, tcpconnect.Retry{
			AttemptTimeout: 2 * time.Second,
			MinDelay:       time.Second,
			MaxDelay:       30 * time.Second,
			Until:          []tcpconnect.Status{tcpconnect.Connected},
			Consecutive:    1,
		}},
		"all": {retryModel{
			Attempts:       types.Int64Value(7),
			AttemptTimeout: types.StringValue("3s"),
			MinDelay:       types.StringValue("4ms"),
			MaxDelay:       types.StringValue("5ms"),
			Until:          list("error", "connection-refused"),
			Consecutive:    types.Int64Value(6),
			GiveUpOn:       list("no-such-host", "reset"),
		}, time.Minute, tcpconnect.Retry{
			Attempts:       7,
			AttemptTimeout: 3 * time.Second,
			MinDelay:       4 * time.Millisecond,
			MaxDelay:       5 * time.Millisecond,
			Until:          []tcpconnect.Status{tcpconnect.Error, tcpconnect.ConnectionRefused},
			Consecutive:    6,
			GiveUpOn:       []tcpconnect.Reason{tcpconnect.ReasonNoSuchHost, tcpconnect.ReasonReset},
		}},
	} {
		arguments := checkArguments{
			Address:       types.StringValue("db:5432"),
			AllAddresses:  types.BoolValue(true),
			IPFamily:      types.StringValue("ipv4"),
			SourceAddress: types.StringValue("127.0.0.1"),
			waitArguments: waitArguments{types.StringValue(test.timeout.String()), object(test.model)},
		}
		var diagnostics diag.Diagnostics
		check, analyzer := arguments.resolve(t.Context(), preflight.New(preflight.Config{}), &diagnostics)
		if diagnostics.HasError() || check.Retry == nil ||
			fmt.Sprintf("%+v", *check.Retry) != fmt.Sprintf("%+v", test.want) {
			t.Errorf("%s: %+v, %v", name, check.Retry, diagnostics)
		}
		target := check.Target
		if target.Address.String() != "db:5432" || !target.AllAddresses || target.Family != tcpconnect.IPv4 ||
			target.Source != netip.MustParseAddr("127.0.0.1") ||
			check.Timeout != test.timeout || check.CollectorName != "connect" || analyzer.Outcomes != nil {
			t.Errorf("%s: %+v", name, check)
		}
	}
}

func TestAnyFamilyIsTheSameCheckAsNone(t *testing.T) {
	t.Parallel()
	resolve := func(family types.String) tcpconnect.Check {
		arguments := checkArguments{
			Address: types.StringValue("db:5432"), IPFamily: family,
			waitArguments: waitArguments{Timeout: types.StringValue("5s")},
		}
		var diagnostics diag.Diagnostics
		check, _ := arguments.resolve(t.Context(), preflight.New(preflight.Config{}), &diagnostics)
		if diagnostics.HasError() {
			t.Fatal(diagnostics)
		}
		return check.Check
	}
	none, both := resolve(types.StringNull()), resolve(types.StringValue("any"))
	ipv4 := resolve(types.StringValue("ipv4"))
	if !none.Equal(both) || none.Equal(ipv4) {
		t.Errorf("none: %s; any: %s; ipv4: %s", none, both, ipv4)
	}
}
