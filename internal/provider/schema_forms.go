// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"reflect"
	"slices"

	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
)

// The framework has a schema package for each form of a check. The check is described once, as a data source, and these
// functions say the same for the other forms. They panic if a form cannot say it.

func ephemeralAttributes(attributes map[string]schema.Attribute) map[string]ephemeralschema.Attribute {
	converted := make(map[string]ephemeralschema.Attribute, len(attributes))
	for name, attribute := range attributes {
		converted[name] = ephemeralAttribute(attribute)
	}
	return converted
}

func ephemeralAttribute(attribute schema.Attribute) ephemeralschema.Attribute {
	switch a := attribute.(type) {
	case schema.StringAttribute:
		return ephemeralschema.StringAttribute(a)
	case schema.BoolAttribute:
		return ephemeralschema.BoolAttribute(a)
	case schema.Int64Attribute:
		return ephemeralschema.Int64Attribute(a)
	case schema.Float64Attribute:
		return ephemeralschema.Float64Attribute(a)
	case schema.ListAttribute:
		return ephemeralschema.ListAttribute(a)
	case schema.MapAttribute:
		return ephemeralschema.MapAttribute(a)
	case schema.DynamicAttribute:
		return ephemeralschema.DynamicAttribute(a)
	case schema.ListNestedAttribute:
		converted := convert[ephemeralschema.ListNestedAttribute](a, "NestedObject")
		converted.NestedObject = convert[ephemeralschema.NestedAttributeObject](a.NestedObject, "Attributes")
		converted.NestedObject.Attributes = ephemeralAttributes(a.NestedObject.Attributes)
		return converted
	case schema.MapNestedAttribute:
		converted := convert[ephemeralschema.MapNestedAttribute](a, "NestedObject")
		converted.NestedObject = convert[ephemeralschema.NestedAttributeObject](a.NestedObject, "Attributes")
		converted.NestedObject.Attributes = ephemeralAttributes(a.NestedObject.Attributes)
		return converted
	default:
		panic(fmt.Sprintf("no ephemeral attribute for %T", attribute))
	}
}

// actionAttributes leaves out what is only a result: an action has none.
func actionAttributes(attributes map[string]schema.Attribute) map[string]actionschema.Attribute {
	converted := make(map[string]actionschema.Attribute, len(attributes))
	for name, attribute := range attributes {
		if attribute.IsRequired() || attribute.IsOptional() {
			converted[name] = actionAttribute(attribute)
		}
	}
	return converted
}

func actionAttribute(attribute schema.Attribute) actionschema.Attribute {
	const result = "Computed"
	switch attribute.(type) {
	case schema.StringAttribute:
		return convert[actionschema.StringAttribute](attribute, result)
	case schema.BoolAttribute:
		return convert[actionschema.BoolAttribute](attribute, result)
	case schema.Int64Attribute:
		return convert[actionschema.Int64Attribute](attribute, result)
	case schema.ListAttribute:
		return convert[actionschema.ListAttribute](attribute, result)
	case schema.MapAttribute:
		return convert[actionschema.MapAttribute](attribute, result)
	case schema.DynamicAttribute:
		return convert[actionschema.DynamicAttribute](attribute, result)
	default:
		panic(fmt.Sprintf("no action attribute for %T", attribute))
	}
}

func ephemeralBlock(block schema.SingleNestedBlock) ephemeralschema.Block {
	converted := convert[ephemeralschema.SingleNestedBlock](block, "Attributes")
	converted.Attributes = ephemeralAttributes(block.Attributes)
	return converted
}

func actionBlock(block schema.SingleNestedBlock) actionschema.Block {
	converted := convert[actionschema.SingleNestedBlock](block, "Attributes")
	converted.Attributes = actionAttributes(block.Attributes)
	return converted
}

// convert returns a struct whose fields are those of another one, but for those left out. It panics if a field that is
// set does not exist there or has another type: what it says would be lost.
func convert[To any](from any, without ...string) To {
	var to To
	source, target := reflect.ValueOf(from), reflect.ValueOf(&to).Elem()
	for i := range source.NumField() {
		if name := source.Type().Field(i).Name; !source.Field(i).IsZero() && !slices.Contains(without, name) {
			target.FieldByName(name).Set(source.Field(i))
		}
	}
	return to
}
