// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// dialAll dials all endpoints side by side, as soon as they are found. It returns their results in the order in which
// the endpoints were found. remote and local are the addresses of the connection to the first endpoint.
func dialAll(
	ctx context.Context, dial endpointDial, found <-chan []netip.AddrPort,
) (results []EndpointResult, remote, local netip.AddrPort) {
	var dials sync.WaitGroup
	var pending []*EndpointResult
	for endpoints := range found {
		for _, endpoint := range endpoints {
			mine := &EndpointResult{Endpoint: endpoint}
			isFirst := len(pending) == 0
			pending = append(pending, mine)
			dials.Go(func() {
				start := time.Now()
				conn, err := dial(ctx, endpoint)
				mine.Duration, mine.Reason = time.Since(start), ReasonConnected
				if err != nil {
					mine.Reason, mine.Message = dialReason(err), Printable(err.Error())
				} else {
					if isFirst {
						remote, local = addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())
					}
					_ = conn.Close() // nothing was written, so nothing can be lost
				}
				mine.Status = mine.Reason.Status()
			})
		}
	}
	dials.Wait()
	for _, result := range pending {
		results = append(results, *result)
	}
	return results, remote, local
}

// worst returns the first of the gravest results.
func worst(results []EndpointResult) EndpointResult {
	gravest := results[0]
	for _, result := range results[1:] {
		if result.Reason.graver(gravest.Reason) {
			gravest = result
		}
	}
	return gravest
}
