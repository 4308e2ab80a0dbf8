// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

type object = map[string]any

// decodeEndpoints decodes endpoints that are whole.
func decodeEndpoints(t *testing.T, value object, defaults EndpointDefaults) []Endpoint {
	t.Helper()
	endpoints, problems, isWhole := DecodeEndpoints(value, defaults)
	if len(problems) > 0 || !isWhole || len(endpoints) != len(value) {
		t.Fatalf("%v: %+v, whole %t, %q", value, endpoints, isWhole, problems)
	}
	return endpoints
}

func TestWhatIsNotAnEndpointIsAProblem(t *testing.T) {
	t.Parallel()
	filter := "if endpoint != null"
	outcomes := []any{object{"pass": object{"when": "connected"}}}
	for name, test := range map[string]struct {
		endpoints any
		want      []string // of the one problem
	}{
		"null": {
			nil, []string{"endpoints is null, not a map", "endpoints is a map from names to addresses"},
		},
		"a string":      {"db:1", []string{"endpoints is a string, not a map"}},
		"a number":      {Number{}, []string{"endpoints is a number, not a map"}},
		"a boolean":     {true, []string{"endpoints is a boolean, not a map"}},
		"an empty map":  {object{}, []string{"endpoints is empty", "stand open", "exclude = true"}},
		"a list":        {[]any{"db:1"}, []string{"endpoints is a list, not a map", "Each endpoint needs a name"}},
		"an empty list": {[]any{}, []string{"endpoints is a list, not a map"}},
		"a set":         {Set{"db:1"}, []string{"endpoints is a set, not a map", "Each endpoint needs a name"}},
		"a comment as name": {
			object{"//": "the database"}, []string{`endpoints["//"] is not an endpoint`, "comment of JSON"},
		},
		"a null element":   {object{"db": nil}, []string{`endpoints["db"] is null`, filter}},
		"a number element": {object{"db": Number{}}, []string{`endpoints["db"] is a number, neither an address nor`}},
		"a list element":   {object{"db": []any{"a:1"}}, []string{`endpoints["db"] is a list, neither`}},
		"an empty object":  {object{"db": object{}}, []string{`endpoints["db"] has no address`}},
		"no address": {
			object{"db": object{"timeout": "1s"}}, []string{`endpoints["db"] has no address`, `"host:port"`},
		},
		"a null address": {
			object{"db": object{"address": nil}},
			[]string{`endpoints["db"] has no address, or it is null`, "if endpoint.address != null"},
		},
		"a number as address": {
			object{"db": object{"address": Number{}}}, []string{`endpoints["db"].address is a number`},
		},
		"an empty address": {object{"db": ""}, []string{`endpoints["db"]: "" is empty`, "host:port"}},
		"no port": {
			object{"db": object{"address": "db"}}, []string{`endpoints["db"].address: "db" has no port`},
		},
		"two addresses": {
			object{"db": "a:1,b:2"}, []string{`endpoints["db"]: "a:1,b:2"`, "give each a name of its own"},
		},
		"an unspecified host": {object{"db": "0.0.0.0:1"}, []string{"unspecified host"}},
		"an unknown key": {
			object{"db": object{"address": "a:1", "sevrity": "warn"}},
			[]string{`endpoints["db"] has the key "sevrity", which does not exist`, `Did you mean "severity"?`},
		},
		"a key in capitals": {object{"db": object{"Address": "a:1"}}, []string{`"Address"`, `Did you mean "address"?`}},
		"a null unknown key": {
			object{"db": object{"address": "a:1", "outcome": nil}}, []string{`"outcome"`, `Did you mean "outcomes"?`},
		},
		"a comment": {object{"db": object{"address": "a:1", "//": "x"}}, []string{"comment of JSON"}},
		"retry": {
			object{"db": object{"address": "a:1", "retry": object{}}}, []string{"retry stands beside endpoints"},
		},
		"strict":  {object{"db": object{"address": "a:1", "strict": true}}, []string{"strict stands beside"}},
		"exclude": {object{"db": object{"address": "a:1", "exclude": true}}, []string{"exclude stands beside"}},
		"when": {
			object{"db": object{"address": "a:1", "when": "error"}}, []string{"when stands inside outcomes"},
		},
		"pass": {
			object{"db": object{"address": "a:1", "pass": object{}}}, []string{"pass stands inside outcomes"},
		},
		"collector_name": {
			object{"db": object{"address": "a:1", "collector_name": "x"}}, []string{"name of the endpoint"},
		},
		"port": {object{"db": object{"address": "a", "port": Number{}}}, []string{`"host:port"`}},
		"host": {object{"db": object{"host": "a"}}, []string{`"host:port"`}},
		"severity with outcomes": {
			object{"db": object{"address": "a:1", "severity": "warn", "outcomes": outcomes}},
			[]string{`endpoints["db"] has both outcomes and severity`},
		},
		"message with outcomes": {
			object{"db": object{"address": "a:1", "message": "m", "outcomes": outcomes}},
			[]string{`endpoints["db"] has both outcomes and message`},
		},
		"uri with outcomes": {
			object{"db": object{"address": "a:1", "uri": "u", "outcomes": outcomes}},
			[]string{`endpoints["db"] has both outcomes and uri`},
		},
		"outcomes that are a set": {
			object{"db": object{"address": "a:1", "outcomes": Set(outcomes)}}, []string{"is a set"},
		},
		"outcomes that are empty": {
			object{"db": object{"address": "a:1", "outcomes": []any{}}}, []string{"is empty"},
		},
		"outcomes that are a text": {
			object{"db": object{"address": "a:1", "outcomes": "pass"}}, []string{"is a string"},
		},
		"a misspelt when": wrongOutcome(
			object{"pass": object{"whne": "error"}}, `outcomes[0].pass has the key "whne"`,
		),
		"a null when": wrongOutcome(
			object{"pass": object{"when": nil}}, "would let every status through",
		),
		"a status that is not one":  wrongOutcome(object{"pass": object{"when": "refused"}}, `"connection-refused"?`),
		"a verdict that is not one": wrongOutcome(object{"ok": object{}}, `Did you mean "pass"?`),
		"a number as timeout":       wrongField("timeout", Number{}, "is a number, not a duration", `"5s"`),
		"a timeout without a unit": wrongField(
			"timeout", "5", `.timeout: "5" is not a duration`, `Did you mean "5s"?`,
		),
		"an empty timeout":         wrongField("timeout", "", `.timeout: "" is not a duration`),
		"a timeout of 0":           wrongField("timeout", "0s", "not a duration greater than zero"),
		"a negative timeout":       wrongField("timeout", "-1s", "not a duration greater than zero"),
		"a timeout that overflows": wrongField("timeout", "9999999h", "not a duration"),
		"severity pass":            wrongField("severity", "pass", `"fail" or "warn"`),
		"severity wran":            wrongField("severity", "wran", `Did you mean "warn"?`),
		"severity warning":         wrongField("severity", "warning", `Did you mean "warn"?`),
		"severity Warn":            wrongField("severity", "Warn", `Did you mean "warn"?`),
		"an empty severity":        wrongField("severity", "", `.severity: ""`),
		"a boolean as severity":    wrongField("severity", true, ".severity is a boolean, not a string"),
		"all_addresses yes":        wrongField("all_addresses", "yes", "is not a boolean", `Did you mean "true"?`),
		"all_addresses True":       wrongField("all_addresses", "True", `Did you mean "true"?`),
		"all_addresses 1":          wrongField("all_addresses", Number{}, ".all_addresses is a number, not a boolean"),
		"an IP family":             wrongField("ip_family", "IPv4", `Did you mean "ipv4"?`),
		"a source address":         wrongField("source_address", "eth0", `"eth0"`),
		"a list as message":        wrongField("message", []any{}, ".message is a list, not a string"),
		"control characters": wrongField(
			"message", "a\x1b[8m", ".message: The text contains the control character U+001B",
		),
		"a bidirectional title": wrongField(
			"check_name", "a\u202e", ".check_name: The text contains the control character",
		),
		"a carriage return": wrongField("uri", "a\rb", ".uri: The text contains the control character U+000D"),
		"families that differ": {
			object{"db": object{"address": "10.0.0.1:1", "ip_family": "ipv6"}},
			[]string{`endpoints["db"]`, "not of the IP family"},
		},
		"a name with control characters": {object{"a\x1b": nil}, []string{`endpoints["a\x1b"] is null`}},
	} {
		endpoints, problems, isWhole := DecodeEndpoints(test.endpoints, EndpointDefaults{})
		if isWhole || len(endpoints) > 0 || len(problems) != 1 {
			t.Errorf("%s: %d endpoints, whole %t, problems %q", name, len(endpoints), isWhole, problems)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(problems[0].Text, want) {
				t.Errorf("%s: %s\nwant it to say %s", name, problems[0].Text, want)
			}
		}
		if _, isMap := test.endpoints.(object); (problems[0].Name != "") != (isMap && name != "an empty map") {
			t.Errorf("%s: the problem is that of %q", name, problems[0].Name)
		}
	}
}

