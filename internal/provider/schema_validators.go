// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// stringValidator validates a string argument with the function that parses it when it is used, so that both say the
// same.
type stringValidator[T any] struct {
	summary     string
	description string
	parse       func(string) (T, error)
}

var (
	addressValidator       = validate("Invalid Address", "must be host:port", tcpconnect.ParseAddress)
	durationValidator      = validate("Invalid Duration", "must be a positive duration", tcpconnect.ParseDuration)
	collectorNameValidator = validate("Invalid Collector Name", "must be able to name a file", parseCollectorName)
	statusValidator        = validate("Invalid Status", "must be a status", tcpconnect.ParseStatus)
	reasonValidator        = validate("Invalid Reason", "must be a reason", tcpconnect.ParseReason)
	ipFamilyValidator      = validate("Invalid IP Family", "must be an IP family", tcpconnect.ParseFamily)
	sourceAddressValidator = validate("Invalid Source Address", "must be an IP address", tcpconnect.ParseSource)
	controlHostValidator   = validate("Invalid Control Host", "must be an IP address", parseControlHost)
	bundleFormatValidator  = validate("Invalid Bundle Format", "must be a bundle format", parseBundleFormat)
	specValidator          = validate("Invalid Spec", "must be a Troubleshoot spec", preflight.DecodeSpec)
	unsupportedValidator   = validate("Invalid Choice", "must be a way to go on", preflight.ParseUnsupported)
	archiveValidator       = validate("Invalid Archive", "must be the path of an archive", parseArchive)
	notBlankValidator      = validate("Empty Value", "must not be blank", parseNotBlank)
	checkNameValidator     = validate("Invalid Check Name", "must be a text to show", parseCheckName)
)

// validate returns the validator of a function that parses.
func validate[T any](summary, description string, parse func(string) (T, error)) stringValidator[T] {
	return stringValidator[T]{summary, description, parse}
}

const durationForm = "A duration such as `500ms`, `10s` or `1m30s`."

func parseCollectorName(text string) (string, error) {
	return text, bundle.ValidateCollectorName(text)
}

func parseArchive(text string) (string, error) {
	return text, bundle.ValidateArchivePath(text)
}

func parseBundleFormat(text string) (bundle.Format, error) {
	return suggest.Choose(text, "is not a bundle format", bundle.Formats())
}

func parseCheckName(text string) (string, error) {
	if err := tcpconnect.ValidateText(text); err != nil {
		return "", err
	}
	return parseNotBlank(text)
}

func parseControlHost(text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Unmap().WithZone("").IsUnspecified() {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address of a host. Write an address at which nothing "+
			"listens, without a port, for example \"192.0.2.1\".", text)
	}
	return ip.Unmap(), nil
}

func parseNotBlank(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", errors.New("The value is blank. Write a text, or leave it out.")
	}
	return text, nil
}

// value returns what a known argument means, or adds an error on its attribute.
func (c stringValidator[T]) value(at path.Path, text types.String, diags *diag.Diagnostics) T {
	value, err := c.parse(text.ValueString())
	if err != nil {
		diags.AddAttributeError(at, c.summary, err.Error())
	}
	return value
}

// ValidateString adds an error on the attribute if its value is known and wrong.
func (c stringValidator[T]) ValidateString(
	_ context.Context, req validator.StringRequest, resp *validator.StringResponse,
) {
	if !req.ConfigValue.IsNull() && !req.ConfigValue.IsUnknown() {
		c.value(req.Path, req.ConfigValue, &resp.Diagnostics)
	}
}

// Description says in short what is checked.
func (c stringValidator[T]) Description(context.Context) string { return c.description }

// MarkdownDescription says in short what is checked.
func (c stringValidator[T]) MarkdownDescription(context.Context) string { return c.description }
