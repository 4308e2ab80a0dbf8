// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// half completes the reply of a name server for one family. It returns false if the server stays silent.
type half func(reply *dnsmessage.Message) bool

func knows(ips ...netip.Addr) half {
	return func(reply *dnsmessage.Message) bool {
		loopback.AddAddresses(reply, ips...)
		return true
	}
}

func late(ips ...netip.Addr) half {
	return func(reply *dnsmessage.Message) bool {
		<-time.After(200 * time.Millisecond)
		return knows(ips...)(reply)
	}
}

var (
	staysSilent half = func(*dnsmessage.Message) bool { return false }
	servfail    half = func(reply *dnsmessage.Message) bool { reply.RCode = dnsmessage.RCodeServerFailure; return true }
	nxdomain    half = func(reply *dnsmessage.Message) bool { reply.RCode = dnsmessage.RCodeNameError; return true }

	// truncates makes the resolver ask over TCP, on which nothing listens.
	truncates half = func(reply *dnsmessage.Message) bool { reply.Truncated = true; return true }
)

// halves returns the system's resolver with a name server that treats queries for A and AAAA differently.
func halves(t *testing.T, a, aaaa half) Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	loopback.ServeDNS(t, server, func(reply *dnsmessage.Message, _ string) bool {
		if reply.Questions[0].Type == dnsmessage.TypeA {
			return a(reply)
		}
		return aaaa(reply)
	})
	return asking(server.LocalAddr().(*net.UDPAddr).AddrPort())
}

// asking returns the system's resolver with another name server.
func asking(server netip.AddrPort) systemResolver {
	return systemResolver{dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.String())
	}}
}

func TestConnectedNeedsOneEndpointAndEverythingElseTheWholeAnswer(t *testing.T) {
	t.Parallel()
	v4, v6 := loopback.IPv4, loopback.IPv6
	for name, test := range map[string]struct {
		a, aaaa   half
		open      netip.Addr // accepts; the other address refuses
		reason    Reason
		all       Reason // with all_addresses
		endpoints int    // with all_addresses
	}{
		"both":                                  {knows(v4), knows(v6), v4, ReasonConnected, ReasonRefused, 2},
		"one, the other does not exist":         {knows(v4), knows(), v4, ReasonConnected, ReasonConnected, 1},
		"one, the other is NXDOMAIN":            {knows(v4), nxdomain, v4, ReasonConnected, ReasonConnected, 1},
		"one, the other fails":                  {knows(v4), servfail, v4, ReasonConnected, ReasonDNSFailure, 1},
		"one, the other fails, the other way":   {servfail, knows(v6), v6, ReasonConnected, ReasonDNSFailure, 1},
		"one, the other stays silent":           {knows(v4), staysSilent, v4, ReasonConnected, ReasonDNSTimeout, 1},
		"one, the other is cut short":           {knows(v4), truncates, v4, ReasonConnected, ReasonDNSFailure, 1},
		"one refuses, the other fails":          {servfail, knows(v6), v4, ReasonDNSFailure, ReasonDNSFailure, 1},
		"one refuses, the other stays silent":   {staysSilent, knows(v6), v4, ReasonDNSTimeout, ReasonDNSTimeout, 1},
		"one refuses, the other is cut short":   {knows(v4), truncates, v6, ReasonDNSFailure, ReasonDNSFailure, 1},
		"one refuses, the other does not exist": {knows(v4), nxdomain, v6, ReasonRefused, ReasonRefused, 1},
		"one fails, the other does not exist":   {servfail, knows(), v4, ReasonDNSFailure, ReasonDNSFailure, 0},
		"one is silent, the other NXDOMAIN":     {nxdomain, staysSilent, v4, ReasonDNSTimeout, ReasonDNSTimeout, 0},
		"one fails, the other stays silent":     {staysSilent, servfail, v4, ReasonDNSFailure, ReasonDNSFailure, 0},
		"neither exists":                        {nxdomain, knows(), v4, ReasonNoSuchHost, ReasonNoSuchHost, 0},
		"the second comes late":                 {knows(v4), late(v6), v6, ReasonConnected, ReasonRefused, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := &Collector{Resolver: halves(t, test.a, test.aaaa)}
			address := mustParse(t, fmt.Sprintf("db.test.:%d", loopback.Listen(t, test.open).AddrPort().Port()))
			for _, all := range []bool{false, true} {
				want, timeout := test.reason, patient
				if all {
					want = test.all
				}
				if want == ReasonDNSTimeout {
					timeout = 3 * time.Second
				}
				check := Check{Target: Target{Address: address, AllAddresses: all}, Timeout: timeout}
				result, err := collector.Collect(t.Context(), check, nil)
				if err != nil || result.Reason != want || result.Status != want.Status() {
					t.Errorf("all addresses %t: %s, %s (%s), %v; want %s",
						all, result.Status, result.Reason, result.Message, err, want)
				}
				if all && len(result.Endpoints) != test.endpoints {
					t.Errorf("the answers of %d addresses, want %d", len(result.Endpoints), test.endpoints)
				}
				for _, endpoint := range result.Endpoints {
					isOpen := endpoint.Endpoint.Addr() == test.open
					if !strings.Contains(result.Message, endpoint.Message) || isOpen != (endpoint.Status == Connected) {
						t.Errorf("%s is %s (%s) of %q",
							endpoint.Endpoint, endpoint.Status, endpoint.Message, result.Message)
					}
				}
				if want == ReasonConnected && result.Duration > 5*time.Second/2 {
					t.Errorf("took %s: a silent name server must cost nothing", result.Duration)
				}
			}
		})
	}
}

