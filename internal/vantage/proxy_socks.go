// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// socksProtocol is version 5 of SOCKS: RFC 1928, and RFC 1929 for the login.
type socksProtocol struct{ username, password string }

// Bytes of the protocol: RFC 1928, sections 3 to 6.
const (
	socksVersion    = 5
	socksNoLogin    = 0
	socksPassword   = 2
	socksNoMethod   = 0xFF
	socksConnect    = 1
	socksIPv4       = 1
	socksName       = 3
	socksIPv6       = 4
	passwordVersion = 1 // RFC 1929, section 2
)

func (p socksProtocol) login(conn net.Conn) error {
	methods := []byte{socksNoLogin}
	if p.username != "" {
		methods = append(methods, socksPassword)
	}
	if _, err := conn.Write(append([]byte{socksVersion, byte(len(methods))}, methods...)); err != nil {
		return err
	}
	var chosen [2]byte
	if _, err := io.ReadFull(conn, chosen[:]); err != nil {
		return fmt.Errorf("it closed the connection before it said which login it wants: %w", err)
	}
	switch {
	case chosen[0] != socksVersion:
		return errors.New("it does not speak version 5 of SOCKS, so it is no SOCKS5 proxy. " + checkURL)
	case chosen[1] == socksNoLogin:
		return nil
	case chosen[1] == socksPassword && p.username != "":
		return p.sendPassword(conn)
	case p.username == "" && (chosen[1] == socksNoMethod || chosen[1] == socksPassword):
		return &distrust{errors.New("The proxy asks for a login. Set username and password in the proxy block; this " +
			"provider can use those of RFC 1929.")}
	default:
		return &distrust{fmt.Errorf("The proxy takes no login that this provider can make: it chose the method %d. It "+
			"must take none, or username and password (RFC 1929).", chosen[1])}
	}
}

func (p socksProtocol) sendPassword(conn net.Conn) error {
	request := append([]byte{passwordVersion, byte(len(p.username))}, p.username...)
	request = append(append(request, byte(len(p.password))), p.password...)
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var answer [2]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		if errors.Is(err, io.EOF) { // some proxies reject a login without a word
			return p.rejected()
		}
		return err
	}
	if answer[1] != 0 {
		return p.rejected()
	}
	return nil
}

func (p socksProtocol) rejected() error {
	return &distrust{fmt.Errorf("The proxy rejects the login%s. Check username and password in the proxy block.",
		ofUser(p.username, p.password))}
}

func (socksProtocol) send(conn net.Conn, host, portText string) error {
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return err
	}
	request := []byte{socksVersion, socksConnect, 0}
	switch ip, err := netip.ParseAddr(host); {
	case err != nil && len(host) > 255:
		return told(tcpconnect.ReasonOther, "a name of more than 255 bytes does not fit into a request of SOCKS5")
	case err != nil:
		request = append(append(request, socksName, byte(len(host))), host...)
	case ip.Is4():
		request = append(append(request, socksIPv4), ip.AsSlice()...)
	default:
		request = append(append(request, socksIPv6), ip.AsSlice()...)
	}
	_, err = conn.Write(append(request, byte(port>>8), byte(port)))
	return err
}

func (socksProtocol) receive(conn *bufferedConn, host string) error {
	var head [4]byte
	n, err := io.ReadFull(conn, head[:])
	switch {
	case n > 0 && head[0] != socksVersion:
		return errNotSOCKS
	case err != nil:
		return &cutAnswer{hasBegun: n > 0, err: err}
	}
	if head[1] == 0 {
		return skipBoundAddress(conn, head[3])
	}
	name := socksReplies[head[1]]
	if name == "" {
		name = "unknown"
	}
	words := fmt.Sprintf("the proxy replied %d (%s)", head[1], name)
	switch head[1] {
	case 2:
		return told(tcpconnect.ReasonVantageProhibited, "%s", words)
	case 3:
		return told(tcpconnect.ReasonNetworkUnreachable, "%s", words)
	case 4:
		if _, err := netip.ParseAddr(host); err == nil {
			return told(tcpconnect.ReasonHostUnreachable, "%s", words)
		}
		return told(tcpconnect.ReasonOther, "%s; some proxies say so of a name that does not exist", words)
	case 5:
		return told(tcpconnect.ReasonRefused, "%s", words)
	case 6:
		return told(tcpconnect.ReasonNoResponse, "%s", words)
	default:
		return told(tcpconnect.ReasonOther, "%s, which does not tell why", words)
	}
}

// skipBoundAddress reads the rest of an answer that the far end connected: the address that it dialled from.
func skipBoundAddress(conn net.Conn, kind byte) error {
	length := int64(0)
	switch kind {
	case socksIPv4:
		length = net.IPv4len
	case socksIPv6:
		length = net.IPv6len
	case socksName:
		var size [1]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return &cutAnswer{hasBegun: true, err: err}
		}
		length = int64(size[0])
	default:
		return errNotSOCKS
	}
	if _, err := io.CopyN(io.Discard, conn, length+2); err != nil { // and the port
		return &cutAnswer{hasBegun: true, err: err}
	}
	return nil
}

var errNotSOCKS = unreachable("the answer of the proxy is not one of SOCKS5")

// socksReplies name the replies: RFC 1928, section 6.
var socksReplies = map[byte]string{
	1: "general SOCKS server failure",
	2: "connection not allowed by ruleset",
	3: "Network unreachable",
	4: "Host unreachable",
	5: "Connection refused",
	6: "TTL expired",
	7: "Command not supported",
	8: "Address type not supported",
}
