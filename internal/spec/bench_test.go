// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package spec

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// largeSpec returns a spec of 10,000 collectors and analyzers, as JSON and as YAML.
func largeSpec(tb testing.TB) map[string]string {
	tb.Helper()
	const (
		collector = `{"tcpConnect": {"collectorName": "n%d", "address": "10.0.%d.%d:6443", "timeout": "10s"}}`
		analyzer  = `{"tcpConnect": {"checkName": "Node %[1]d", "collectorName": "n%[1]d", "outcomes": [` +
			`{"fail": {"when": "connection-refused", "message": "Node %[1]d refused the connection"}}, ` +
			`{"warn": {"when": "connection-timeout", "message": "Node %[1]d did not answer"}}, ` +
			`{"pass": {"when": "connected"}}]}}`
	)
	var collectors, analyzers []string
	for n := range 10_000 {
		collectors = append(collectors, fmt.Sprintf(collector, n, n/256, n%256))
		analyzers = append(analyzers, fmt.Sprintf(analyzer, n))
	}
	text := `{"apiVersion": "troubleshoot.sh/v1beta2", "kind": "HostPreflight", "spec": {` +
		`"collectors": [` + strings.Join(collectors, ",\n") + `], "analyzers": [` + strings.Join(analyzers, ",\n") +
		`]}}`
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		tb.Fatal(err)
	}
	block, err := yaml.Dump(value, yaml.WithIndent(2))
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]string{"JSON": text, "YAML": string(block)}
}

func BenchmarkDecode(b *testing.B) {
	for format, text := range largeSpec(b) {
		for when, decode := range map[string]func(string) (Spec, error){"first": decode, "again": Decode} {
			b.Run(format+"/"+when, func(b *testing.B) {
				_, _ = decode(text)
				b.ReportAllocs()
				for b.Loop() {
					if spec, err := decode(text); err != nil || len(spec.Collectors) != 10_000 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
