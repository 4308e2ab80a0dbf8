// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Tests that drive the provider over the plugin protocol take milliseconds. Tests with Terraform take seconds.

// configured is a provider server after its configuration.
type configured struct {
	*Server
	schemas *tfprotov6.GetProviderSchemaResponse
}

func newConfigured(t *testing.T, bundleDir string) configured {
	t.Helper()
	return newConfiguredWith(t, map[string]any{"bundle_dir": bundleDir})
}

func newConfiguredWith(t *testing.T, arguments map[string]any) configured {
	t.Helper()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.ConfigureProvider(t.Context(),
		&tfprotov6.ConfigureProviderRequest{Config: objectOf(t, schemas.Provider, arguments)})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatal(err, texts(resp.Diagnostics))
	}
	return configured{server, schemas}
}

// The data sources and the ephemeral resource of these tests.
const (
	dataTCPConnect      = "data preflight_tcp_connect"
	dataAnalysis        = "data preflight_analysis"
	dataSpec            = "data preflight_spec"
	dataEndpoints       = "data preflight_endpoints"
	ephemeralTCPConnect = "ephemeral preflight_tcp_connect"
	ephemeralEndpoints  = "ephemeral preflight_endpoints"
	ephemeralSpec       = "ephemeral preflight_spec"
)

// ephemeralOf returns the type of an ephemeral resource, and whether it is one.
func ephemeralOf(kind string) (typeName string, isEphemeral bool) {
	return strings.CutPrefix(kind, "ephemeral ")
}

func (c configured) schemaOf(kind string) *tfprotov6.Schema {
	if typeName, isEphemeral := ephemeralOf(kind); isEphemeral {
		return c.schemas.EphemeralResourceSchemas[typeName]
	}
	return c.schemas.DataSourceSchemas[strings.TrimPrefix(kind, "data ")]
}

// validate returns the diagnostics of the validation of arguments, which are JSON.
func (c configured) validate(t *testing.T, kind, arguments string) []*tfprotov6.Diagnostic {
	t.Helper()
	config := objectOf(t, c.schemaOf(kind), argumentsOf(t, arguments))
	if typeName, isEphemeral := ephemeralOf(kind); isEphemeral {
		resp, err := c.ValidateEphemeralResourceConfig(t.Context(),
			&tfprotov6.ValidateEphemeralResourceConfigRequest{TypeName: typeName, Config: config})
		if err != nil {
			t.Fatal(err)
		}
		return resp.Diagnostics
	}
	resp, err := c.ValidateDataResourceConfig(t.Context(),
		&tfprotov6.ValidateDataResourceConfigRequest{TypeName: strings.TrimPrefix(kind, "data "), Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

// read returns the attributes, nil if there are none, and the diagnostics.
func (c configured) read(t *testing.T, kind, arguments string) (map[string]any, []*tfprotov6.Diagnostic) {
	t.Helper()
	schema := c.schemaOf(kind)
	config := objectOf(t, schema, argumentsOf(t, arguments))
	if typeName, isEphemeral := ephemeralOf(kind); isEphemeral {
		resp, err := c.OpenEphemeralResource(t.Context(),
			&tfprotov6.OpenEphemeralResourceRequest{TypeName: typeName, Config: config})
		if err != nil {
			t.Fatal(err)
		}
		return attributesOfState(t, schema, resp.Result), resp.Diagnostics
	}
	resp, err := c.ReadDataSource(t.Context(),
		&tfprotov6.ReadDataSourceRequest{TypeName: strings.TrimPrefix(kind, "data "), Config: config})
	if err != nil {
		t.Fatal(err)
	}
	return attributesOfState(t, schema, resp.State), resp.Diagnostics
}

func attributesOfState(t *testing.T, schema *tfprotov6.Schema, state *tfprotov6.DynamicValue) map[string]any {
	t.Helper()
	if state == nil {
		return nil
	}
	value, err := state.Unmarshal(schema.ValueType())
	if err != nil {
		t.Fatal(err)
	}
	attributes, _ := goValue(t, value).(map[string]any)
	return attributes
}

// expectAttributes compares the attributes in want, and no others.
func expectAttributes(t *testing.T, got, want map[string]any) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, exists := got[name]; !exists || !reflect.DeepEqual(value, want[name]) {
			t.Errorf("%s is %#v, want %#v", name, value, want[name])
		}
	}
}

// unknown in arguments means a value that is not known yet.
const unknown = "<unknown>"

func argumentsOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var arguments map[string]any
	if err := json.Unmarshal([]byte(text), &arguments); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return arguments
}

