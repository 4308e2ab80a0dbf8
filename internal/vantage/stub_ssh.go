// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
)

// This file stands in for SSH, and is deleted when that is merged.

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

// Validate is a stub.
func (s SSH) Validate() (problems []Problem) {
	if s.HostKey != "" && s.KnownHosts != "" {
		problems = append(problems, Problem{"known_hosts", "Both host_key and known_hosts are set."})
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

func newSSHLink(string, SSH, time.Duration, reachFunc) (link, error) { return stubLink{}, nil }
