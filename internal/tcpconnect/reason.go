// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"net"
)

// lookupReason classifies the error of a name lookup. A resolver that refuses a connection is a DNS failure: the
// refusal says nothing about the peer.
func lookupReason(err error) Reason {
	if known, ok := errors.AsType[*ReasonError](err); ok {
		return known.Reason
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return ReasonNoSuchHost
	}
	if isTimeout(err) {
		return ReasonDNSTimeout
	}
	return ReasonDNSFailure
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
