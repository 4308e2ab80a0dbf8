// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package loopback

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone maps a fully qualified name ("db.test.") to its addresses.
type Zone map[string][]netip.Addr

// DNS starts a DNS server and returns a resolver that asks it. The server answers from the zone, and with the failure
// code (RFC 1035, section 4.1.1) for every other name.
func DNS(tb testing.TB, zone Zone, failure dnsmessage.RCode) *net.Resolver {
	tb.Helper()
	return DNSFunc(tb, func(reply *dnsmessage.Message, _ string) bool {
		ips, found := zone[reply.Questions[0].Name.String()]
		if !found {
			reply.RCode = failure
		}
		AddAddresses(reply, ips...)
		return true
	})
}

// SilentDNS returns a resolver whose server never answers.
func SilentDNS(tb testing.TB) *net.Resolver {
	tb.Helper()
	return DNSFunc(tb, func(*dnsmessage.Message, string) bool { return false })
}

// DNSFunc starts a DNS server and returns a resolver that asks it. The function completes the reply to a query that
// came over a network, "udp" or "tcp", and reports whether to send it. Several calls may run at once.
func DNSFunc(tb testing.TB, complete func(reply *dnsmessage.Message, network string) bool) *net.Resolver {
	tb.Helper()
	datagrams, streams := listenDNS(tb)
	ServeDNS(tb, datagrams, complete)
	go func() {
		for {
			conn, err := streams.Accept()
			if err != nil {
				return
			}
			go answerStream(conn, complete)
		}
	}()
	return resolverOf(tb, datagrams.LocalAddr().String())
}

// SlowDNS starts a DNS server and returns its endpoint. It answers one query after the other, perSecond in a second,
// and loses queries that do not fit into its socket's default buffer. Every name has the address 127.0.0.1.
func SlowDNS(tb testing.TB, perSecond int) netip.AddrPort {
	tb.Helper()
	datagrams, err := net.ListenPacket("udp", netip.AddrPortFrom(IPv4, 0).String())
	if err != nil {
		tb.Fatalf("listen for DNS: %v", err)
	}
	tb.Cleanup(func() { _ = datagrams.Close() })
	go func() {
		query := make([]byte, 512)
		for due := time.Now(); ; {
			n, client, err := datagrams.ReadFrom(query)
			if err != nil {
				return
			}
			const idle = 10 * time.Millisecond // longer than a sleep is late
			if time.Since(due) > idle {
				due = time.Now()
			}
			due = due.Add(time.Second / time.Duration(perSecond))
			time.Sleep(time.Until(due))
			reply := answer(query[:n], "udp", func(reply *dnsmessage.Message, _ string) bool {
				AddAddresses(reply, IPv4)
				return true
			})
			_, _ = datagrams.WriteTo(reply, client)
		}
	}()
	return datagrams.LocalAddr().(*net.UDPAddr).AddrPort()
}

// ServeDNS answers queries over UDP until the test ends.
func ServeDNS(tb testing.TB, datagrams net.PacketConn, complete func(reply *dnsmessage.Message, network string) bool) {
	tb.Helper()
	tb.Cleanup(func() { _ = datagrams.Close() })
	go func() {
		for {
			query := make([]byte, 512)
			n, client, err := datagrams.ReadFrom(query)
			if err != nil {
				return
			}
			go func() {
				if reply := answer(query[:n], "udp", complete); reply != nil {
					_, _ = datagrams.WriteTo(reply, client)
				}
			}()
		}
	}()
}

// listenDNS listens for datagrams and streams on one port.
func listenDNS(tb testing.TB) (net.PacketConn, net.Listener) {
	tb.Helper()
	for range 10 { // because the port may be taken for TCP
		datagrams, err := net.ListenPacket("udp", netip.AddrPortFrom(IPv4, 0).String())
		if err != nil {
			tb.Fatalf("listen for DNS: %v", err)
		}
		streams, err := net.Listen("tcp", datagrams.LocalAddr().String())
		if err != nil {
			_ = datagrams.Close()
			continue
		}
		tb.Cleanup(func() { _ = streams.Close() })
		return datagrams, streams
	}
	tb.Fatal("no port is free for datagrams and streams")
	return nil, nil
}

// answerStream answers one query: RFC 1035, section 4.2.2.
func answerStream(conn net.Conn, complete func(*dnsmessage.Message, string) bool) {
	defer conn.Close() //nolint:errcheck // The test sees what was sent.
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	if reply := answer(query, "tcp", complete); reply != nil {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
}

func resolverOf(tb testing.TB, server string) *net.Resolver {
	tb.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, server)
		if err == nil {
			// Go's resolver reads for its own five seconds, even after its context has ended.
			context.AfterFunc(tb.Context(), func() { _ = conn.Close() })
		}
		return conn, err
	}}
}

func answer(query []byte, network string, complete func(*dnsmessage.Message, string) bool) []byte {
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
		return nil
	}
	message.Response, message.RecursionAvailable = true, true
	message.Additionals = nil
	if !complete(&message, network) {
		return nil
	}
	reply, err := message.Pack()
	if err != nil {
		return nil
	}
	return reply
}

// AddAddresses adds the addresses of the family that the question asks for to a reply.
func AddAddresses(reply *dnsmessage.Message, ips ...netip.Addr) {
	question := reply.Questions[0]
	for _, ip := range ips {
		answer := dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
		}
		switch {
		case ip.Is4() && question.Type == dnsmessage.TypeA:
			answer.Body = &dnsmessage.AResource{A: ip.As4()}
		case ip.Is6() && question.Type == dnsmessage.TypeAAAA:
			answer.Body = &dnsmessage.AAAAResource{AAAA: ip.As16()}
		default:
			continue
		}
		reply.Answers = append(reply.Answers, answer)
	}
}
