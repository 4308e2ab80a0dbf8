// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// findingModel is an argument for ListValueFrom.
type findingModel struct {
	Title         string  `tfsdk:"title"`
	CollectorName *string `tfsdk:"collector_name"`
	Node          *string `tfsdk:"node"`
	Address       *string `tfsdk:"address"`
	Status        *string `tfsdk:"status"`
	Reason        *string `tfsdk:"reason"`
	Outcome       string  `tfsdk:"outcome"`
	Message       string  `tfsdk:"message"`
	URI           *string `tfsdk:"uri"`
	Explanation   string  `tfsdk:"explanation"`
	Matched       bool    `tfsdk:"matched"`
	Strict        bool    `tfsdk:"strict"`
}

// collectedModel is what MapValueFrom would take.
type collectedModel struct {
	Address    string  `tfsdk:"address"`
	Status     string  `tfsdk:"status"`
	Reason     string  `tfsdk:"reason"`
	Message    string  `tfsdk:"message"`
	DurationMS float64 `tfsdk:"duration_ms"`
}

// BenchmarkEncodeResults compares two ways to make the state of 10,000 results:
//
//	make bench
func BenchmarkEncodeResults(b *testing.B) {
	batch := preflight.BatchResult{Message: "message"}
	for i := range 10_000 {
		result := tcpconnect.Result{
			Status:   tcpconnect.ConnectionRefused,
			Reason:   tcpconnect.ReasonRefused,
			Message:  "dial tcp: refused",
			Duration: time.Millisecond,
			Attempts: 1,
		}
		name := fmt.Sprintf("collector-%d", i)
		batch.Checks = append(batch.Checks, preflight.Check{CollectorName: name})
		batch.Results = append(batch.Results, result)
		batch.Findings = append(batch.Findings, tcpconnect.Finding{
			Verdict: tcpconnect.Fail, Title: "Check " + name, Message: "refused", Matched: true,
			CollectorName: name, Address: "127.0.0.1:80", Result: &batch.Results[0],
		})
	}
	reflected := func() types.List {
		var models []findingModel
		for i := range batch.Findings {
			f := &batch.Findings[i]
			status, reason := string(f.Result.Status), string(f.Result.Reason)
			models = append(models, findingModel{
				Title:         f.Title,
				CollectorName: &f.CollectorName,
				Address:       &f.Address,
				Status:        &status,
				Reason:        &reason,
				Outcome:       string(f.Verdict),
				Message:       f.Message,
				Explanation:   f.Explanation(),
				Matched:       f.Matched,
				Strict:        f.Strict,
			})
		}
		list, diags := types.ListValueFrom(b.Context(), findingType, models)
		if diags.HasError() {
			b.Fatal(diags)
		}
		return list
	}
	collected := func() types.Map {
		models := make(map[string]collectedModel)
		for i, check := range batch.Checks {
			result := batch.Results[i]
			models[check.CollectorName] = collectedModel{
				Address:    check.Target.Address.String(),
				Status:     string(result.Status),
				Reason:     string(result.Reason),
				Message:    result.Message,
				DurationMS: milliseconds(result.Duration),
			}
		}
		value, diags := types.MapValueFrom(b.Context(), collectedType, models)
		if diags.HasError() {
			b.Fatal(diags)
		}
		return value
	}
	var described datasource.SchemaResponse
	(&specDataSource{}).Schema(b.Context(), datasource.SchemaRequest{}, &described)
	newState := func() tfsdk.State {
		return tfsdk.State{
			Schema: described.Schema,
			Raw:    tftypes.NewValue(described.Schema.Type().TerraformType(b.Context()), nil),
		}
	}
	newModel := func() (model specModel) {
		model.Retry = types.ObjectNull(retryBlock().Type().(types.ObjectType).AttrTypes)
		model.Triggers = types.MapNull(types.StringType)
		model.fillBatch(batch, "")
		model.fillSkipped(spec.Spec{})
		model.Results, model.Collected = types.ListNull(findingType), types.MapNull(collectedType)
		return model
	}
	byHand := func() tfsdk.State {
		model := newModel()
		state := newState()
		large := largeResults(b.Context(), batch)
		if diags := setState(b.Context(), &state, &state.Raw, &model, large); diags.HasError() {
			b.Fatal(diags)
		}
		return state
	}
	byReflection := func() tfsdk.State {
		model := newModel()
		model.Results, model.Collected = reflected(), collected()
		state := newState()
		if diags := state.Set(b.Context(), &model); diags.HasError() {
			b.Fatal(diags)
		}
		return state
	}
	if !byHand().Raw.Equal(byReflection().Raw) {
		b.Fatal("the two ways differ")
	}
	b.Run("what=state/by=reflection", func(b *testing.B) {
		for b.Loop() {
			byReflection()
		}
	})
	b.Run("what=state/by=hand", func(b *testing.B) {
		for b.Loop() {
			byHand()
		}
	})
}
