// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// dialReason classifies the error of a dial.
func dialReason(err error) Reason {
	if errors.Is(err, errSelfConnected) {
		return ReasonRefused
	}
	// Before net.Error: Errno.Timeout is true for EAGAIN too.
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if reason, ok := errnoReasons[errno]; ok {
			return reason
		}
		return ReasonOther
	}
	if isTimeout(err) {
		return ReasonNoResponse
	}
	return ReasonOther
}

// lookupReason classifies the error of a name lookup. What happened on the way to the resolver says nothing about the peer, so
// a resolver that refuses a connection is a DNS failure. So is a limit of this machine: Go's resolver keeps only its text.
func lookupReason(err error) Reason {
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
