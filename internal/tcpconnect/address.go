// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// AddressForm describes how to write an address.
const AddressForm = `Write it as host:port, for example "db.example.com:5432", "10.0.0.5:443" or "[2001:db8::1]:6443".`

// Address is a TCP endpoint as a user names it. Only ParseAddress returns valid ones. Equal addresses (==) make the
// same dials.
type Address struct {
	host string // a name or an IP address, without brackets
	port uint16
}

// ParseAddress parses host:port. The host is a name (RFC 1123, underscores allowed) or an IP address. An IPv6 address
// is written in brackets (RFC 3986, section 3.2.2), with a zone if it needs one. The port is a number from 1 to 65535
// or a service name that this machine knows (services(5)). Unspecified addresses (0.0.0.0, ::) are refused, because
// dialling one reaches this machine. The error says what is wrong and ends with AddressForm.
func ParseAddress(text string) (Address, error) {
	address, err := parseAddress(text)
	if err != nil {
		return Address{}, fmt.Errorf("%q %w. %s", text, err, AddressForm)
	}
	return address, nil
}

// String returns the address as host:port, the way net.Dial takes it.
func (a Address) String() string {
	return net.JoinHostPort(a.host, strconv.Itoa(int(a.port)))
}

// ip returns the host if it is an IP address, and not a name.
func (a Address) ip() (ip netip.Addr, isIP bool) {
	ip, err := netip.ParseAddr(a.host)
	return ip, err == nil
}

func parseAddress(text string) (Address, error) {
	host, portText, err := splitHostPort(text)
	if err != nil {
		return Address{}, err
	}
	port, err := parsePort(portText)
	if err != nil {
		return Address{}, err
	}
	return Address{host: host, port: port}, nil
}

func splitHostPort(text string) (host, port string, err error) {
	switch {
	case text == "":
		return "", "", errors.New("is empty")
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "", "", errors.New("contains white space or control characters")
	case strings.Contains(text, "://"):
		return "", "", errors.New("has a scheme; a TCP address has none")
	case strings.Contains(text, "/"):
		return "", "", errors.New("has a path; a TCP address has none")
	}
	if rest, bracketed := strings.CutPrefix(text, "["); bracketed {
		host, port, closed := strings.Cut(rest, "]")
		if !closed {
			return "", "", errors.New("has no \"]\" after the IPv6 address")
		}
		port, colon := strings.CutPrefix(port, ":")
		if !colon {
			return "", "", errors.New("has no port")
		}
		host, err := parseIPv6(host)
		return host, port, err
	}
	switch strings.Count(text, ":") {
	case 0:
		return "", "", errors.New("has no port")
	case 1:
		host, port, _ := strings.Cut(text, ":")
		return host, port, checkHost(host)
	default:
		return "", "", errors.New("has several colons; write an IPv6 address in brackets")
	}
}

func parseIPv6(host string) (string, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() {
		return "", fmt.Errorf("has %q in brackets, which is not an IPv6 address", host)
	}
	return ip.Unmap().String(), checkSpecified(ip)
}

func checkSpecified(ip netip.Addr) error {
	if ip.Unmap().WithZone("").IsUnspecified() {
		return fmt.Errorf("has the unspecified host %s, which would connect to this machine; name the host, "+
			"or write 127.0.0.1 or [::1] if you mean this machine", ip)
	}
	return nil
}

var (
	hostLabel    = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)
	numericLabel = regexp.MustCompile(`^([0-9]+|0[xX][0-9A-Fa-f]*)$`)
)

// checkHost validates a host that is not in brackets. The limits of 253 and 63 octets are in RFC 1035, section 2.3.4.
func checkHost(host string) error {
	if host == "" {
		return errors.New("has no host")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return checkSpecified(ip)
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return fmt.Errorf("has a host name of %d characters; at most 253 are allowed", len(name))
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII }) {
			return fmt.Errorf("has the label %q in its host name; "+
				"write an internationalised name in its ASCII form (\"xn--...\")", label)
		}
		if len(label) > 63 || !hostLabel.MatchString(label) {
			return fmt.Errorf("has the label %q in its host name; "+
				"a label is 1 to 63 letters, digits, \"-\" and \"_\", and does not begin or end with \"-\"", label)
		}
	}
	// Resolvers disagree about "127.1" or "0": some read an IPv4 address, as inet_aton(3) does, others a name.
	if numericLabel.MatchString(labels[len(labels)-1]) {
		return fmt.Errorf("has the host %q, which ends in a number, "+
			"but is not an IPv4 address of four numbers from 0 to 255", host)
	}
	return nil
}

// serviceName follows RFC 6335, section 5.1, without its limit of 15 characters, which services(5) does not apply.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9-]*$`)

// serviceLookupTimeout limits the lookup of a service name, which is slow only if a directory service answers it.
const serviceLookupTimeout = 5 * time.Second

func parsePort(text string) (uint16, error) {
	if text == "" {
		return 0, errors.New("has no port after the colon")
	}
	if serviceName.MatchString(text) {
		ctx, cancel := context.WithTimeout(context.Background(), serviceLookupTimeout)
		defer cancel()
		port, err := net.DefaultResolver.LookupPort(ctx, "tcp", text)
		if err != nil || port < 1 {
			return 0, fmt.Errorf("has the port %q, a service name that this machine does not know; "+
				"use a number from 1 to 65535", text)
		}
		return uint16(port), nil // LookupPort returns no port above 65535
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("has the port %q; a port is a number from 1 to 65535 or a service name", text)
	}
	return uint16(port), nil
}
