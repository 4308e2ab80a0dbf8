// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package loopback

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone maps a fully qualified name ("db.test.") to its addresses.
type Zone map[string][]netip.Addr

// DNS starts a DNS server and returns a resolver that asks it. It answers from the zone, and with the failure code (RFC 1035,
// section 4.1.1) for every name that the zone does not hold.
func DNS(tb testing.TB, zone Zone, failure dnsmessage.RCode) *net.Resolver {
	tb.Helper()
	server := listenPacket(tb)
	go func() {
		query := make([]byte, 512)
		for {
			n, client, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			if answer := zone.answer(query[:n], failure); answer != nil {
				_, _ = server.WriteTo(answer, client)
			}
		}
	}()
	return resolverOf(tb, server)
}

// SilentDNS returns a resolver whose server never answers.
func SilentDNS(tb testing.TB) *net.Resolver {
	tb.Helper()
	return resolverOf(tb, listenPacket(tb))
}

func listenPacket(tb testing.TB) net.PacketConn {
	tb.Helper()
	server, err := net.ListenPacket("udp", netip.AddrPortFrom(IPv4, 0).String())
	if err != nil {
		tb.Fatalf("listen for DNS: %v", err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	return server
}

func resolverOf(tb testing.TB, server net.PacketConn) *net.Resolver {
	tb.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "udp", server.LocalAddr().String())
		if err == nil {
			// Go's resolver goes on reading for its own five seconds after its context has ended.
			context.AfterFunc(tb.Context(), func() { _ = conn.Close() })
		}
		return conn, err
	}}
}

func (z Zone) answer(query []byte, failure dnsmessage.RCode) []byte {
	var message dnsmessage.Message
	if err := message.Unpack(query); err != nil || len(message.Questions) != 1 {
		return nil
	}
	question := message.Questions[0]
	ips, found := z[question.Name.String()]
	message.Response, message.RecursionAvailable = true, true
	message.Additionals = nil
	if !found {
		message.RCode = failure
	}
	for _, ip := range ips {
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1}
		switch {
		case ip.Is4() && question.Type == dnsmessage.TypeA:
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && question.Type == dnsmessage.TypeAAAA:
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	answer, err := message.Pack()
	if err != nil {
		return nil
	}
	return answer
}
