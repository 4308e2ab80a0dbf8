// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// dnsOver serves DNS over TCP: answer turns a query into what is sent.
func dnsOver(t *testing.T, answer func(query dnsmessage.Message) []byte) netip.AddrPort {
	t.Helper()
	return netip.MustParseAddrPort(serve(t, func(conn net.Conn) {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		packed := make([]byte, binary.BigEndian.Uint16(length[:]))
		var query dnsmessage.Message
		if _, err := io.ReadFull(conn, packed); err != nil || query.Unpack(packed) != nil {
			return
		}
		_, _ = conn.Write(answer(query))
	}))
}

// withLength packs a message as DNS over TCP sends it.
func withLength(message dnsmessage.Message) []byte {
	packed, err := message.AppendPack(make([]byte, 2))
	if err != nil {
		panic(err)
	}
	binary.BigEndian.PutUint16(packed, uint16(len(packed)-2))
	return packed
}

// reply answers a query by records.
func reply(query dnsmessage.Message, code dnsmessage.RCode, records ...dnsmessage.Resource) dnsmessage.Message {
	return dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, RCode: code, RecursionAvailable: true},
		Questions: query.Questions, Answers: records,
	}
}

func record(name string, body dnsmessage.ResourceBody) dnsmessage.Resource {
	header := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: 60}
	return dnsmessage.Resource{Header: header, Body: body}
}

func TestNameServerIsAskedThroughTheVantagePoint(t *testing.T) {
	t.Parallel()
	a := func(name string, last byte) dnsmessage.Resource {
		return record(name, &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}})
	}
	aaaa := record("db.internal.", &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("fd00::5").As16()})
	alias := func(name, of string) dnsmessage.Resource {
		return record(name, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(of)})
	}
	success := func(records ...dnsmessage.Resource) func(dnsmessage.Message) []byte {
		return func(query dnsmessage.Message) []byte {
			return withLength(reply(query, dnsmessage.RCodeSuccess, records...))
		}
	}
	failing := func(change func(*dnsmessage.Message)) func(dnsmessage.Message) []byte {
		return func(query dnsmessage.Message) []byte {
			message := reply(query, dnsmessage.RCodeSuccess, a("db.internal.", 5))
			change(&message)
			return withLength(message)
		}
	}
	for name, test := range map[string]struct {
		answer  func(dnsmessage.Message) []byte
		network string
		want    string // addresses, or the kind of the error
	}{
		"addresses":         {success(a("db.internal.", 5), a("DB.internal.", 6)), "ip4", "[10.0.0.5 10.0.0.6]"},
		"IPv6":              {success(aaaa), "ip6", "[fd00::5]"},
		"an alias":          {success(alias("db.internal.", "x."), a("x.", 7), a("y.", 8)), "ip4", "[10.0.0.7]"},
		"a loop of aliases": {success(alias("db.internal.", "x."), alias("x.", "db.internal.")), "ip4", "failed"},
		"of another name":   {success(a("evil.internal.", 6)), "ip4", "absent"},
		"no record":         {success(), "ip4", "absent"},
		"no such name": {func(query dnsmessage.Message) []byte {
			return withLength(reply(query, dnsmessage.RCodeNameError))
		}, "ip4", "absent"},
		"a failure": {func(query dnsmessage.Message) []byte {
			return withLength(reply(query, dnsmessage.RCodeServerFailure))
		}, "ip4", "failed"},
		"a refusal": {failing(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeRefused }), "ip4", "failed"},
		"a referral": {failing(func(m *dnsmessage.Message) {
			m.RecursionAvailable, m.Answers = false, nil
		}), "ip4", "failed"},
		"an alias alone, without recursion": {failing(func(m *dnsmessage.Message) {
			m.RecursionAvailable, m.Authoritative = false, true
			m.Answers = []dnsmessage.Resource{alias("db.internal.", "db.elsewhere.")}
		}), "ip4", "failed"},
		"no record, by its own server": {failing(func(m *dnsmessage.Message) {
			m.RecursionAvailable, m.Authoritative, m.Answers = false, true, nil
		}), "ip4", "absent"},
		"addresses, by its own server": {failing(func(m *dnsmessage.Message) {
			m.RecursionAvailable, m.Authoritative = false, true
		}), "ip4", "[10.0.0.5]"},
		"of another question": {failing(func(m *dnsmessage.Message) { m.ID++ }), "ip4", "failed"},
		"of another type": {failing(func(m *dnsmessage.Message) {
			m.Questions = slices.Clone(m.Questions)
			m.Questions[0].Type = dnsmessage.TypeAAAA
		}), "ip4", "failed"},
		"a query":       {failing(func(m *dnsmessage.Message) { m.Response = false }), "ip4", "failed"},
		"a cut answer":  {failing(func(m *dnsmessage.Message) { m.Truncated = true }), "ip4", "failed"},
		"garbage":       {func(dnsmessage.Message) []byte { return []byte("\x00\x04oops") }, "ip4", "failed"},
		"half a length": {func(dnsmessage.Message) []byte { return []byte{0} }, "ip4", "failed"},
		"half":          {func(dnsmessage.Message) []byte { return []byte{0, 99, 1} }, "ip4", "failed"},
		"nothing":       {func(dnsmessage.Message) []byte { return []byte{} }, "ip4", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newNameServer(dnsOver(t, func(query dnsmessage.Message) []byte {
				if query.Questions[0].Name.String() != "db.internal." || !query.RecursionDesired {
					t.Errorf("asked for %s", query.Questions[0].Name)
				}
				return test.answer(query)
			}), fromHere)
			if got := lookedUp(t, server, test.network, patient); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestNameServerThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newNameServer(netip.MustParseAddrPort("10.0.0.2:53"), pipeTo(0, silence))
		if got := lookedUp(t, server, "ip4", time.Second); got != "timeout" {
			t.Errorf("silence is %s, want timeout", got)
		}
	})
}

// lookedUp returns the addresses of db.internal, or the kind of the error.
func lookedUp(t *testing.T, server tcpconnect.Resolver, network string, timeout time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	ips, err := server.LookupNetIP(ctx, network, "db.internal")
	failure, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case err == nil:
		return fmt.Sprint(ips)
	case !isDNS:
		return string(reasonOf(err))
	case failure.IsNotFound:
		return "absent"
	case failure.IsTimeout:
		return "timeout"
	default:
		return "failed"
	}
}

// A name server that can't be dialled failed; a vantage point that can't be used stays what it is.
func TestNameServerThatCannotBeDialled(t *testing.T) {
	t.Parallel()
	for reason, want := range map[tcpconnect.Reason]string{
		tcpconnect.ReasonRefused:            "failed",
		tcpconnect.ReasonHostUnreachable:    "failed",
		tcpconnect.ReasonNoResponse:         "timeout",
		tcpconnect.ReasonVantageUnreachable: "vantage-unreachable",
		tcpconnect.ReasonVantageProhibited:  "vantage-prohibited",
	} {
		dial := func(context.Context, string) (net.Conn, error) { return nil, told(reason, "words") }
		server := newNameServer(netip.MustParseAddrPort("10.0.0.2:53"), dial)
		if got := lookedUp(t, server, "ip4", patient); got != want {
			t.Errorf("%s is %s, want %s", reason, got, want)
		}
	}
}
