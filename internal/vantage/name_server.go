// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// nameServer asks a name server over TCP (RFC 7766) through a vantage point. Names are fully qualified: this machine's
// search list has no meaning there.
type nameServer struct {
	server netip.AddrPort
	dial   func(ctx context.Context, address string) (net.Conn, error)
}

func newNameServer(
	server netip.AddrPort, dial func(ctx context.Context, address string) (net.Conn, error),
) tcpconnect.Resolver {
	return nameServer{server, dial}
}

// LookupNetIP asks for the addresses of a name in one family.
func (s nameServer) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	fail := func(text string) *net.DNSError {
		return &net.DNSError{Err: printable(text), Name: host, Server: s.server.String()}
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
	if err != nil {
		return nil, fail("the name is too long")
	}
	kind := dnsmessage.TypeA
	if network == "ip6" {
		kind = dnsmessage.TypeAAAA
	}
	conn, err := s.dial(ctx, s.server.String())
	if err != nil {
		return nil, s.undialled(err, fail)
	}
	stop := closeAtEnd(ctx, conn)
	question := dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}
	answer, err := exchange(conn, question)
	isOver := !stop()
	_ = conn.Close() // the answer is here, or never will be
	switch {
	case isOver:
		failure := fail("no answer before the timeout")
		failure.IsTimeout = true
		return nil, failure
	case err != nil:
		return nil, fail(err.Error())
	}
	ips, failure := addressesIn(answer, question)
	if failure != nil {
		failure.Name, failure.Server = host, s.server.String()
		return nil, failure
	}
	return ips, nil
}

// undialled returns the error of a name server that could not be connected to. An error about the vantage point itself
// stays as it is.
func (s nameServer) undialled(err error, fail func(string) *net.DNSError) error {
	if _, isFatal := errors.AsType[*tcpconnect.VantagePointError](err); isFatal {
		return err
	}
	known, ok := errors.AsType[*tcpconnect.ReasonError](err)
	if ok && known.Reason.SaysNothing() {
		return err
	}
	failure := fail("dial the name server: " + err.Error())
	failure.IsTimeout = ok && known.Reason == tcpconnect.ReasonNoResponse
	return failure
}

// exchange sends a question and reads the answer: RFC 1035, section 4.2.2.
func exchange(conn net.Conn, question dnsmessage.Question) (*dnsmessage.Message, error) {
	id := uint16(rand.Uint32())
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{question},
	}
	packed, err := query.AppendPack(make([]byte, 2, 514))
	if err != nil {
		return nil, errors.New("the name is no name of DNS")
	}
	binary.BigEndian.PutUint16(packed, uint16(len(packed)-2))
	if _, err := conn.Write(packed); err != nil {
		return nil, errors.New("the name server closed the connection")
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, errors.New("the name server closed the connection without an answer")
	}
	packed = make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packed); err != nil {
		return nil, errors.New("the name server closed the connection in the middle of its answer")
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(packed); err != nil {
		return nil, errors.New("the answer of the name server can't be read")
	}
	isAnswer := answer.ID == id && answer.Response && !answer.Truncated && len(answer.Questions) == 1
	if !isAnswer || !sameQuestion(answer.Questions[0], question) {
		return nil, errors.New("the answer of the name server is about something else")
	}
	return &answer, nil
}

func sameQuestion(a, b dnsmessage.Question) bool {
	return sameName(a.Name, b.Name) && a.Type == b.Type && a.Class == b.Class
}

func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }

// addressesIn returns the addresses in an answer that belong to the name asked for or to an alias of it.
func addressesIn(answer *dnsmessage.Message, question dnsmessage.Question) ([]netip.Addr, *net.DNSError) {
	switch answer.RCode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	default:
		return nil, &net.DNSError{Err: "the name server answered " + strings.TrimPrefix(answer.RCode.String(), "RCode")}
	}
	name, ok := canonicalName(question.Name, answer.Answers)
	if !ok {
		return nil, &net.DNSError{Err: "the name server answered an endless chain of aliases"}
	}
	var ips []netip.Addr
	for _, resource := range answer.Answers {
		if !sameName(resource.Header.Name, name) {
			continue
		}
		switch body := resource.Body.(type) {
		case *dnsmessage.AResource:
			ips = append(ips, netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			ips = append(ips, netip.AddrFrom16(body.AAAA))
		}
	}
	// A server that does not look names up for others answers by a referral, or by an alias without what it is of.
	isWhole := answer.RecursionAvailable || answer.Authoritative && sameName(name, question.Name)
	switch {
	case len(ips) > 0:
		return ips, nil
	case isWhole:
		return nil, &net.DNSError{Err: "no such record", IsNotFound: true}
	default:
		return nil, &net.DNSError{Err: "the name server does not look up names of other servers (recursion)"}
	}
}

// longestChain bounds how many aliases are followed.
const longestChain = 32

// canonicalName returns what a name is an alias of in the end. It is not ok if there is no end.
func canonicalName(name dnsmessage.Name, resources []dnsmessage.Resource) (canonical dnsmessage.Name, ok bool) {
	for range longestChain {
		alias, isAlias := aliasOf(name, resources)
		if !isAlias {
			return name, true
		}
		name = alias
	}
	return name, false
}

// aliasOf returns the canonical name of a name, if the resources have one.
func aliasOf(name dnsmessage.Name, resources []dnsmessage.Resource) (dnsmessage.Name, bool) {
	for _, resource := range resources {
		if body, ok := resource.Body.(*dnsmessage.CNAMEResource); ok && sameName(resource.Header.Name, name) {
			return body.CNAME, true
		}
	}
	return name, false
}
