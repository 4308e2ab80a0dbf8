// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/windows"
)

const (
	refusedErrno     = windows.WSAECONNREFUSED
	addressErrno     = windows.WSAEADDRNOTAVAIL
	limitErrno       = windows.WSAEMFILE
	unreachableErrno = windows.WSAEHOSTUNREACH
	timeoutErrno     = windows.WSAETIMEDOUT
)

func syscallError(errno syscall.Errno) error { return os.NewSyscallError("connectex", errno) }

func TestContractErrnosAreClassified(t *testing.T) {
	t.Parallel()
	for want, errnos := range map[Reason][]syscall.Errno{
		ReasonRefused:            {windows.WSAECONNREFUSED, windows.ERROR_CONNECTION_REFUSED},
		ReasonNoResponse:         {windows.WSAETIMEDOUT, windows.ERROR_SEM_TIMEOUT},
		ReasonHostUnreachable:    {windows.WSAEHOSTUNREACH, windows.WSAEHOSTDOWN},
		ReasonNetworkUnreachable: {windows.WSAENETUNREACH, windows.WSAENETDOWN},
		ReasonProhibited:         {windows.WSAEACCES},
		ReasonReset:              {windows.WSAECONNRESET, windows.WSAECONNABORTED},
		ReasonLocalAddress:       {windows.WSAEADDRNOTAVAIL, windows.WSAEADDRINUSE},
		ReasonLocalLimit:         {windows.WSAEMFILE, windows.WSAENOBUFS},
	} {
		for _, errno := range errnos {
			if got := systemReason(syscallError(errno)); got != want {
				t.Errorf("%s is %q, want %q", errno, got, want)
			}
		}
	}
}

// limitErrnos are limits of this machine, which a sweep waits out.
var limitErrnos = []syscall.Errno{
	windows.WSAEADDRNOTAVAIL,
	windows.WSAEADDRINUSE,
	windows.WSAEMFILE,
	windows.ERROR_TOO_MANY_OPEN_FILES,
	windows.WSAENOBUFS,
	windows.ERROR_NOT_ENOUGH_MEMORY,
	windows.ERROR_OUTOFMEMORY,
	windows.ERROR_NO_SYSTEM_RESOURCES,
	windows.ERROR_ADDRESS_ALREADY_ASSOCIATED,
}

const limitText = "free socket in this process"