// wrongEndpoint is a row of TestWhatIsNotAnEndpointIsAProblem.
type wrongEndpoint = struct {
	endpoints any
	want      []string
}

func wrongField(key string, value any, want ...string) wrongEndpoint {
	return wrongEndpoint{
		object{"db": object{"address": "10.0.0.1:1", key: value}}, append(want, `endpoints["db"].`+key),
	}
}

func wrongOutcome(outcome object, want ...string) wrongEndpoint {
	return wrongField("outcomes", []any{outcome}, want...)
}

func TestAllProblemsOfEndpointsShowAtOnce(t *testing.T) {
	t.Parallel()
	endpoints, problems, isWhole := DecodeEndpoints(object{
		"b": object{"address": "b", "timeout": "5", "severity": "pass"}, "a": nil, "fine": "a:1", "later": Unknown{},
	}, EndpointDefaults{})
	var names []string
	for _, problem := range problems {
		names = append(names, problem.Name)
	}
	if isWhole || len(endpoints) != 1 || endpoints[0].Name != "fine" ||
		!slices.Equal(names, []string{"a", "b", "b", "b"}) {
		t.Errorf("whole %t, %+v, %q", isWhole, endpoints, problems)
	}
}

func TestUnknownEndpointsAreNeitherWholeNorWrong(t *testing.T) {
	t.Parallel()
	pass := func(when any) []any { return []any{object{"pass": object{"when": when}}} }
	for name, value := range map[string]any{
		"the map": Unknown{}, "an element": object{"a": "a:1", "b": Unknown{}},
		"address": object{"a": object{"address": Unknown{}}}, "timeout": unknownField("timeout"),
		"all_addresses": unknownField("all_addresses"), "ip_family": unknownField("ip_family"),
		"source_address": unknownField("source_address"), "check_name": unknownField("check_name"),
		"severity": unknownField("severity"), "message": unknownField("message"), "uri": unknownField("uri"),
		"outcomes": unknownField("outcomes"),
		"when":     object{"a": object{"address": "a:1", "outcomes": pass(Unknown{})}},
		"outcome":  object{"a": object{"address": "a:1", "outcomes": []any{Unknown{}}}},
		"severity, perhaps null, with outcomes": object{
			"a": object{"address": "a:1", "severity": Unknown{}, "outcomes": pass("connected")},
		},
		"outcomes, perhaps null, with severity": object{
			"a": object{"address": "a:1", "severity": Unknown{}, "outcomes": Unknown{}},
		},
	} {
		endpoints, problems, isWhole := DecodeEndpoints(value, EndpointDefaults{})
		if isWhole || len(problems) > 0 || len(endpoints) > 1 || len(endpoints) == 1 && name != "an element" {
			t.Errorf("%s: %+v, whole %t, %q", name, endpoints, isWhole, problems)
		}
	}
}

