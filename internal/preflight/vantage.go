// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// VantagePoints are the vantage points of a configuration. The zero value has none.
type VantagePoints struct {
	Configs    []vantage.Config  // that are wholly known, and valid
	Unknown    map[string]string // an argument that is not known yet, by name of the vantage point
	AreUnknown bool              // there may be more
}

// openVantagePoints makes the vantage points that are known. None is connected to yet.
func (r *Run) openVantagePoints() {
	known, unknown := r.VantagePoints.split()
	r.unknownPoints = unknown
	if r.points, r.pointsErr = vantage.New(known); r.pointsErr == nil && len(r.points) > 0 {
		r.Collector.VantagePoints = r.points.Map()
	}
}

// split returns the vantage points that are known with all that they are behind, and what is not known of the others.
func (v VantagePoints) split() (known []vantage.Config, unknown map[string]string) {
	known, unknown = slices.Clone(v.Configs), maps.Clone(v.Unknown)
	for {
		behind := func(config vantage.Config) bool { return unknown[config.Via] != "" }
		i := slices.IndexFunc(known, behind)
		if i < 0 {
			return known, unknown
		}
		unknown[known[i].Name] = fmt.Sprintf("via (%s of %q)", unknown[known[i].Via], known[i].Via)
		known = slices.Delete(known, i, i+1)
	}
}

// ValidateVia returns an error, a *tcpconnect.VantagePointError, if checks can't be made because of their vantage
// points, without asking these.
func (r *Run) ValidateVia(checks ...Check) error {
	for _, check := range checks {
		err := r.validateVia(check.Target)
		if _, isWhole := errors.AsType[*tcpconnect.VantagePointError](err); isWhole {
			return err
		}
		if err != nil {
			return &tcpconnect.VantagePointError{Name: check.Target.Via, Err: err}
		}
	}
	return nil
}

func (r *Run) validateVia(target tcpconnect.Target) error {
	const later = "To put the check off until then, set triggers = { id = RESOURCE.id } in the check, with the " +
		"resource that makes the value, or use values that are known while planning."
	if target.Via == "" {
		return nil
	}
	argument := r.unknownPoints[target.Via]
	point := r.points[target.Via]
	switch {
	case r.pointsErr != nil:
		return r.pointsErr
	case argument != "":
		return fmt.Errorf("Its argument %s is not known yet. %s", argument, later)
	case point == nil && r.VantagePoints.AreUnknown:
		return errors.New("The vantage points of the provider's configuration are not known yet. " + later)
	case point == nil:
		return r.noVantagePoint(target.Via)
	case point.ResolvesNames():
		return target.ValidateResolvedThere()
	default:
		return nil
	}
}

func (r *Run) noVantagePoint(name string) error {
	names := slices.Sorted(maps.Keys(r.points))
	names = append(names, slices.Sorted(maps.Keys(r.unknownPoints))...)
	if len(names) == 0 {
		return errors.New("The provider's configuration has no vantage_point block. Add one with that name, or leave " +
			"via out to dial from this machine.")
	}
	return fmt.Errorf("The provider's configuration has no vantage_point of that name. Use one of %s, or %q for this "+
		"machine.%s", suggest.List(names), vantage.Here, suggest.Question(name, names))
}

// ValidateExcludedVia is ValidateVia for checks that are not made: their vantage points need not be known yet.
func (r *Run) ValidateExcludedVia(checks ...Check) error {
	return r.ValidateVia(slices.DeleteFunc(slices.Clone(checks), func(check Check) bool {
		via := check.Target.Via
		return r.unknownPoints[via] != "" || r.points[via] == nil && r.VantagePoints.AreUnknown
	})...)
}

// ResolvesNames reports whether a vantage point resolves names itself, so that their addresses are not known.
func (r *Run) ResolvesNames(via string) bool {
	point := r.points[via]
	return point != nil && point.ResolvesNames()
}
