// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"

	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	ephemeralschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
)

// The framework has a schema package for each kind of thing. The check is described once, in the data source's, and these functions
// say the same in the others. A kind of attribute that they do not know is a mistake of ours that every test meets.

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
		return ephemeralschema.ListNestedAttribute{
			Computed: a.Computed, MarkdownDescription: a.MarkdownDescription,
			NestedObject: ephemeralschema.NestedAttributeObject{Attributes: ephemeralAttributes(a.NestedObject.Attributes)},
		}
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
	switch a := attribute.(type) {
	case schema.StringAttribute:
		return actionschema.StringAttribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators}
	case schema.BoolAttribute:
		return actionschema.BoolAttribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators}
	case schema.Int64Attribute:
		return actionschema.Int64Attribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators}
	case schema.ListAttribute:
		return actionschema.ListAttribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators, ElementType: a.ElementType}
	case schema.MapAttribute:
		return actionschema.MapAttribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators, ElementType: a.ElementType}
	case schema.DynamicAttribute:
		return actionschema.DynamicAttribute{Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators}
	default:
		panic(fmt.Sprintf("no action attribute for %T", attribute))
	}
}

func ephemeralBlock(block schema.SingleNestedBlock) ephemeralschema.Block {
	return ephemeralschema.SingleNestedBlock{MarkdownDescription: block.MarkdownDescription, Attributes: ephemeralAttributes(block.Attributes)}
}

func actionBlock(block schema.SingleNestedBlock) actionschema.Block {
	return actionschema.SingleNestedBlock{MarkdownDescription: block.MarkdownDescription, Attributes: actionAttributes(block.Attributes)}
}

// join makes one set of attributes of several.
func join(sets ...map[string]schema.Attribute) map[string]schema.Attribute {
	joined := make(map[string]schema.Attribute)
	for _, set := range sets {
		maps.Copy(joined, set)
	}
	return joined
}
