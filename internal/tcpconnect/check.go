// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"net/netip"
	"time"
)

// Check is an address and how it is dialled.
type Check struct {
	Target  Target
	Timeout time.Duration // of name resolution and all dials together; greater than zero
	Retry   *Retry        // nil: one dial
}

// Target is what a check dials, and the address it dials from.
type Target struct {
	Address      Address
	Family       Family     // zero: both
	Source       netip.Addr // zero: the system's choice
	AllAddresses bool       // dial every address of the name, and return the worst status
	Via          string     // name of the vantage point to dial from; empty: this machine
}

// Equal reports whether two checks make the same dials.
func (c Check) Equal(other Check) bool {
	return c.Target == other.Target && c.Timeout == other.Timeout && c.Retry.equal(other.Retry)
}

// String describes the check with the names of the arguments in a configuration.
func (c Check) String() string {
	text := fmt.Sprintf("%s (timeout %s", c.Target.Address, c.Timeout)
	if c.Target.Family != "" {
		text += fmt.Sprintf(", ip_family %s", c.Target.Family)
	}
	if c.Target.Source.IsValid() {
		text += fmt.Sprintf(", source_address %s", c.Target.Source)
	}
	if c.Target.AllAddresses {
		text += ", all_addresses"
	}
	if c.Target.Via != "" {
		text += ", via " + c.Target.Via
	}
	if c.Retry != nil {
		text += fmt.Sprintf(", retry { %s }", c.Retry)
	}
	return text + ")"
}

// Validate returns an error if no dial of the target can succeed, because its address, source and family contradict
// each other.
func (t Target) Validate() error {
	ip, isIP := t.Address.ip()
	switch {
	case t.Source.IsValid() && !t.Family.holds(t.Source):
		return fmt.Errorf("The source address %s is not of the IP family %q.", t.Source, t.Family)
	case t.Source.IsValid() && t.Via != "":
		return fmt.Errorf("source_address is an address of this machine, but the vantage point %q dials. Leave one of "+
			"source_address and via out.", t.Via)
	case isIP && !t.Family.holds(ip):
		return fmt.Errorf("The address %s is not of the IP family %q.", t.Address, t.Family)
	case isIP && !t.family().holds(ip):
		return fmt.Errorf("The source address %s and the address %s are of different IP families.", t.Source, t.Address)
	default:
		return nil
	}
}

// family returns the family to dial: a source address reaches only addresses of its own family.
func (t Target) family() Family {
	switch {
	case !t.Source.IsValid():
		return t.Family
	case t.Source.Is4():
		return IPv4
	default:
		return IPv6
	}
}
