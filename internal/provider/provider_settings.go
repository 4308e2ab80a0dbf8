// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// setting is an argument of the provider that the environment can give too.
type setting struct {
	attribute    string
	defaultValue string
}

var (
	bundleDirSetting    = setting{"bundle_dir", "support-bundle"}
	bundleFormatSetting = setting{"bundle_format", string(bundle.FormatStatus)}
	emitBundleSetting   = setting{"emit_bundle", "true"}
	timeoutSetting      = setting{"timeout", "10s"}
	controlHostSetting  = setting{"control_host", ""}
	reportsSetting      = setting{"reports", ""}
)

func (s setting) variable() string {
	return "PREFLIGHT_" + strings.ToUpper(s.attribute)
}

func (s setting) describe() string {
	if s.defaultValue == "" {
		return fmt.Sprintf("If omitted, the environment variable `%s` sets it. If that is unset too, there is none.",
			s.variable())
	}
	return fmt.Sprintf("Defaults to the environment variable `%s`, or to `%s`.", s.variable(), s.defaultValue)
}

// resolve returns the value of a setting: configuration wins over environment, environment over default. Data sources
// may be read while an argument is still unknown, so that is an error and never the default.
func resolve[T any](s setting, configured attr.Value, parse func(string) (T, error), diags *diag.Diagnostics) T {
	var zero T
	if configured.IsUnknown() {
		diags.AddAttributeError(path.Root(s.attribute), "Unknown Provider Argument",
			fmt.Sprintf("%q is not known yet, but checks may be made before it is. Use a value that is known while "+
				"planning: a literal, a variable, or the environment variable %s.", s.attribute, s.variable()))
		return zero
	}
	if !configured.IsNull() {
		value, err := parse(textOf(configured))
		if err != nil {
			diags.AddAttributeError(path.Root(s.attribute), "Invalid Provider Argument", err.Error())
		}
		return value
	}
	text := os.Getenv(s.variable())
	if text == "" {
		text = s.defaultValue
	}
	if text == "" {
		return zero
	}
	value, err := parse(text)
	if err != nil {
		diags.AddError("Invalid Environment Variable", fmt.Sprintf("%s: %s", s.variable(), err))
	}
	return value
}

// textOf returns the value of an argument as the environment would give it.
func textOf(value attr.Value) string {
	switch value := value.(type) {
	case types.Bool:
		return strconv.FormatBool(value.ValueBool())
	case types.Set:
		words := make([]string, len(value.Elements()))
		for i, element := range value.Elements() {
			words[i] = element.(types.String).ValueString()
		}
		return strings.Join(words, ",")
	default:
		return value.(types.String).ValueString()
	}
}

func parseBool(text string) (bool, error) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		err = suggest.NotOneOf(text, "is neither true nor false", []string{"true", "false"})
	}
	return value, err
}
