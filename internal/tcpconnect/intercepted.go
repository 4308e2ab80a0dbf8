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
	fault       error     // why the vantage point was not asked the last time
	failed      time.Time // when that was known
}

// intercepts reports whether something on the way accepts connections for every address. fault is why the vantage point
// could not be asked this time. The error is that of the context.
func (c *control) intercepts(
	ctx context.Context, dial dialFunc, host netip.Addr, of controlKey,
) (is bool, fault, err error) {
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

	since := time.Now()
	select {
	case once.turn <- struct{}{}:
		defer func() { <-once.turn }()
	case <-ctx.Done():
		return false, nil, context.Cause(ctx)
	}
	if !once.done && once.failed.After(since) {
		return false, once.fault, nil // others do not ask one after the other
	}
	if !once.done {
		accepts, fault := connects(ctx, dial, of.source, netip.AddrPortFrom(host, of.port))
		if ctx.Err() != nil {
			return false, nil, context.Cause(ctx)
		}
		if fault != nil {
			once.fault, once.failed = fault, time.Now()
			return false, fault, nil
		}
		once.done, once.intercepted = true, accepts
	}
	return once.intercepted, nil, nil
}

// connects reports whether the control host accepts a connection, or may accept one: a dial that failed by a fault of
// this machine shows nothing. A vantage point that forbids the dial does not accept it. fault is another reason why the
// vantage point has not dialled.
func connects(
	ctx context.Context, dial dialFunc, source netip.Addr, remote netip.AddrPort,
) (accepts bool, fault error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	conn, err := redialling(dial)(ctx, source, remote.String())
	if err == nil {
		_ = conn.Close() // nothing was written, so nothing can be lost
		return true, nil
	}
	switch reason := dialReason(err); {
	case reason == ReasonVantageProhibited:
		return false, nil
	case reason.vantage():
		return false, err
	default:
		return reason.SaysNothing(), nil
	}
}

// interceptedBy returns the message for a connection that the control host accepts too.
func interceptedBy(control netip.AddrPort) string {
	return fmt.Sprintf("the control host accepts connections too (%s), so a connection shows nothing", control)
}
