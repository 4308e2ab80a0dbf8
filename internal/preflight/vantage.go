// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"maps"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// VantagePoints are the vantage points of a provider's configuration.
type VantagePoints struct {
	Configs    []vantage.Config  // those that are wholly known, and so are those to reach them from
	Unknown    map[string]string // the others by name: which argument is not known, such as `ssh.host of ...`
	AreUnknown bool              // there may be more, whose names are not known
}

// UnknownVantagePointError says that a vantage point can't be dialled from yet. It may be known at the apply.
type UnknownVantagePointError struct {
	Name   string
	reason string
}

// Error says what to do.
func (e *UnknownVantagePointError) Error() string {
	return fmt.Sprintf("The vantage point %q can't be dialled from yet, because %s not known. To make the check at "+
		"the apply, set triggers = { id = RESOURCE.id } in it, with the resource that the vantage point depends on.",
		e.Name, e.reason)
}

// Validate returns an error if a target can't be dialled from the vantage point that it names. It is an
// *UnknownVantagePointError if that is not known yet.
func (v VantagePoints) Validate(target tcpconnect.Target) error {
	if target.Via == "" {
		return nil
	}
	if config, exists := v.find(target.Via); exists {
		if config.Resolve.There() {
			return target.ValidateUnresolved()
		}
		return nil
	}
	if argument, isUnknown := v.Unknown[target.Via]; isUnknown {
		return &UnknownVantagePointError{target.Via, argument + " is"}
	}
	if v.AreUnknown {
		return &UnknownVantagePointError{target.Via, "the vantage_point blocks of the provider's configuration are"}
	}
	names := slices.Collect(maps.Keys(v.Unknown))
	for _, config := range v.Configs {
		names = append(names, config.Name)
	}
	slices.Sort(names)
	return vantage.NotConfigured(target.Via, names)
}

// ResolvesNames reports whether a vantage point looks names up itself.
func (v VantagePoints) ResolvesNames(via string) bool {
	config, exists := v.find(via)
	return exists && config.Resolve.There()
}

func (v VantagePoints) find(via string) (vantage.Config, bool) {
	i := slices.IndexFunc(v.Configs, func(config vantage.Config) bool { return config.Name == via })
	if i < 0 {
		return vantage.Config{}, false
	}
	return v.Configs[i], true
}
