// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package tcpconnect

import (
	"errors"
	"syscall"
)

// errnoReasons maps the errors of connect(2), socket(2) and bind(2) to reasons.
var errnoReasons = map[syscall.Errno]Reason{
	syscall.ECONNREFUSED:  ReasonRefused,
	syscall.ETIMEDOUT:     ReasonNoResponse,
	syscall.EHOSTUNREACH:  ReasonHostUnreachable,
	syscall.EHOSTDOWN:     ReasonHostUnreachable,
	syscall.ENETUNREACH:   ReasonNetworkUnreachable,
	syscall.ENETDOWN:      ReasonNetworkUnreachable,
	syscall.EACCES:        ReasonProhibited,
	syscall.EPERM:         ReasonProhibited,
	syscall.ECONNRESET:    ReasonReset,
	syscall.ECONNABORTED:  ReasonReset,
	syscall.EADDRNOTAVAIL: ReasonLocalAddress,
	syscall.EADDRINUSE:    ReasonLocalAddress,
	syscall.EMFILE:        ReasonLocalLimit,
	syscall.ENFILE:        ReasonLocalLimit,
	syscall.ENOBUFS:       ReasonLocalLimit,
	syscall.ENOMEM:        ReasonLocalLimit,
}

// errnoLimits names what this machine has run out of.
var errnoLimits = map[syscall.Errno]string{
	syscall.EADDRNOTAVAIL: "free local port or usable local address",
	syscall.EADDRINUSE:    "free local port or usable local address",
	syscall.EMFILE:        "free file descriptor in this process (RLIMIT_NOFILE)",
	syscall.ENFILE:        "free file descriptor in all processes",
	syscall.ENOBUFS:       "memory for another socket",
	syscall.ENOMEM:        "memory for another socket",
}

// resetAfterHandshake reports whether an error of connect(2) means that the peer completed the handshake and then reset
// the connection. A reset that answers a SYN is ECONNREFUSED in every kernel (RFC 9293, section 3.10.7.3).
func resetAfterHandshake(err error) bool {
	return errors.Is(err, syscall.ECONNRESET)
}