func unknownField(key string) object {
	return object{"a": object{"address": "10.0.0.1:1", key: Unknown{}}}
}

func TestEndpointsInheritWhatTheyDoNotSay(t *testing.T) {
	t.Parallel()
	source := netip.MustParseAddr("10.9.9.9")
	defaults := EndpointDefaults{Family: tcpconnect.IPv4, Source: source, AllAddresses: true}
	nulls := object{"address": "db:1"}
	for _, key := range endpointKeys {
		if key != "address" {
			nulls[key] = nil
		}
	}
	endpoints := decodeEndpoints(t, object{
		"short": "db:1", "object": object{"address": "db:1"}, "nulls": nulls,
		"blank": object{"address": "db:1", "message": " ", "uri": "", "check_name": "\t"},
		"own": object{
			"address": "db:1", "timeout": "2s", "all_addresses": "false", "ip_family": "any",
			"source_address": "10.8.8.8",
			"check_name":     "Database", "severity": "warn", "message": "m", "uri": "u",
		},
		"z": object{"address": "db:1", "all_addresses": false, "outcomes": []any{object{"warn": object{}}}},
	}, defaults)
	var names []string
	for _, endpoint := range endpoints {
		names = append(names, endpoint.Name)
		want := Endpoint{
			Name: endpoint.Name, Severity: tcpconnect.Fail,
			Analyzer: tcpconnect.Analyzer{CheckName: endpoint.Name},
			Target: tcpconnect.Target{
				Address: endpoints[0].Target.Address, Family: tcpconnect.IPv4, Source: source, AllAddresses: true,
			},
		}
		switch endpoint.Name {
		case "own":
			want.Target = tcpconnect.Target{Address: want.Target.Address, Source: netip.MustParseAddr("10.8.8.8")}
			want.Timeout, want.Severity, want.Message, want.URI = 2*time.Second, tcpconnect.Warn, "m", "u"
			want.Analyzer.CheckName = "Database"
		case "z":
			want.Target.AllAddresses = false
			want.Analyzer.Outcomes = []tcpconnect.Outcome{{Verdict: tcpconnect.Warn}}
		}
		if !reflect.DeepEqual(endpoint, want) {
			t.Errorf("%s: %+v\nwant %+v", endpoint.Name, endpoint, want)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("the order is %q", names)
	}
}

func TestViaOfAnEndpoint(t *testing.T) {
	t.Parallel()
	endpoints := object{
		"inherits": "db:1", "null": object{"address": "db:1", "via": nil},
		"here": object{"address": "db:1", "via": "here"}, "own": object{"address": "db:1", "via": "egress"},
	}
	for _, all := range []string{"", "bastion"} {
		want := map[string]string{"inherits": all, "null": all, "here": "", "own": "egress"}
		for _, endpoint := range decodeEndpoints(t, endpoints, EndpointDefaults{Via: all}) {
			if endpoint.Target.Via != want[endpoint.Name] {
				t.Errorf("%s of %q is dialled via %q, want %q", endpoint.Name, all, endpoint.Target.Via,
					want[endpoint.Name])
			}
		}
	}
	for name, test := range map[string]struct {
		fields object
		want   string
	}{
		"a blank name":   {object{"via": " "}, `endpoints["db"].via: The name of the vantage point is blank.`},
		"a number":       {object{"via": Number{}}, `endpoints["db"].via is a number, not a string`},
		"another key":    {object{"bastion": "b"}, "To dial from a vantage point, write its name in via."},
		"a misspelt key": {object{"vai": "bastion"}, `Did you mean "via"?`},
		"a source address": {
			object{"via": "bastion", "source_address": "10.0.0.1"},
			`endpoints["db"]: source_address is an address of this machine`,
		},
	} {
		test.fields["address"] = "db:1"
		_, problems, isWhole := DecodeEndpoints(object{"db": test.fields}, EndpointDefaults{})
		if len(problems) != 1 || isWhole || !strings.Contains(problems[0].Text, test.want) {
			t.Errorf("%s: %q, want %q", name, problems, test.want)
		}
	}
	_, problems, isWhole := DecodeEndpoints(unknownField("via"), EndpointDefaults{})
	if len(problems) > 0 || isWhole {
		t.Errorf("an unknown via: %q, whole %t", problems, isWhole)
	}
}

func TestNamesOfEndpointsAreThoseOfTheirCollectors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		title string
		names []string
		want  []string // of each problem
	}{
		"fine":                         {"", []string{"a", "b", "A b_c-d.e"}, nil},
		"fine below a title":           {"rollout", []string{"a", "b"}, nil},
		"an address as name":           {"", []string{"db:5432"}, []string{`"db:5432" cannot name a collector`}},
		"a path":                       {"", []string{"../db"}, []string{`"../db" cannot name`}},
		"a blank name":                 {"", []string{" "}, []string{`" " cannot name`}},
		"an empty name":                {"", []string{""}, []string{`"" cannot name`}},
		"an empty name, below a title": {"rollout", []string{""}, []string{`"rollout." cannot name`}},
		"a name that Windows reserves": {"", []string{"NUL"}, []string{"Windows reserves"}},
		"too long with the title": {
			strings.Repeat("t", 100), []string{strings.Repeat("n", 28)}, []string{"cannot name"},
		},
		"letters that fold to others": { // the Kelvin sign
			"", []string{"k", "\u212a"}, []string{"cannot name", `["k"] have`},
		},
		"another case": {
			"", []string{"DB", "Db", "cache", "db"}, []string{`["DB"] have names`, `["Db"] have`},
		},
	} {
		gate := Endpoints{Title: test.title}
		for _, endpoint := range test.names {
			gate.Endpoints = append(gate.Endpoints, Endpoint{Name: endpoint})
		}
		problems := gate.Validate()
		if len(problems) != len(test.want) {
			t.Errorf("%s: %q", name, problems)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(problems[i].Text, want) || !strings.Contains(problems[i].Text, "endpoints[") {
				t.Errorf("%s: %s\nwant it to say %s", name, problems[i].Text, want)
			}
		}
	}
}

