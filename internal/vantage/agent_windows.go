// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"net"
	"time"

	"github.com/Microsoft/go-winio"
)

const agentPipe = `\\.\pipe\openssh-ssh-agent`

// agentMissing says why there is no SSH agent.
const agentMissing = "The pipe " + agentPipe + " can't be opened, so there is no SSH agent. " +
	"Start the service ssh-agent."

// hasAgent reports whether the OpenSSH agent is running.
func hasAgent() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := dialAgent(ctx)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func dialAgent(ctx context.Context) (net.Conn, error) {
	return winio.DialPipeContext(ctx, agentPipe)
}
