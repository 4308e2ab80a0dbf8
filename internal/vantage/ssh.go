// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Validate returns what is wrong with the arguments. All of them must be known.
func (s SSH) Validate() []Problem {
	_, problems := s.parse()
	return problems
}

// parse returns what a login offers, and what is wrong with the arguments. To decrypt a private key takes a while.
func (s SSH) parse() (sshCredentials, []Problem) {
	var problems []Problem
	if _, err := ParseSSHHost(s.Host); err != nil {
		problems = append(problems, Problem{"host", err.Error()})
	}
	if s.User == "" {
		problems = append(problems, Problem{"user", "The user is empty. Set the user to log in as."})
	}
	credentials, wrong := s.credentials()
	problems = append(problems, wrong...)
	if s.HostKey != "" && s.KnownHosts != "" {
		problems = append(problems, Problem{"known_hosts", "known_hosts conflicts with host_key. Set one of them."})
	}
	if s.HostKey != "" {
		if _, err := ParseHostKeys(s.HostKey); err != nil {
			problems = append(problems, Problem{"host_key", err.Error()})
		}
	}
	if s.KnownHosts != "" {
		if _, err := ParseKnownHosts(s.KnownHosts); err != nil {
			problems = append(problems, Problem{"known_hosts", err.Error()})
		}
	}
	return credentials, problems
}

const sshPort = "22"

// ParseSSHHost returns the address, as host:port, of an SSH server that is written as a host, host:port or [IPv6]:port.
func ParseSSHHost(text string) (string, error) {
	const form = `Write it as a name or an IP address, with a port if it is not 22, for example ` +
		`"bastion.example.com", "10.0.0.5:2222" or "[2001:db8::1]:2222".`
	if strings.Contains(text, "@") {
		return "", fmt.Errorf("%q contains an \"@\". Set the user to log in as in user. %s", text, form)
	}
	address := text
	if text != "" && !strings.Contains(text, "/") {
		_, notIP := netip.ParseAddr(text)
		switch {
		case notIP == nil:
			address = net.JoinHostPort(text, sshPort)
		case !strings.Contains(text, ":"), strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
			address = text + ":" + sshPort
		}
	}
	parsed, err := tcpconnect.ParseAddress(address)
	if err != nil {
		return "", fmt.Errorf("%q %w. %s", text, errors.Unwrap(err), form)
	}
	return parsed.String(), nil
}
