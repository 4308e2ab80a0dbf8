// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"net"

	"github.com/Microsoft/go-winio"
)

const agentPipe = `\\.\pipe\openssh-ssh-agent`

// dialAgent connects to the SSH agent of OpenSSH.
func dialAgent(ctx context.Context) (net.Conn, error) {
	return winio.DialPipeContext(ctx, agentPipe)
}