// gateOf returns a gate with a value in each of its fields.
func gateOf(t *testing.T) Endpoints {
	t.Helper()
	policy := tcpconnect.Retry{
		Attempts: 3, AttemptTimeout: time.Second, MinDelay: time.Second, MaxDelay: 2 * time.Second,
		Until: []tcpconnect.Status{tcpconnect.Connected}, Consecutive: 2,
		GiveUpOn: []tcpconnect.Reason{tcpconnect.ReasonRefused},
	}
	gate := Endpoints{
		Title: "rollout", Timeout: time.Minute, Retry: &policy, Strict: true, Archive: "a.tar.gz",
		Endpoints: decodeEndpoints(t, object{
			"db": object{
				"address": "db:1", "timeout": "2s", "all_addresses": true, "ip_family": "ipv4",
				"source_address": "10.0.0.1",
				"check_name":     "Database", "severity": "warn", "message": "m", "uri": "u",
			},
			"old": object{"address": "db:2", "outcomes": []any{
				object{"pass": object{"when": "connected", "message": "m", "uri": "u", "title": "t"}},
				object{"fail": object{}},
			}},
		}, EndpointDefaults{}),
	}
	gate.Endpoints[0].Target.Via = "bastion" // beside a source address it is a value in every field, not a valid target
	return gate
}

