// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// This file stands in for what the kinds of vantage points bring, and is deleted when they are merged.

func stub(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", errors.New("The value is blank.")
	}
	return text, nil
}

// ParseHostKeys is a stub.
func ParseHostKeys(text string) ([]string, error) {
	text, err := stub(text)
	return strings.Split(text, "\n"), err
}

// ParseKnownHosts is a stub.
func ParseKnownHosts(text string) (string, error) { return stub(text) }

// ParseSSHHost is a stub.
func ParseSSHHost(text string) (string, error) { return stub(text) }

// ParseProxyURL is a stub.
func ParseProxyURL(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("The text is not a URL.")
	}
	switch parsed.Scheme {
	case "http", "https", "socks5":
		return parsed, nil
	default:
		return nil, errors.New("The URL has another scheme than http, https and socks5.")
	}
}

// ParseCACertificates is a stub.
func ParseCACertificates(text string) (any, error) { return stub(text) }

// Validate is a stub.
func (s SSH) Validate() (problems []Problem) {
	if s.HostKey != "" && s.KnownHosts != "" {
		problems = append(problems, Problem{"known_hosts", "Both host_key and known_hosts are set."})
	}
	return problems
}

// Validate is a stub.
func (p Proxy) Validate() (problems []Problem) {
	if parsed, err := ParseProxyURL(p.URL); err == nil && parsed.User != nil && p.Username != "" {
		problems = append(problems, Problem{"username", "Both url and username hold a user."})
	}
	return problems
}

type stubLink struct{}

var errStub = unreachable("a stub reaches nothing")

func (stubLink) reach(context.Context) error                    { return errStub }
func (stubLink) dial(context.Context, string) (net.Conn, error) { return nil, errStub }
func (stubLink) answers(context.Context, error) error           { return errStub }
func (stubLink) room() int                                      { return 1 }
func (stubLink) close() error                                   { return nil }

func newSSHLink(string, SSH, time.Duration, reachFunc) (link, error)     { return stubLink{}, nil }
func newProxyLink(string, Proxy, time.Duration, reachFunc) (link, error) { return stubLink{}, nil }

func newNameServer(netip.AddrPort, func(context.Context, string) (net.Conn, error)) tcpconnect.Resolver {
	return nil
}
