// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import "testing"

const smallSpec = `{"apiVersion":"troubleshoot.sh/v1beta2","kind":"HostPreflight","spec":{
  "collectors":[{"tcpConnect":{"collectorName":"db","address":"10.0.0.1:80"}}],
  "analyzers":[{"tcpConnect":{"collectorName":"db","outcomes":[{"pass":{"when":"connected"}}]}}]}}`

func TestSpecsThatDifferAreDifferentBatches(t *testing.T) {
	t.Parallel()
	run := newRun(t.TempDir())
	decoded, err := DecodeSpec(smallSpec)
	if err != nil {
		t.Fatal(err)
	}
	first := run.SpecBatch(smallSpec, decoded, SpecOptions{Unsupported: UnsupportedWarn, Archive: "a.tar.gz"})
	options := func(unsupported Unsupported, archive string) SpecOptions {
		return SpecOptions{Unsupported: unsupported, Archive: archive}
	}
	if again := run.SpecBatch(smallSpec, decoded, options(UnsupportedWarn, "a.tar.gz")); again.Key != first.Key {
		t.Error("the same spec is another batch")
	}
	for name, other := range map[string]Batch{
		"unsupported": run.SpecBatch(smallSpec, decoded, options(UnsupportedSkip, "a.tar.gz")),
		"archive":     run.SpecBatch(smallSpec, decoded, options(UnsupportedWarn, "b.tar.gz")),
		"text":        run.SpecBatch(smallSpec+" ", decoded, options(UnsupportedWarn, "a.tar.gz")),
	} {
		if other.Key == first.Key {
			t.Errorf("a spec with another %s is the same batch", name)
		}
	}
}
