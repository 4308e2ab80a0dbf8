// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package vantage

import (
	"context"
	"net"
	"os"
)

// agentMissing says why there is no SSH agent.
const agentMissing = "SSH_AUTH_SOCK is not set, so there is no SSH agent."

// hasAgent reports whether the environment names an SSH agent.
func hasAgent() bool { return os.Getenv("SSH_AUTH_SOCK") != "" }

func dialAgent(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", os.Getenv("SSH_AUTH_SOCK"))
}
