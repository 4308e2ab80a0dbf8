// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-validators/boolvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
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

func TestEveryFormOfTheCheckHasAllItsAttributes(t *testing.T) {
	t.Parallel()
	const (
		verdict = "is_fail is_pass is_warn matched"
		check   = "all_addresses check_name collector_name exclude ip_family outcomes source_address " +
			"strict timeout triggers via"
		results = verdict + " addresses attempts bundle_dir bundle_file collected_at collector_name connected " +
			"duration_ms explanation local_address message outcome outcome_message proceed ready reason " +
			"remote_address resolved_addresses status timeout title uri"
		inRetry  = "attempt_timeout attempts consecutive give_up_on max_delay min_delay until"
		endpoint = "address duration_ms message status"
	)
	schemas := newConfigured(t, t.TempDir()).schemas
	checks := map[string]*tfprotov6.SchemaBlock{
		"data source":        schemas.DataSourceSchemas["preflight_tcp_connect"].Block,
		"ephemeral resource": schemas.EphemeralResourceSchemas["preflight_tcp_connect"].Block,
		"action":             schemas.ActionSchemas[actionName].Schema.Block,
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
			same := source[slices.IndexFunc(source, func(other *tfprotov6.SchemaAttribute) bool {
				return other.Name == attribute.Name
			})]
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
		"optional": {
			attributesNamed(analysis, optional),
			"bundle check_name collector_name exclude max_age missing_nodes reason status strict",
		},
		"computed": {
			attributesNamed(analysis, computed),
			sorted("collected_at explanation " + verdict + " message outcome proceed results status title uri"),
		},
	} {
		if got[0] != got[1] {
			t.Errorf("analysis: %s are %q, want %q", what, got[0], got[1])
		}
	}
	elements := analysis[slices.IndexFunc(analysis, func(other *tfprotov6.SchemaAttribute) bool {
		return other.Name == "results"
	})]
	const want = "collected_at detail explanation matched message node outcome reason status title uri"
	if got := attributesNamed(elements.NestedType.Attributes, computed); got != want {
		t.Errorf("results hold %q, want %q", got, want)
	}
}

// fullAttributes are attributes of every kind that a check has, with a value in every field that all forms have.
func fullAttributes() map[string]schema.Attribute {
	const text, plain, deprecated = "It is *described*.", "It is described.", "Use another."
	return map[string]schema.Attribute{
		"string": schema.StringAttribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.StringType{},
			Validators:          []validator.String{notBlankValidator},
		},
		"bool": schema.BoolAttribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.BoolType{},
			Validators:          []validator.Bool{boolvalidator.All()},
		},
		"number": schema.Int64Attribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.Int64Type{},
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"list": schema.ListAttribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.ListType{ElemType: types.StringType},
			ElementType:         types.StringType,
			Validators:          []validator.List{listvalidator.NoNullValues()},
		},
		"map": schema.MapAttribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.MapType{ElemType: types.BoolType},
			ElementType:         types.BoolType,
			Validators:          []validator.Map{mapvalidator.NoNullValues()},
		},
		"dynamic": schema.DynamicAttribute{
			Required:            true,
			Optional:            true,
			MarkdownDescription: text,
			Description:         plain,
			DeprecationMessage:  deprecated,
			CustomType:          basetypes.DynamicType{},
			Validators:          []validator.Dynamic{outcomesValidator{}},
		},
	}
}

// expectSameFields compares every field of one struct with the field of that name of another.
func expectSameFields(t *testing.T, what string, source, converted any, without ...string) {
	t.Helper()
	from, to := reflect.ValueOf(source), reflect.ValueOf(converted)
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		got, want := to.FieldByName(name), from.Field(i)
		if slices.Contains(without, name) || !got.IsValid() && want.IsZero() {
			continue
		}
		if !got.IsValid() || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %s is %v, want %v", what, name, got, want)
		}
	}
}

func TestEveryFieldOfEveryAttributeIsConverted(t *testing.T) {
	t.Parallel()
	given := fullAttributes()
	for name, attribute := range given {
		for _, field := range []string{
			"Required",
			"Optional",
			"Description",
			"DeprecationMessage",
			"CustomType",
			"Validators",
		} {
			if reflect.ValueOf(attribute).FieldByName(field).IsZero() {
				t.Errorf("%s of %s has no value to compare", field, name)
			}
		}
		expectSameFields(t, name+" of an ephemeral resource", attribute, ephemeralAttributes(given)[name])
		expectSameFields(t, name+" of an action", attribute, actionAttributes(given)[name])
	}
	for name, attribute := range checkAttributes("") {
		if _, isNested := attribute.(schema.ListNestedAttribute); !isNested {
			expectSameFields(t, name, attribute, ephemeralAttribute(attribute))
		}
	}
	block, nested := retryBlock(), checkAttributes("")["addresses"].(schema.ListNestedAttribute)
	expectSameFields(t, "block of an ephemeral resource", block, ephemeralBlock(block), "Attributes")
	expectSameFields(t, "block of an action", block, actionBlock(block), "Attributes")
	converted := ephemeralAttribute(nested).(ephemeralschema.ListNestedAttribute)
	expectSameFields(t, "addresses", nested, converted, "NestedObject")
	if got, want := len(converted.NestedObject.Attributes), len(nested.NestedObject.Attributes); got != want {
		t.Errorf("an element of addresses has %d attributes, want %d", got, want)
	}
}

func TestUnsupportedFieldOfAnAttributeIsNotDropped(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an attribute of an action cannot be sensitive, but there was no panic")
		}
	}()
	actionAttribute(schema.StringAttribute{Optional: true, Sensitive: true})
}

func sorted(words string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ")
}
