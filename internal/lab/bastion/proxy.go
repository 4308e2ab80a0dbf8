// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bastion

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
)

// HTTPProxy starts an HTTP proxy that answers CONNECT and nothing else. It ends with the test.
func HTTPProxy(tb testing.TB, network Network, login Login) *Server {
	tb.Helper()
	return listen(tb, network, func(s *Server, conn net.Conn) { s.serveHTTP(conn, login) })
}

func (s *Server) serveHTTP(conn net.Conn, login Login) {
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	host, port, err := net.SplitHostPort(request.Host)
	if request.Method != http.MethodConnect || err != nil {
		answerHTTP(conn, "400 Bad Request", "")
		return
	}
	credentials := base64.StdEncoding.EncodeToString([]byte(login.Username + ":" + login.Password))
	if login != (Login{}) && request.Header.Get("Proxy-Authorization") != "Basic "+credentials {
		answerHTTP(conn, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"test\"\r\n")
		return
	}
	far, why := s.dial(host, port)
	switch why {
	case none:
		answerHTTP(conn, "200 Connection established", "")
		s.join(conn, far)
	case refused:
		answerHTTP(conn, "503 Service Unavailable", "X-Squid-Error: ERR_CONNECT_FAIL 111\r\n")
	case forbidden:
		answerHTTP(conn, "403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n")
	default:
		answerHTTP(conn, "500 Internal Server Error", "X-Squid-Error: ERR_CANNOT_FORWARD 0\r\n")
	}
}

func answerHTTP(conn net.Conn, status, header string) {
	_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\n"+header+"\r\n")
}

// SOCKSProxy starts a SOCKS5 proxy: RFC 1928, and RFC 1929 for the login. It ends with the test.
func SOCKSProxy(tb testing.TB, network Network, login Login) *Server {
	tb.Helper()
	return listen(tb, network, func(s *Server, conn net.Conn) { s.serveSOCKS(conn, login) })
}

func (s *Server) serveSOCKS(conn net.Conn, login Login) {
	methods := make([]byte, 2)
	if _, err := io.ReadFull(conn, methods); err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, conn, int64(methods[1])); err != nil {
		return
	}
	if !letIn(conn, login) {
		return
	}
	host, port, ok := readSOCKSRequest(conn)
	if !ok {
		return
	}
	far, why := s.dial(host, port)
	// The replies of RFC 1928, section 6. 1 is a general failure.
	reply := map[failure]byte{none: 0, forbidden: 2, noSuchHost: 4, refused: 5, other: 1}[why]
	_, _ = conn.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
	if far != nil {
		s.join(conn, far)
	}
}

// letIn chooses how the client logs in, and reports whether it has.
func letIn(conn net.Conn, login Login) bool {
	if login == (Login{}) {
		_, err := conn.Write([]byte{5, 0})
		return err == nil
	}
	if _, err := conn.Write([]byte{5, 2}); err != nil {
		return false
	}
	version := make([]byte, 1)
	if _, err := io.ReadFull(conn, version); err != nil || version[0] != 1 {
		return false // the client takes no login
	}
	username, hasUsername := readText(conn)
	password, hasPassword := readText(conn)
	isIn := hasUsername && hasPassword && login == Login{username, password}
	answer := map[bool]byte{true: 0, false: 1}[isIn]
	_, err := conn.Write([]byte{1, answer})
	return err == nil && isIn
}

// readText reads a text after a byte that holds its length.
func readText(conn net.Conn) (string, bool) {
	length := make([]byte, 1)
	if _, err := io.ReadFull(conn, length); err != nil {
		return "", false
	}
	text := make([]byte, length[0])
	_, err := io.ReadFull(conn, text)
	return string(text), err == nil
}

func readSOCKSRequest(conn net.Conn) (host, port string, ok bool) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return "", "", false
	}
	switch head[3] {
	case 1, 4:
		ip := make([]byte, map[byte]int{1: net.IPv4len, 4: net.IPv6len}[head[3]])
		_, err := io.ReadFull(conn, ip)
		address, _ := netip.AddrFromSlice(ip)
		host, ok = address.String(), err == nil
	case 3:
		host, ok = readText(conn)
	}
	number := make([]byte, 2)
	if _, err := io.ReadFull(conn, number); err != nil || !ok {
		return "", "", false
	}
	return host, strconv.Itoa(int(number[0])<<8 | int(number[1])), true
}
