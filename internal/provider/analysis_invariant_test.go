// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// The rule holds for random outcomes, faults and bundles: a pass has a status that a dial of this run gave or that a
// whole, valid file holds, and an outcome that matches it and is a pass.
func TestNothingPassesWithoutAStatusAndAnOutcomeThatMatchesIt(t *testing.T) {
	t.Parallel()
	rounds := 20_000
	if testing.Short() {
		rounds /= 10
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	_, refused := net.Dial("tcp", loopback.Refused(t).String())
	passes, failures, mistakes := 0, 0, 0
	for round := range rounds {
		written := randomOutcomes(random)
		var diags diag.Diagnostics
		outcomes, whole := decodeOutcomes(written.value(), &diags)
		if whole == diags.HasError() {
			t.Fatalf("seed %d, round %d: whole is %t, and %v", seed, round, whole, diags)
		}
		truth, given := randomStatus(t, random, dir, refused)
		if !whole || given == "" {
			mistakes++
			continue
		}
		finding := tcpconnect.Analyzer{CheckName: "check", Outcomes: outcomes}.Judge(given, "")
		if !finding.Verdict.Proceed() {
			failures++
			continue
		}
		passes++
		if given != truth || !written.lets(truth) {
			t.Fatalf("seed %d, round %d: %+v passes the status %q, which is %q: %+v", seed, round, written,
				given, truth, finding)
		}
	}
	t.Logf("%d passes, %d failures, %d mistakes", passes, failures, mistakes)
	if min(passes, failures, mistakes) < rounds/100 {
		t.Error("one kind of round was rare")
	}
}

// writtenOutcome is an outcome as a user may write it.
type writtenOutcome struct {
	verdict string
	when    *string // nil: the key is absent
	odd     string  // another key
}

type writtenOutcomes []writtenOutcome

func randomOutcomes(random *rand.Rand) writtenOutcomes {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	outcomes := make(writtenOutcomes, random.IntN(4))
	for i := range outcomes {
		outcomes[i].verdict = pick("pass", "pass", "warn", "fail", "fail", "Pass", "pas")
		if random.IntN(4) > 0 {
			when := pick("connected", "connected", "connection-refused", "connection-timeout", "error",
				"conectd", "", "Connected", "connected ")
			outcomes[i].when = &when
		}
		if random.IntN(10) == 0 {
			outcomes[i].odd = pick("whne", "When", "mesage", "message")
		}
	}
	return outcomes
}

func (w writtenOutcomes) value() attr.Value {
	var elements []attr.Value
	var elementTypes []attr.Type
	for _, outcome := range w {
		inner, innerTypes := map[string]attr.Value{}, map[string]attr.Type{}
		if outcome.when != nil {
			inner["when"], innerTypes["when"] = types.StringValue(*outcome.when), types.StringType
		}
		if outcome.odd != "" {
			inner[outcome.odd], innerTypes[outcome.odd] = types.StringValue("connected"), types.StringType
		}
		object := types.ObjectValueMust(innerTypes, inner)
		element := types.ObjectValueMust(map[string]attr.Type{outcome.verdict: object.Type(context.Background())},
			map[string]attr.Value{outcome.verdict: object})
		elements, elementTypes = append(elements, element), append(elementTypes, element.Type(context.Background()))
	}
	return types.DynamicValue(types.TupleValueMust(elementTypes, elements))
}

// lets reports whether the first outcome for a status is a pass or warn. It repeats the rule without the code.
func (w writtenOutcomes) lets(status tcpconnect.Status) bool {
	for _, outcome := range w {
		if outcome.when == nil || *outcome.when == string(status) || *outcome.when == "" && outcome.verdict == "fail" {
			return outcome.verdict == "pass" || outcome.verdict == "warn"
		}
	}
	return false
}

// randomStatus returns what happened, and what the provider says about it after a dial, or after it has read a result
// file, which may be damaged.
func randomStatus(t *testing.T, random *rand.Rand, dir string, refused error) (truth, given tcpconnect.Status) {
	t.Helper()
	statuses := tcpconnect.Statuses()
	truth = statuses[random.IntN(len(statuses))]
	if random.IntN(2) == 0 {
		return truth, dialled(t, truth, refused)
	}
	file := bundle.ResultFile(dir, "connect")
	content := string(truth)
	if random.IntN(2) == 0 {
		content = fmt.Sprintf(`{"status":%q,"message":"x"}`, truth)
	}
	switch random.IntN(4) {
	case 0: // truncated
		content = content[:random.IntN(len(content))]
		truth = ""
	case 1: // damaged
		damaged := []byte(content)
		damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		truth = ""
		if slices.Contains(statuses, tcpconnect.Status(damaged)) {
			truth = tcpconnect.Status(damaged)
		}
		content = string(damaged)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	run := preflight.New(preflight.Config{BundleDir: filepath.Join(dir, "own")})
	results, err := run.ReadResults(t.Context(), dir, "connect", preflight.Terms{})
	if err != nil {
		return truth, ""
	}
	given = tcpconnect.Status(results[0].Status)
	if truth == "" && content[0] == '{' {
		truth = given // still valid JSON, with another text
	}
	return truth, given
}

// dialled returns the status of a dial that ends with the status truth.
func dialled(t *testing.T, truth tcpconnect.Status, refused error) tcpconnect.Status {
	t.Helper()
	collector := &tcpconnect.Collector{Dialer: dialerOf{truth, refused}}
	address, err := tcpconnect.ParseAddress("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	check := tcpconnect.Check{Target: tcpconnect.Target{Address: address}, Timeout: time.Minute}
	result, err := collector.Collect(t.Context(), check, nil)
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// dialerOf is a dialer whose dials end in a status.
type dialerOf struct {
	status  tcpconnect.Status
	refused error
}

func (d dialerOf) Dial(context.Context, netip.Addr, string) (net.Conn, error) {
	switch d.status {
	case tcpconnect.Connected:
		near, _ := net.Pipe()
		return near, nil
	case tcpconnect.ConnectionRefused:
		return nil, &tcpconnect.ReasonError{Reason: tcpconnect.ReasonRefused, Err: d.refused}
	case tcpconnect.ConnectionTimeout:
		return nil, &tcpconnect.ReasonError{Reason: tcpconnect.ReasonNoResponse, Err: context.DeadlineExceeded}
	default:
		return nil, errors.New("another fault")
	}
}

func (dialerOf) ResolvesNames() bool { return false }
func (dialerOf) Room() int           { return 1 }