func TestChecksOfEndpoints(t *testing.T) {
	t.Parallel()
	gate := gateOf(t)
	gate.Retry, gate.Timeout = nil, 0
	checks := func(gate Endpoints) (names []string, timeouts []time.Duration) {
		for _, check := range gate.Batch(10 * time.Second).Checks {
			names, timeouts = append(names, check.CollectorName), append(timeouts, check.Timeout)
			if check.Retry != nil {
				timeouts = append(timeouts, check.Retry.AttemptTimeout)
			}
		}
		return names, timeouts
	}
	expect := func(what string, wantNames []string, want ...time.Duration) {
		t.Helper()
		if names, timeouts := checks(gate); !slices.Equal(names, wantNames) || !slices.Equal(timeouts, want) {
			t.Errorf("%s: %q, timeouts %s, want %q, %s", what, names, timeouts, wantNames, want)
		}
	}
	titled := []string{"rollout.db", "rollout.old"}
	expect("the provider's timeout", titled, 2*time.Second, 10*time.Second)
	gate.Timeout = 5 * time.Second
	expect("the timeout of the gate", titled, 2*time.Second, 5*time.Second)
	gate.Retry, gate.Title = gateOf(t).Retry, ""
	expect("in all and of one dial", []string{"db", "old"}, 5*time.Second, 2*time.Second, 5*time.Second, time.Second)
	batch := gate.Batch(time.Hour)
	if batch.MaxConcurrency != DefaultMaxConcurrency || batch.Archive != "a.tar.gz" ||
		!slices.Equal(batch.Optional, []bool{true, false}) {
		t.Errorf("%+v", batch)
	}
	if gate.Retry.AttemptTimeout != time.Second {
		t.Error("the retry of the gate was changed")
	}
	gate.Retry.Until = nil
	gate.Endpoints[1].Analyzer.Outcomes[0].When = tcpconnect.ConnectionRefused
	for i, want := range []tcpconnect.Status{tcpconnect.Connected, tcpconnect.ConnectionRefused} {
		if until := gate.Batch(0).Checks[i].Retry.Until; !slices.Equal(until, []tcpconnect.Status{want}) {
			t.Errorf("endpoint %d waits for %q, want %s", i, until, want)
		}
	}
}

