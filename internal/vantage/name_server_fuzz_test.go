// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Whatever a name server says, a name is absent only if it says so.
func FuzzAnswersOfNameServers(f *testing.F) {
	question := dnsmessage.Question{
		Name: dnsmessage.MustNewName("db.internal."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}
	query := dnsmessage.Message{Questions: []dnsmessage.Question{question}}
	alias := &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("x.")}
	for _, seed := range []dnsmessage.Message{
		reply(query, dnsmessage.RCodeSuccess, record("db.internal.", &dnsmessage.AResource{A: [4]byte{10, 0, 0, 5}})),
		reply(query, dnsmessage.RCodeSuccess, record("db.internal.", alias), record("x.", alias)),
		reply(query, dnsmessage.RCodeNameError),
		reply(query, dnsmessage.RCodeRefused),
	} {
		f.Add(withLength(seed)[2:])
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		var answer dnsmessage.Message
		if answer.Unpack(packed) != nil {
			return
		}
		ips, failure := addressesIn(&answer, question)
		saysAbsent := answer.RCode == dnsmessage.RCodeNameError || answer.RCode == dnsmessage.RCodeSuccess
		switch {
		case (failure == nil) != (len(ips) > 0):
			t.Errorf("%v and %v", ips, failure)
		case failure != nil && failure.IsNotFound && !saysAbsent:
			t.Errorf("%s is absent", answer.RCode)
		case failure == nil && answer.RCode != dnsmessage.RCodeSuccess:
			t.Errorf("%s has %v", answer.RCode, ips)
		}
		for _, ip := range ips {
			if ip == (netip.Addr{}) {
				t.Errorf("no address in %v", ips)
			}
		}
	})
}
