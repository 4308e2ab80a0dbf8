// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// dialAll dials all endpoints side by side, as soon as they are found, and returns the answer of each in the order in which they
// were found. remote and local are the ends of the connection to the first.
func dialAll(ctx context.Context, dial endpointDial, found <-chan []netip.AddrPort) (results []EndpointResult, remote, local netip.AddrPort) {
	var dials sync.WaitGroup
	var answers []*EndpointResult
	for endpoints := range found {
		for _, endpoint := range endpoints {
			mine := &EndpointResult{Endpoint: endpoint}
			isFirst := len(answers) == 0
			answers = append(answers, mine)
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
	for _, answer := range answers {
		results = append(results, *answer)
	}
	return results, remote, local
}

// worst returns the gravest answer, of several such the first.
func worst(results []EndpointResult) EndpointResult {
	answer := results[0]
	for _, result := range results[1:] {
		if result.Reason.graver(answer.Reason) {
			answer = result
		}
	}
	return answer
}
