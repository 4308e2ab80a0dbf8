// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Family limits a dial to one version of the Internet Protocol.
type Family string

// The families. The zero value means AnyFamily.
const (
	AnyFamily Family = "any"
	IPv4      Family = "ipv4"
	IPv6      Family = "ipv6"
)

// Families returns all families, the default first.
func Families() []Family {
	return []Family{AnyFamily, IPv4, IPv6}
}

// ParseFamily returns the family that text names. The error lists the families and the nearest one.
func ParseFamily(text string) (Family, error) {
	if family := Family(text); slices.Contains(Families(), family) {
		return family, nil
	}
	return "", notOneOf(text, "is not an IP family", Families(), suggest.Question(text, Families()))
}

// holds reports whether an address is of the family.
func (f Family) holds(ip netip.Addr) bool {
	switch f {
	case IPv4:
		return ip.Unmap().Is4()
	case IPv6:
		return !ip.Unmap().Is4()
	default:
		return true
	}
}

// network returns the family as net.Resolver names it.
func (f Family) network() string {
	switch f {
	case IPv4:
		return "ip4"
	case IPv6:
		return "ip6"
	default:
		return "ip"
	}
}

// single returns the families that f stands for, in the order of preference (RFC 6724, section 2.1).
func (f Family) single() []Family {
	if f == IPv4 || f == IPv6 {
		return []Family{f}
	}
	return []Family{IPv6, IPv4}
}

func (f Family) describe() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	default:
		return "IP"
	}
}

// ParseSource parses the IP address to dial from.
func ParseSource(text string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address. Write an address of this machine, without a port, "+
			"for example \"10.0.0.5\" or \"2001:db8::1\".", text)
	case ip.Unmap().WithZone("").IsUnspecified():
		return netip.Addr{}, fmt.Errorf("%q is the unspecified address. "+
			"To let the system choose an address, omit the argument.", text)
	default:
		return ip.Unmap(), nil
	}
}
