// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// dialAll dials all remotes, at least one, side by side. Status and reason are those of the worst answer, and of several such of
// the first in order; the connection that it tells of is the first one.
func dialAll(ctx context.Context, dial func(context.Context, netip.AddrPort) (net.Conn, error), remotes []netip.AddrPort) Result {
	type ends struct{ remote, local netip.AddrPort }
	connections := make([]ends, len(remotes))
	failures := make([]error, len(remotes))
	durations := make([]time.Duration, len(remotes))
	var dials sync.WaitGroup
	for i, remote := range remotes {
		dials.Go(func() {
			start := time.Now()
			conn, err := dial(ctx, remote)
			durations[i], failures[i] = time.Since(start), err
			if err == nil {
				connections[i] = ends{addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())}
				_ = conn.Close() // nothing was written, so nothing can be lost
			}
		})
	}
	dials.Wait()

	result := Result{Reason: ReasonConnected, Tried: remotes, Endpoints: make([]EndpointResult, len(remotes))}
	for i, remote := range remotes {
		endpoint := EndpointResult{Endpoint: remote, Status: Connected, Reason: ReasonConnected, Duration: durations[i]}
		if err := failures[i]; err != nil {
			endpoint.Reason, endpoint.Message = dialReason(err), err.Error()
			endpoint.Status = endpoint.Reason.Status()
			if endpoint.Status.worseThan(result.Reason.Status()) {
				result.Reason = endpoint.Reason
			}
		}
		result.Endpoints[i] = endpoint
	}
	if result.Reason == ReasonConnected {
		result.Remote, result.Local = connections[0].remote, connections[0].local
		return result
	}
	result.Message = describe(slices.DeleteFunc(failures, func(err error) bool { return err == nil }), 0)
	return result
}
