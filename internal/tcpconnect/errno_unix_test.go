// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

//go:build unix

package tcpconnect

import (
	"os"
	"syscall"
	"testing"
)

const (
	refusedErrno     = syscall.ECONNREFUSED
	addressErrno     = syscall.EADDRNOTAVAIL
	limitErrno       = syscall.EMFILE
	unreachableErrno = syscall.EHOSTUNREACH
	timeoutErrno     = syscall.ETIMEDOUT
)

func syscallError(errno syscall.Errno) error { return os.NewSyscallError("connect", errno) }

func TestContractErrnosAreClassified(t *testing.T) {
	t.Parallel()
	for want, errnos := range map[Reason][]syscall.Errno{
		ReasonRefused:            {syscall.ECONNREFUSED},
		ReasonNoResponse:         {syscall.ETIMEDOUT},
		ReasonHostUnreachable:    {syscall.EHOSTUNREACH, syscall.EHOSTDOWN},
		ReasonNetworkUnreachable: {syscall.ENETUNREACH, syscall.ENETDOWN},
		ReasonProhibited:         {syscall.EACCES, syscall.EPERM},
		ReasonReset:              {syscall.ECONNRESET, syscall.ECONNABORTED},
		ReasonLocalAddress:       {syscall.EADDRNOTAVAIL, syscall.EADDRINUSE},
		ReasonLocalLimit:         {syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM},
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
	syscall.EADDRNOTAVAIL,
	syscall.EADDRINUSE,
	syscall.EMFILE,
	syscall.ENFILE,
	syscall.ENOBUFS,
	syscall.ENOMEM,
}

const limitText = "RLIMIT_NOFILE"
