// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// attemptDelay is how long an attempt may stay silent before the next address is tried beside it: the Connection Attempt Delay
// that RFC 8305, section 5, recommends.
const attemptDelay = 250 * time.Millisecond

// dialFirst dials the remotes, at least one, as RFC 8305, section 5, describes: one after the other, each as soon as the one
// before has failed or stayed silent for attemptDelay. It returns the first connection, or nil if all attempts failed or ctx
// ended. There is one entry in failures for each remote that was tried, in order; it is nil for attempts that were still under way
// when another one won.
func dialFirst(ctx context.Context, dial func(context.Context, netip.AddrPort) (net.Conn, error), remotes []netip.AddrPort) (winner net.Conn, failures []error) {
	if len(remotes) == 1 {
		conn, err := dial(ctx, remotes[0])
		return conn, []error{err}
	}

	type attempt struct {
		index int
		conn  net.Conn
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	attempts := make(chan attempt)
	returned := make(chan struct{})
	defer close(returned)
	start := func() {
		index := len(failures)
		failures = append(failures, nil)
		go func() {
			conn, err := dial(ctx, remotes[index])
			select {
			case attempts <- attempt{index, conn, err}:
			case <-returned:
				if conn != nil {
					_ = conn.Close()
				}
			}
		}()
	}

	start()
	delay := time.NewTimer(attemptDelay)
	defer delay.Stop()
	for failed := 0; failed < len(failures); {
		select {
		case attempt := <-attempts:
			if attempt.err == nil {
				return attempt.conn, failures
			}
			failures[attempt.index] = attempt.err
			failed++
		case <-delay.C:
		}
		if len(failures) < len(remotes) && ctx.Err() == nil {
			start()
			delay.Reset(attemptDelay)
		}
	}
	return nil, failures
}