func TestRetryOfEndpointsDoesNotContradictThem(t *testing.T) {
	t.Parallel()
	refused := []tcpconnect.Outcome{{Verdict: tcpconnect.Pass, When: tcpconnect.ConnectionRefused}}
	for name, test := range map[string]struct {
		change func(*Endpoints)
		want   string
	}{
		"fine": {func(*Endpoints) {}, ""},
		"an own timeout above all": {
			func(e *Endpoints) { e.Endpoints[0].Timeout = time.Hour }, `endpoints["db"].timeout is 1h0m0s`,
		},
		"an own timeout, none in all": {func(e *Endpoints) { e.Endpoints[0].Timeout, e.Timeout = time.Hour, 0 }, ""},
		"an own timeout, no retry":    {func(e *Endpoints) { e.Endpoints[0].Timeout, e.Retry = time.Hour, nil }, ""},
		"a pass that until does not wait for": {
			func(e *Endpoints) { e.Endpoints[1].Analyzer.Outcomes = refused },
			`endpoints["old"]: outcomes pass "connection-refused"`,
		},
		"a pass that is waited for": {
			func(e *Endpoints) { e.Endpoints[1].Analyzer.Outcomes, e.Retry.Until = refused, nil }, "",
		},
		"a pass for everything": {
			func(e *Endpoints) {
				e.Endpoints[1].Analyzer.Outcomes, e.Retry.Until = []tcpconnect.Outcome{{Verdict: tcpconnect.Pass}}, nil
			},
			`endpoints["old"]: With connection-refused, connection-timeout and error in until`,
		},
	} {
		gate := gateOf(t)
		test.change(&gate)
		problems := gate.Validate()
		if test.want == "" && len(problems) > 0 ||
			test.want != "" && (len(problems) != 1 || !strings.HasPrefix(problems[0].Text, test.want)) {
			t.Errorf("%s: %q, want %q", name, problems, test.want)
		}
	}
}

