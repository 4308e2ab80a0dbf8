// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"errors"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NewSlow makes a lab whose cable delays every packet. The cable is two TUN devices and this process, because not every
// kernel has the netem queue discipline.
func NewSlow(tb testing.TB, delay time.Duration) *Lab {
	tb.Helper()
	lab := &Lab{Client: NewHost(tb), Peer: NewHost(tb)}
	client, peer := lab.Client.tunnel(), lab.Peer.tunnel()
	lab.Client.addAddresses(ClientIPv4, ClientIPv6)
	lab.Peer.addAddresses(PeerIPv4, PeerIPv6)
	go forward(client, peer, delay)
	go forward(peer, client, delay)
	return lab
}

// tunnel makes the interface eth0 of a host. This process reads and writes its packets.
func (h *Host) tunnel() *os.File {
	h.tb.Helper()
	var fd int
	err := h.do(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return err
		}
		request := struct { // struct ifreq
			name  [unix.IFNAMSIZ]byte
			flags uint16
			_     [22]byte
		}{flags: unix.IFF_TUN | unix.IFF_NO_PI}
		copy(request.name[:], "eth0")
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request)))
		if errno != 0 {
			return errors.Join(errno, unix.Close(fd))
		}
		return nil
	})
	if err != nil {
		h.tb.Skipf("cannot make a TUN device: %v", err)
	}
	tunnel := os.NewFile(uintptr(fd), "tun")
	h.tb.Cleanup(func() { _ = tunnel.Close() })
	return tunnel
}

// forward carries packets until a device is closed.
func forward(from, to *os.File, delay time.Duration) {
	for {
		packet := make([]byte, 1<<16)
		n, err := from.Read(packet)
		if err != nil {
			return
		}
		time.AfterFunc(delay, func() { _, _ = to.Write(packet[:n]) }) // TCP sends lost packets again
	}
}
