// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/preflight"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/spec"
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
	addressValidator = stringValidator[tcpconnect.Address]{"Invalid Address", "must be " +
		"host:port", tcpconnect.ParseAddress}
	durationValidator = stringValidator[time.Duration]{"Invalid Duration", "must be a duration greater than " +
		"zero", tcpconnect.ParseDuration}
	collectorNameValidator = stringValidator[string]{"Invalid Collector Name", "must be able to name a " +
		"file", parseCollectorName}
	statusValidator   = stringValidator[tcpconnect.Status]{"Invalid Status", "must be a status", tcpconnect.ParseStatus}
	reasonValidator   = stringValidator[tcpconnect.Reason]{"Invalid Reason", "must be a reason", tcpconnect.ParseReason}
	ipFamilyValidator = stringValidator[tcpconnect.Family]{"Invalid IP Family", "must be an IP " +
		"family", tcpconnect.ParseFamily}
	sourceAddressValidator = stringValidator[netip.Addr]{"Invalid Source Address", "must be an IP " +
		"address", tcpconnect.ParseSource}
	controlHostValidator = stringValidator[netip.Addr]{"Invalid Control Host", "must be an IP " +
		"address", parseControlHost}
	bundleFormatValidator = stringValidator[bundle.Format]{"Invalid Bundle Format", "must be a bundle " +
		"format", parseBundleFormat}
	specValidator = stringValidator[spec.Spec]{"Invalid Spec", "must be a Troubleshoot " +
		"spec", preflight.DecodeSpec}
	unsupportedValidator = stringValidator[preflight.Unsupported]{"Invalid Choice", "must be a way to go " +
		"on", preflight.ParseUnsupported}
	archiveValidator   = stringValidator[string]{"Invalid Archive", "must be the path of an archive", parseArchive}
	notBlankValidator  = stringValidator[string]{"Empty Value", "must not be blank", parseNotBlank}
	checkNameValidator = stringValidator[string]{"Invalid Check Name", "must be a text to show", parseCheckName}
)

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