// objectOf makes a configuration. Arguments that are not given are null.
func objectOf(t *testing.T, schema *tfprotov6.Schema, given map[string]any) *tfprotov6.DynamicValue {
	t.Helper()
	objectType := schema.ValueType().(tftypes.Object)
	for name := range given {
		if _, exists := objectType.AttributeTypes[name]; !exists {
			t.Fatalf("there is no argument %q", name)
		}
	}
	value, err := tfprotov6.NewDynamicValue(objectType, valueOf(objectType, given))
	if err != nil {
		t.Fatal(err)
	}
	return &value
}

// valueOf makes a value of a type from maps, slices, texts, numbers, booleans and values of Terraform.
func valueOf(wanted tftypes.Type, given any) tftypes.Value {
	switch value := given.(type) {
	case tftypes.Value:
		return value
	case nil:
		return tftypes.NewValue(wanted, nil)
	case string:
		if value == unknown {
			return tftypes.NewValue(wanted, tftypes.UnknownValue)
		}
	}
	switch of := wanted.(type) {
	case tftypes.Object:
		values := make(map[string]tftypes.Value, len(of.AttributeTypes))
		for name, attribute := range of.AttributeTypes {
			values[name] = valueOf(attribute, given.(map[string]any)[name])
		}
		return tftypes.NewValue(of, values)
	case tftypes.List:
		values := make([]tftypes.Value, 0)
		for _, element := range given.([]any) {
			values = append(values, valueOf(of.ElementType, element))
		}
		return tftypes.NewValue(of, values)
	case tftypes.Map:
		values := make(map[string]tftypes.Value)
		for key, element := range given.(map[string]any) {
			values[key] = valueOf(of.ElementType, element)
		}
		return tftypes.NewValue(of, values)
	}
	if wanted.Is(tftypes.DynamicPseudoType) {
		return literal(given)
	}
	return tftypes.NewValue(wanted, given)
}

// literal makes a value of the type that Terraform gives to a literal.
func literal(given any) tftypes.Value {
	switch value := given.(type) {
	case string:
		return valueOf(tftypes.String, value)
	case bool:
		return valueOf(tftypes.Bool, value)
	case float64:
		return valueOf(tftypes.Number, value)
	case []any:
		elements, elementTypes := []tftypes.Value{}, []tftypes.Type{}
		for _, element := range value {
			elements = append(elements, valueOf(tftypes.DynamicPseudoType, element))
			elementTypes = append(elementTypes, elements[len(elements)-1].Type())
		}
		return tftypes.NewValue(tftypes.Tuple{ElementTypes: elementTypes}, elements)
	case map[string]any:
		attributes, attributeTypes := map[string]tftypes.Value{}, map[string]tftypes.Type{}
		for name, attribute := range value {
			attributes[name] = valueOf(tftypes.DynamicPseudoType, attribute)
			attributeTypes[name] = attributes[name].Type()
		}
		return tftypes.NewValue(tftypes.Object{AttributeTypes: attributeTypes}, attributes)
	default:
		panic(fmt.Sprintf("no literal is a %T", given))
	}
}

// goValue converts a value to the Go value that encoding/json would decode it to.
func goValue(t *testing.T, value tftypes.Value) any {
	t.Helper()
	if !value.IsKnown() {
		return unknown
	}
	if value.IsNull() {
		return nil
	}
	var target any
	switch {
	case value.Type().Is(tftypes.String):
		target = new(string)
	case value.Type().Is(tftypes.Bool):
		target = new(bool)
	case value.Type().Is(tftypes.Number):
		target = new(big.Float)
	case value.Type().Is(tftypes.Object{}), value.Type().Is(tftypes.Map{}):
		target = &map[string]tftypes.Value{}
	default:
		target = &[]tftypes.Value{}
	}
	if err := value.As(target); err != nil {
		t.Fatal(err)
	}
	switch target := target.(type) {
	case *string:
		return *target
	case *bool:
		return *target
	case *big.Float:
		number, _ := target.Float64()
		return number
	case *map[string]tftypes.Value:
		attributes := make(map[string]any)
		for name, attribute := range *target {
			attributes[name] = goValue(t, attribute)
		}
		return attributes
	case *[]tftypes.Value:
		elements := []any{}
		for _, element := range *target {
			elements = append(elements, goValue(t, element))
		}
		return elements
	}
	return nil
}