// Batches with the same key may overwrite each other's archive and analysis.
func TestEndpointsThatDifferAreDifferentBatches(t *testing.T) {
	t.Parallel()
	const timeout = 10 * time.Second
	want := gateOf(t).Batch(timeout).Key
	if gateOf(t).Batch(timeout).Key != want {
		t.Error("the same gate is another batch")
	}
	same := []string{
		"Endpoints.Strict", // makes no difference to what is dialled and judged
	}
	changes := make(map[string]func(*Endpoints))
	zero := func(of any, at func(*Endpoints) reflect.Value) {
		for i := range reflect.TypeOf(of).NumField() {
			field := reflect.TypeOf(of).Field(i)
			changes[reflect.TypeOf(of).Name()+"."+field.Name] = func(gate *Endpoints) {
				value := at(gate).Elem().Field(i)
				if value.IsZero() {
					t.Errorf("%s has no value in this test", field.Name)
				}
				value.SetZero()
			}
		}
	}
	zero(Endpoints{}, func(gate *Endpoints) reflect.Value { return reflect.ValueOf(gate) })
	zero(Endpoint{}, func(gate *Endpoints) reflect.Value { return reflect.ValueOf(&gate.Endpoints[0]) })
	zero(tcpconnect.Target{}, func(gate *Endpoints) reflect.Value { return reflect.ValueOf(&gate.Endpoints[0].Target) })
	zero(tcpconnect.Retry{}, func(gate *Endpoints) reflect.Value { return reflect.ValueOf(gate.Retry) })
	zero(tcpconnect.Analyzer{}, func(gate *Endpoints) reflect.Value {
		return reflect.ValueOf(&gate.Endpoints[1].Analyzer)
	})
	zero(tcpconnect.Outcome{}, func(gate *Endpoints) reflect.Value {
		return reflect.ValueOf(&gate.Endpoints[1].Analyzer.Outcomes[0])
	})
	// An endpoint's own timeout hides the retry's, and an until that is zero is Connected.
	changes["Retry.Until"] = func(gate *Endpoints) { gate.Retry.Until = []tcpconnect.Status{tcpconnect.Error} }
	keys := map[string]string{want: "the first"}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		gate := gateOf(t)
		changes[name](&gate)
		key := gate.Batch(timeout).Key
		if slices.Contains(same, name) {
			if key != want {
				t.Errorf("without %s it is another batch", name)
			}
			continue
		}
		if other, exists := keys[key]; exists {
			t.Errorf("without %s it is the same batch as %s", name, other)
		}
		keys[key] = name
	}
	bare := gateOf(t)
	bare.Retry, bare.Timeout, bare.Endpoints[0].Timeout = nil, 0, 0
	if bare.Batch(time.Second).Key == bare.Batch(2*time.Second).Key {
		t.Error("with another timeout of the provider it is the same batch")
	}
}

func TestEndpointIsJudgedByItsSeverityOrItsOutcomes(t *testing.T) {
	t.Parallel()
	ready := tcpconnect.Result{Reason: tcpconnect.ReasonConnected, Ready: true}
	failure := func(reason tcpconnect.Reason) tcpconnect.Result { return tcpconnect.Result{Reason: reason} }
	refused := failure(tcpconnect.ReasonRefused)
	outcomes := func(outcomes ...tcpconnect.Outcome) func(*Endpoint) {
		return func(e *Endpoint) { e.Analyzer.Outcomes = outcomes }
	}
	warn := func(e *Endpoint) { e.Severity, e.Message, e.URI = tcpconnect.Warn, "", "" }
	for name, test := range map[string]struct {
		change  func(*Endpoint)
		result  tcpconnect.Result
		verdict tcpconnect.Verdict
		message string
		uri     string
	}{
		"ready":           {nil, ready, tcpconnect.Pass, "Database: connected", ""},
		"not ready":       {nil, refused, tcpconnect.Fail, "no database", "https://x.y"},
		"warn":            {warn, refused, tcpconnect.Warn, "Database: connection-refused", ""},
		"ready with warn": {warn, ready, tcpconnect.Pass, "Database: connected", ""},
		"ready after a refusal": {nil, tcpconnect.Result{Reason: tcpconnect.ReasonRefused, Ready: true},
			tcpconnect.Pass, "Database: connection-refused", ""},
		"connected, but not waited for": {nil, failure(tcpconnect.ReasonConnected), tcpconnect.Fail, "no database",
			"https://x.y"},
		"an outcome": {
			outcomes(tcpconnect.Outcome{Verdict: tcpconnect.Fail, Message: "own", URI: "https://own"}), refused,
			tcpconnect.Fail, "own", "https://own",
		},
		"no outcome": {
			outcomes(tcpconnect.Outcome{Verdict: tcpconnect.Pass, When: tcpconnect.Connected}), refused,
			tcpconnect.Fail,
			`Database: no outcome covers the status "connection-refused", so the check fails`, "",
		},
		"an outcome that passes a refusal": {
			outcomes(tcpconnect.Outcome{Verdict: tcpconnect.Pass, When: tcpconnect.ConnectionRefused}), refused,
			tcpconnect.Pass, "Database: connection-refused", "",
		},
		"a pass for everything, and a limit of this machine": {
			outcomes(tcpconnect.Outcome{Verdict: tcpconnect.Pass}), failure(tcpconnect.ReasonLocalLimit),
			tcpconnect.Fail,
			`Database: the reason "local-limit" says nothing about the peer, so no pass applies to the ` +
				`status "error", and the check fails`, "",
		},
	} {
		gate := Endpoints{Title: "rollout", Strict: true, Endpoints: decodeEndpoints(t, object{"db": object{
			"address": "db:1", "check_name": "Database", "message": "no database", "uri": "https://x.y",
		}}, EndpointDefaults{})}
		if test.change != nil {
			test.change(&gate.Endpoints[0])
		}
		test.result.Status = test.result.Reason.Status()
		finding := gate.Batch(0).Judge([]tcpconnect.Result{test.result})[0]
		if finding.Verdict != test.verdict || finding.Message != test.message || finding.URI != test.uri ||
			finding.Title != "Database" || !finding.Strict || finding.CollectorName != "rollout.db" ||
			finding.Address != "db:1" || finding.Result == nil {
			t.Errorf("%s: %+v", name, finding)
		}
		want := []string{"db"}
		if test.verdict.Proceed() {
			want = []string{}
		}
		if failed := gate.Failed([]tcpconnect.Finding{finding}); !slices.Equal(failed, want) || failed == nil {
			t.Errorf("%s: failed %#v", name, failed)
		}
	}
}

