// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// errnoReasons maps the errors of ConnectEx, WSASocket and bind to reasons. They are Winsock's codes
// (https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2), and the system codes that
// overlapped operations may return instead.
var errnoReasons = map[syscall.Errno]Reason{
	windows.WSAECONNREFUSED:                  ReasonRefused,
	windows.ERROR_CONNECTION_REFUSED:         ReasonRefused,
	windows.WSAETIMEDOUT:                     ReasonNoResponse,
	windows.ERROR_SEM_TIMEOUT:                ReasonNoResponse,
	windows.ERROR_TIMEOUT:                    ReasonNoResponse,
	windows.WSAEHOSTUNREACH:                  ReasonHostUnreachable,
	windows.WSAEHOSTDOWN:                     ReasonHostUnreachable,
	windows.ERROR_HOST_UNREACHABLE:           ReasonHostUnreachable,
	windows.ERROR_HOST_DOWN:                  ReasonHostUnreachable,
	windows.WSAENETUNREACH:                   ReasonNetworkUnreachable,
	windows.WSAENETDOWN:                      ReasonNetworkUnreachable,
	windows.ERROR_NETWORK_UNREACHABLE:        ReasonNetworkUnreachable,
	windows.WSAEACCES:                        ReasonProhibited,
	windows.ERROR_ACCESS_DENIED:              ReasonProhibited,
	windows.WSAECONNRESET:                    ReasonReset,
	windows.WSAECONNABORTED:                  ReasonReset,
	windows.ERROR_NETNAME_DELETED:            ReasonReset,
	windows.ERROR_CONNECTION_ABORTED:         ReasonReset,
	windows.WSAEADDRNOTAVAIL:                 ReasonLocalAddress,
	windows.WSAEADDRINUSE:                    ReasonLocalAddress,
	windows.ERROR_ADDRESS_ALREADY_ASSOCIATED: ReasonLocalAddress,
	windows.WSAEMFILE:                        ReasonLocalLimit,
	windows.WSAENOBUFS:                       ReasonLocalLimit,
	windows.ERROR_NOT_ENOUGH_MEMORY:          ReasonLocalLimit,
	windows.ERROR_OUTOFMEMORY:                ReasonLocalLimit,
	windows.ERROR_NO_SYSTEM_RESOURCES:        ReasonLocalLimit,
	windows.ERROR_TOO_MANY_OPEN_FILES:        ReasonLocalLimit,
}

// errnoLimits names what this machine has run out of.
var errnoLimits = map[syscall.Errno]string{
	windows.WSAEADDRNOTAVAIL:                 "free local port or usable local address",
	windows.WSAEADDRINUSE:                    "free local port or usable local address",
	windows.ERROR_ADDRESS_ALREADY_ASSOCIATED: "free local port or usable local address",
	windows.WSAEMFILE:                        "free socket in this process",
	windows.ERROR_TOO_MANY_OPEN_FILES:        "free socket in this process",
	windows.WSAENOBUFS:                       "memory for another socket",
	windows.ERROR_NOT_ENOUGH_MEMORY:          "memory for another socket",
	windows.ERROR_OUTOFMEMORY:                "memory for another socket",
	windows.ERROR_NO_SYSTEM_RESOURCES:        "memory for another socket",
}

// resetAfterHandshake reports whether an error means that the peer completed the handshake and then reset the
// connection. ConnectEx has no such error.
func resetAfterHandshake(error) bool { return false }
