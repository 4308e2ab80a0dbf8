// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

func attributesNamed(attributes []*tfprotov6.SchemaAttribute, matches func(*tfprotov6.SchemaAttribute) bool) string {
	var names []string
	for _, attribute := range attributes {
		if matches(attribute) {
			names = append(names, attribute.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func required(attribute *tfprotov6.SchemaAttribute) bool { return attribute.Required }
func optional(attribute *tfprotov6.SchemaAttribute) bool { return attribute.Optional }
func computed(attribute *tfprotov6.SchemaAttribute) bool { return attribute.Computed }

func TestEveryArgumentIsTakenAndEveryResultGiven(t *testing.T) {
	t.Parallel()
	const (
		verdict  = "is_fail is_pass is_warn matched"
		check    = "all_addresses check_name collector_name exclude ip_family outcomes source_address strict timeout triggers"
		results  = "addresses attempts bundle_dir bundle_file collected_at collector_name connected duration_ms " + verdict + " local_address message outcome outcome_message proceed ready reason remote_address resolved_addresses status timeout title uri"
		inRetry  = "attempt_timeout attempts consecutive give_up_on max_delay min_delay until"
		endpoint = "address duration_ms message status"
	)
	schemas := newConfigured(t, t.TempDir()).schemas
	checks := map[string]*tfprotov6.SchemaBlock{
		"data source": schemas.DataSourceSchemas["preflight_tcp_connect"].Block, "ephemeral resource": schemas.EphemeralResourceSchemas["preflight_tcp_connect"].Block,
		"action": schemas.ActionSchemas[actionName].Schema.Block,
	}
	for name, of := range checks {
		want := sorted(results)
		if name == "action" {
			want = ""
		}
		for what, got := range map[string][2]string{
			"required": {attributesNamed(of.Attributes, required), "address"},
			"optional": {attributesNamed(of.Attributes, optional), check},
			"computed": {attributesNamed(of.Attributes, computed), want},
			"in retry": {attributesNamed(of.BlockTypes[0].Block.Attributes, optional), inRetry},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s are %q, want %q", name, what, got[0], got[1])
			}
		}
		for _, attribute := range of.Attributes {
			source := checks["data source"].Attributes
			same := source[slices.IndexFunc(source, func(other *tfprotov6.SchemaAttribute) bool { return other.Name == attribute.Name })]
			if attribute.NestedType != nil {
				if got := attributesNamed(attribute.NestedType.Attributes, computed); got != endpoint {
					t.Errorf("%s: %s holds %q, want %q", name, attribute.Name, got, endpoint)
				}
			} else if !attribute.Type.Equal(same.Type) {
				t.Errorf("%s: %s is a %s, want %s", name, attribute.Name, attribute.Type, same.Type)
			}
		}
	}
	analysis := schemas.DataSourceSchemas["preflight_analysis"].Block.Attributes
	for what, got := range map[string][2]string{
		"required": {attributesNamed(analysis, required), "outcomes"},
		"optional": {attributesNamed(analysis, optional), "bundle check_name collector_name exclude max_age missing_nodes reason status strict"},
		"computed": {attributesNamed(analysis, computed), sorted("collected_at " + verdict + " message outcome proceed results status title uri")},
	} {
		if got[0] != got[1] {
			t.Errorf("analysis: %s are %q, want %q", what, got[0], got[1])
		}
	}
	elements := analysis[slices.IndexFunc(analysis, func(other *tfprotov6.SchemaAttribute) bool { return other.Name == "results" })]
	if got, want := attributesNamed(elements.NestedType.Attributes, computed), "collected_at detail matched message node outcome reason status title uri"; got != want {
		t.Errorf("results hold %q, want %q", got, want)
	}
}

func TestEveryKindOfAttributeIsConverted(t *testing.T) {
	t.Parallel()
	attributes := func(required bool) map[string]schema.Attribute {
		const text = "It is described."
		return map[string]schema.Attribute{
			"string":  schema.StringAttribute{Required: required, Optional: !required, MarkdownDescription: text, Validators: []validator.String{notBlankValidator}},
			"bool":    schema.BoolAttribute{Required: required, Optional: !required, MarkdownDescription: text},
			"number":  schema.Int64Attribute{Required: required, Optional: !required, MarkdownDescription: text, Validators: []validator.Int64{int64validator.AtLeast(1)}},
			"list":    schema.ListAttribute{Required: required, Optional: !required, MarkdownDescription: text, ElementType: types.StringType, Validators: []validator.List{listvalidator.NoNullValues()}},
			"map":     schema.MapAttribute{Required: required, Optional: !required, MarkdownDescription: text, ElementType: types.BoolType, Validators: []validator.Map{mapvalidator.NoNullValues()}},
			"dynamic": schema.DynamicAttribute{Required: required, Optional: !required, MarkdownDescription: text, Validators: []validator.Dynamic{outcomesValidator{}}},
		}
	}
	for _, required := range []bool{true, false} {
		given := attributes(required)
		converted := actionAttributes(given)
		for name, attribute := range ephemeralAttributes(given) {
			for face, got := range map[string]faceAttribute{"ephemeral resource": attribute, "action": converted[name]} {
				if got.IsRequired() != required || got.IsOptional() == required || got.GetMarkdownDescription() != "It is described." || !got.GetType().Equal(given[name].GetType()) || !validates(got) && name != "bool" {
					t.Errorf("%s of an %s: %+v", name, face, got)
				}
			}
		}
	}
}

// faceAttribute is what the attributes of every face have.
type faceAttribute interface {
	IsRequired() bool
	IsOptional() bool
	GetMarkdownDescription() string
	GetType() attr.Type
}

func validates(attribute any) bool {
	switch a := attribute.(type) {
	case interface{ StringValidators() []validator.String }:
		return len(a.StringValidators()) == 1
	case interface{ Int64Validators() []validator.Int64 }:
		return len(a.Int64Validators()) == 1
	case interface{ ListValidators() []validator.List }:
		return len(a.ListValidators()) == 1
	case interface{ MapValidators() []validator.Map }:
		return len(a.MapValidators()) == 1
	case interface{ DynamicValidators() []validator.Dynamic }:
		return len(a.DynamicValidators()) == 1
	default:
		return false
	}
}

func sorted(words string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ")
}