func TestSeverityWarnIsAWarnWhateverTheReason(t *testing.T) {
	t.Parallel()
	gate := Endpoints{Endpoints: decodeEndpoints(t, object{
		"db": "db:1", "cache": object{"address": "cache:1", "severity": "warn"},
	}, EndpointDefaults{})}
	for _, reason := range append(tcpconnect.Reasons(), "of-a-later-version") {
		isReady := reason == tcpconnect.ReasonConnected
		result := tcpconnect.Result{Status: reason.Status(), Reason: reason, Ready: isReady}
		findings := gate.Batch(0).Judge([]tcpconnect.Result{result, result})
		want := []tcpconnect.Verdict{tcpconnect.Warn, tcpconnect.Fail}
		if isReady {
			want = []tcpconnect.Verdict{tcpconnect.Pass, tcpconnect.Pass}
		}
		if got := []tcpconnect.Verdict{findings[0].Verdict, findings[1].Verdict}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", reason, got, want)
		}
	}
	if failed := gate.Failed([]tcpconnect.Finding{{}, {}}); !slices.Equal(failed, []string{"cache", "db"}) {
		t.Errorf("without a verdict, %q failed", failed)
	}
}

func TestOptionalEndpointsAreThoseThatCanNotFail(t *testing.T) {
	t.Parallel()
	outcomes := func(outcomes ...any) object { return object{"address": "a:1", "outcomes": outcomes} }
	endpoints := object{
		"fails": "a:1", "warns": object{"address": "a:1", "severity": "warn"},
		"outcomes fail": outcomes(
			object{"pass": object{"when": "connected"}}, object{"fail": object{}},
		),
		"outcomes warn": outcomes(
			object{"pass": object{"when": "connected"}}, object{"warn": object{}},
		),
		"outcomes have a gap": outcomes(object{"warn": object{"when": "connected"}}),
		"outcomes pass everything but the reasons of this machine": outcomes(object{"pass": object{}}),
	}
	gate := Endpoints{Endpoints: decodeEndpoints(t, endpoints, EndpointDefaults{})}
	for i, isOptional := range gate.Batch(0).Optional {
		name := gate.Endpoints[i].Name
		if want := name == "warns" || name == "outcomes warn"; isOptional != want {
			t.Errorf("an endpoint that %s is optional: %t", name, isOptional)
		}
	}
}
