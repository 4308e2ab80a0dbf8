// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// reasonError is an error that carries its reason.
type reasonError struct {
	reason Reason
	err    error
}

func (e *reasonError) Error() string { return e.err.Error() }
func (e *reasonError) Unwrap() error { return e.err }

// dialReason classifies the error of a dial.
func dialReason(err error) Reason {
	if errors.Is(err, errSelfConnected) {
		return ReasonRefused
	}
	if errors.Is(err, errNoDescriptor) {
		return ReasonLocalLimit
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

// limitOf tells which limit of this machine the error of a dial from local is about. It may be lifted while one waits; that a
// source address does not exist here may not.
func limitOf(err error, local netip.Addr) (limit string, hit bool) {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok || errors.Is(err, errNoSource) || local.IsValid() && errnoReasons[errno] == ReasonLocalAddress {
		return "", false
	}
	limit, hit = errnoLimits[errno]
	return limit, hit
}

// lookupReason classifies the error of a name lookup. What happened on the way to the resolver says nothing about the peer, so
// a resolver that refuses a connection is a DNS failure.
func lookupReason(err error) Reason {
	if known, ok := errors.AsType[*reasonError](err); ok {
		return known.reason
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