func TestNameThatDoesNotExistIsToldInTheResolversWords(t *testing.T) {
	t.Parallel()
	resolver := resolverFunc(func(_ context.Context, network, host string) ([]netip.Addr, error) {
		if network == "ip4" {
			return nil, nil
		}
		time.Sleep(time.Millisecond)
		return nil, &net.DNSError{Err: "no such host", Name: host, Server: "10.0.0.53:53", IsNotFound: true}
	})
	synctest.Test(t, func(t *testing.T) {
		result := collect(t, &Collector{Resolver: resolver}, "db.test:80", patient)
		expect(t, result, Error, ReasonNoSuchHost, "10.0.0.53")
	})
}

func TestAddressesComeInTheOrderOfPreference(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		four, six time.Duration // until the resolver answers
		tried     []netip.Addr
	}{
		"IPv6 first":                           {0, 0, []netip.Addr{loopback.IPv6, loopback.IPv4}},
		"IPv6 first if it is a little late":    {0, resolutionDelay - 1, []netip.Addr{loopback.IPv6, loopback.IPv4}},
		"the other first if IPv6 is very late": {0, resolutionDelay + 1, []netip.Addr{loopback.IPv4, loopback.IPv6}},
		"IPv6 first if IPv4 is late":           {time.Second, 0, []netip.Addr{loopback.IPv6, loopback.IPv4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				resolver := resolverFunc(func(_ context.Context, network, _ string) ([]netip.Addr, error) {
					if network == "ip4" {
						time.Sleep(test.four)
						return []netip.Addr{loopback.IPv4}, nil
					}
					time.Sleep(test.six)
					return []netip.Addr{loopback.IPv6}, nil
				})
				answers := script{
					"127.0.0.1": {err: syscallError(refusedErrno)},
					"::1":       {err: syscallError(refusedErrno)},
				}
				collector := &Collector{Resolver: resolver, Dialer: endpointDialer(answers.dial)}
				expectTried(t, collect(t, collector, "db.test:80", patient), test.tried)
			})
		})
	}
}

func TestAddressWithoutASourceComesLast(t *testing.T) {
	t.Parallel()
	far := netip.MustParseAddr("2001:db8::1")
	if conn, err := net.Dial("udp", netip.AddrPortFrom(far, 80).String()); err == nil {
		_ = conn.Close()
		t.Skip("this machine has a route to 2001:db8::/32")
	}
	collector := &Collector{Resolver: halves(t, knows(loopback.IPv4), knows(far))}
	result := collect(t, collector, fmt.Sprintf("db.test.:%d", loopback.Refused(t).Port()), patient)
	expectTried(t, result, []netip.Addr{loopback.IPv4, far})
}

func expectTried(t *testing.T, result Result, want []netip.Addr) {
	t.Helper()
	var tried []netip.Addr
	for _, endpoint := range result.Tried {
		tried = append(tried, endpoint.Addr())
	}
	if !slices.Equal(tried, want) {
		t.Errorf("tried %s, want %s (%s)", tried, want, result.Message)
	}
}
