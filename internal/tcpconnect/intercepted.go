// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// controlTimeout limits the dial of the control host.
const controlTimeout = time.Second

// control dials a host at which nothing listens, once for each port and source address.
type control struct {
	mu    sync.Mutex
	dials map[controlKey]*controlDial
}

// controlKey identifies one dial of the control host.
type controlKey struct {
	port   uint16
	source netip.Addr
}

type controlDial struct {
	turn        chan struct{} // holds one element while a check sets or reads the fields below
	done        bool
	intercepted bool
}

// intercepts reports whether something on the way accepts connections for every address. The error is that of the
// context.
func (c *control) intercepts(ctx context.Context, dial dialFunc, host netip.Addr, of controlKey) (bool, error) {
	c.mu.Lock()
	if c.dials == nil {
		c.dials = make(map[controlKey]*controlDial)
	}
	once := c.dials[of]
	if once == nil {
		once = &controlDial{turn: make(chan struct{}, 1)}
		c.dials[of] = once
	}
	c.mu.Unlock()

	select {
	case once.turn <- struct{}{}:
		defer func() { <-once.turn }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	if !once.done {
		once.intercepted = connects(ctx, dial, of.source, netip.AddrPortFrom(host, of.port))
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		once.done = true
	}
	return once.intercepted, nil
}

// connects reports whether the control host accepts a connection, or may accept one: a dial that failed by a fault of
// this machine or of the vantage point shows nothing. A vantage point that forbids the dial does not accept it.
func connects(ctx context.Context, dial dialFunc, source netip.Addr, remote netip.AddrPort) bool {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	conn, err := redialling(dial)(ctx, source, remote.String())
	if err == nil {
		_ = conn.Close() // nothing was written, so nothing can be lost
		return true
	}
	reason := dialReason(err)
	return reason.SaysNothing() && reason != ReasonVantageProhibited
}

// interceptedBy returns the message for a connection that the control host accepts too.
func interceptedBy(control netip.AddrPort) string {
	return fmt.Sprintf("the control host accepts connections too (%s), so a connection shows nothing", control)
}
