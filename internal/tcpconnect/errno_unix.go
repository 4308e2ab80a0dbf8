// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package tcpconnect

import (
	"errors"
	"syscall"
)

// errnoReasons tells what the errors of connect(2), socket(2) and bind(2) mean for a dial.
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

// errnoLimits names what of this machine has run out.
var errnoLimits = map[syscall.Errno]string{
	syscall.EADDRNOTAVAIL: "free local port or usable local address",
	syscall.EADDRINUSE:    "free local port or usable local address",
	syscall.EMFILE:        "free file descriptor in this process (RLIMIT_NOFILE)",
	syscall.ENFILE:        "free file descriptor in all processes",
	syscall.ENOBUFS:       "memory for another socket",
	syscall.ENOMEM:        "memory for another socket",
}

// resetAfterHandshake tells whether the error of connect(2) shows that the handshake was completed, and the connection reset before
// the dialer looked. A reset that answers a SYN is ECONNREFUSED: RFC 9293, section 3.10.7.3, in every kernel.
func resetAfterHandshake(err error) bool {
	return errors.Is(err, syscall.ECONNRESET)
}
