// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"strings"
	"testing"

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
	for name, schema := range checks {
		want := sorted(results)
		if name == "action" {
			want = ""
		}
		for what, got := range map[string][2]string{
			"required": {attributesNamed(schema.Attributes, required), "address"},
			"optional": {attributesNamed(schema.Attributes, optional), check},
			"computed": {attributesNamed(schema.Attributes, computed), want},
			"in retry": {attributesNamed(schema.BlockTypes[0].Block.Attributes, optional), inRetry},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s are %q, want %q", name, what, got[0], got[1])
			}
		}
		for _, attribute := range schema.Attributes {
			source := checks["data source"].Attributes
			same := source[slices.IndexFunc(source, func(of *tfprotov6.SchemaAttribute) bool { return of.Name == attribute.Name })]
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
	elements := analysis[slices.IndexFunc(analysis, func(of *tfprotov6.SchemaAttribute) bool { return of.Name == "results" })]
	if got, want := attributesNamed(elements.NestedType.Attributes, computed), "collected_at detail matched message node outcome reason status title uri"; got != want {
		t.Errorf("results hold %q, want %q", got, want)
	}
}

func sorted(words string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Fields(words))), " ")
}
