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
	Address       *string `tfsdk:"address"`
	Status        *string `tfsdk:"status"`
	Reason        *string `tfsdk:"reason"`
	Outcome       string  `tfsdk:"outcome"`
	Message       string  `tfsdk:"message"`
	URI           *string `tfsdk:"uri"`
	Matched       bool    `tfsdk:"matched"`
	Strict        bool    `tfsdk:"strict"`
}

// BenchmarkEncodeResults compares two ways to make the value of 10,000 results, alone and with the rest of the state:
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
	if !reflected().Equal(findingsValue(batch.Findings)) {
		b.Fatal("the two ways differ")
	}
	b.Run("what=results/by=reflection", func(b *testing.B) {
		for b.Loop() {
			reflected()
		}
	})
	b.Run("what=results/by=hand", func(b *testing.B) {
		for b.Loop() {
			findingsValue(batch.Findings)
		}
	})
	var described datasource.SchemaResponse
	(&specDataSource{}).Schema(b.Context(), datasource.SchemaRequest{}, &described)
	set := func(b *testing.B, results func() types.List) {
		b.Helper()
		for b.Loop() {
			var model specModel
			model.fill(spec.Spec{}, batch)
			model.Results = results()
			state := tfsdk.State{
				Schema: described.Schema,
				Raw:    tftypes.NewValue(described.Schema.Type().TerraformType(b.Context()), nil),
			}
			if diags := state.Set(b.Context(), &model); diags.HasError() {
				b.Fatal(diags)
			}
		}
	}
	b.Run("what=state/by=reflection", func(b *testing.B) { set(b, reflected) })
	b.Run("what=state/by=hand", func(b *testing.B) {
		set(b, func() types.List { return findingsValue(batch.Findings) })
	})
}
