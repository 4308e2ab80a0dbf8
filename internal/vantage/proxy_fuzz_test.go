// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"bytes"
	"errors"
	"io"
	"net"
	"regexp"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// tape is a connection on which everything was said before.
type tape struct {
	net.Conn
	io.Reader
}

func (t tape) Read(p []byte) (int, error) { return t.Reader.Read(p) }

// tunnel matches an answer of HTTP that may have opened a tunnel, after interim ones.
var tunnel = regexp.MustCompile(`(?s)HTTP/\d\.\d +2\d\d`)

// Whatever a proxy says, the answer is an error that tells it, or there is a tunnel.
func FuzzAnswersOfProxies(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 503 No\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n",
		"HTTP/1.1 502 No\r\nProxy-Status: a;error=dns_error;rcode=\"NXDOMAIN\", b\r\n\r\n",
		"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", "\x05\x00\x00\x03\x02db\x00\x50", "\x05\x05\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		for name, test := range map[string]struct {
			protocol proxyProtocol
			isOpen   bool
		}{
			"CONNECT": {connectProtocol{}, tunnel.Match(said)},
			"SOCKS5":  {socksProtocol{}, bytes.HasPrefix(said, []byte{5, 0})},
		} {
			conn := newBufferedConn(tape{Reader: bytes.NewReader(said)})
			err := test.protocol.receive(conn, "db.internal")
			if err == nil && !test.isOpen {
				t.Errorf("%s: %q opened a tunnel", name, said)
			}
			known, ok := errors.AsType[*tcpconnect.ReasonError](err)
			if ok && known.Reason == tcpconnect.ReasonConnected {
				t.Errorf("%s: %v", name, err)
			}
			_, _ = io.Copy(io.Discard, conn)
		}
	})
}
