// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Command schemajson prints the provider's schemas as `terraform providers schema -json` does, for the generation of
// docs/. It exists because Terraform leaves out actions before 1.14, and tfplugindocs can only use the Terraform on the
// PATH or download another one.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/provider"
)

// The documented format: https://developer.hashicorp.com/terraform/cli/commands/providers/schema
type (
	object map[string]any

	schemaJSON struct {
		Version int64     `json:"version"`
		Block   blockJSON `json:"block"`
	}

	blockJSON struct {
		Attributes      map[string]attributeJSON `json:"attributes,omitempty"`
		BlockTypes      map[string]object        `json:"block_types,omitempty"`
		Description     string                   `json:"description,omitempty"`
		DescriptionKind string                   `json:"description_kind,omitempty"`
	}

	attributeJSON struct {
		Type            any    `json:"type,omitempty"`
		NestedType      object `json:"nested_type,omitempty"`
		Description     string `json:"description,omitempty"`
		DescriptionKind string `json:"description_kind,omitempty"`
		Required        bool   `json:"required,omitempty"`
		Optional        bool   `json:"optional,omitempty"`
		Computed        bool   `json:"computed,omitempty"`
	}
)

func main() {
	server := providerserver.NewProtocol6(provider.New("dev")())()
	schemas, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		log.Fatal(err)
	}
	actions := make(map[string]schemaJSON)
	for name, action := range schemas.ActionSchemas {
		actions[name] = convert(action.Schema)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(object{
		"format_version": "1.0",
		"provider_schemas": object{"preflight": object{
			"provider":                   convert(schemas.Provider),
			"data_source_schemas":        convertAll(schemas.DataSourceSchemas),
			"ephemeral_resource_schemas": convertAll(schemas.EphemeralResourceSchemas),
			"action_schemas":             actions,
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
}

func convertAll(schemas map[string]*tfprotov6.Schema) map[string]schemaJSON {
	converted := make(map[string]schemaJSON, len(schemas))
	for name, schema := range schemas {
		converted[name] = convert(schema)
	}
	return converted
}

func convert(schema *tfprotov6.Schema) schemaJSON {
	return schemaJSON{Version: schema.Version, Block: convertBlock(schema.Block)}
}

func convertBlock(block *tfprotov6.SchemaBlock) blockJSON {
	converted := blockJSON{
		Attributes:      convertAttributes(block.Attributes),
		BlockTypes:      make(map[string]object),
		Description:     block.Description,
		DescriptionKind: strings.ToLower(block.DescriptionKind.String()),
	}
	for _, nested := range block.BlockTypes {
		converted.BlockTypes[nested.TypeName] = object{
			"nesting_mode": strings.ToLower(nested.Nesting.String()),
			"block":        convertBlock(nested.Block),
		}
	}
	return converted
}

func convertAttributes(attributes []*tfprotov6.SchemaAttribute) map[string]attributeJSON {
	converted := make(map[string]attributeJSON, len(attributes))
	for _, attribute := range attributes {
		result := attributeJSON{
			Description:     attribute.Description,
			DescriptionKind: strings.ToLower(attribute.DescriptionKind.String()),
			Required:        attribute.Required,
			Optional:        attribute.Optional,
			Computed:        attribute.Computed,
		}
		if nested := attribute.NestedType; nested != nil {
			result.NestedType = object{
				"attributes":   convertAttributes(nested.Attributes),
				"nesting_mode": strings.ToLower(nested.Nesting.String()),
			}
		} else {
			result.Type = attribute.Type
		}
		converted[attribute.Name] = result
	}
	return converted
}
