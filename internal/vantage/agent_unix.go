// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package vantage

import (
	"context"
	"errors"
	"net"
	"os"
)

// dialAgent connects to the SSH agent that the environment names.
func dialAgent(ctx context.Context) (net.Conn, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("SSH_AUTH_SOCK is not set")
	}
	return new(net.Dialer).DialContext(ctx, "unix", socket)
}
