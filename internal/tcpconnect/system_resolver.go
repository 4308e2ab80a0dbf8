// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/net/dns/dnsmessage"
)

// Resolver looks up the addresses of a host name, best first, in one family: network is "ip4" or "ip6". It returns when
// the context ends. If the name has no such address, the error is a *net.DNSError with IsNotFound, or a *net.AddrError.
// *net.Resolver is a Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// askResolver asks a resolver a question. An error of the answer is a *net.DNSError, or a *ReasonError. If it is known
// which name of the search list is being asked for, searchIndex follows it.
func askResolver(ctx context.Context, resolver Resolver, q question, searchIndex *atomic.Int64) answer {
	var given answer
	if system, ok := resolver.(systemResolver); ok {
		given.ips, given.searchIndex, given.err = system.watch(ctx, q, searchIndex)
	} else {
		given.ips, given.err = resolver.LookupNetIP(ctx, q.family.network(), q.host)
	}
	if _, otherFamily := errors.AsType[*net.AddrError](given.err); otherFamily {
		given.err = noAddress(q.host, q.family)
	}
	var ips []netip.Addr
	for _, ip := range given.ips {
		if ip = ip.Unmap(); q.family.holds(ip) { // a resolver may give IPv4 addresses in their IPv6 form
			ips = append(ips, ip)
		}
	}
	given.ips = ips
	if given.err == nil && len(given.ips) == 0 {
		given.err = noAddress(q.host, q.family)
	}
	return given
}

// noAddress returns the error of a resolver for a name that has no address to dial.
func noAddress(host string, family Family) error {
	return &net.DNSError{
		UnwrapErr:  errNoAddress,
		Err:        "no " + family.describe() + " address",
		Name:       host,
		IsNotFound: true,
	}
}

var errNoAddress = errors.New("the name has no address of the family")

// noAnswer returns the error of a resolver for a name that it did not answer in time.
func noAnswer(host string) error {
	return &net.DNSError{Err: "no answer before the timeout", Name: host, IsTimeout: true, IsTemporary: true}
}

// systemResolver looks names up as this machine does. It watches the connections of Go's own resolver, whose errors are
// texts only.
type systemResolver struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error) // to name servers; nil: a net.Dialer
}

// LookupNetIP looks a name up.
func (r systemResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	family := IPv4
	if network == IPv6.network() {
		family = IPv6
	}
	given := askResolver(ctx, r, question{host, family}, new(atomic.Int64))
	return given.ips, given.err
}

// watch looks a name up, and returns which name of the search list the answer is about. searchIndex follows the name
// that is being asked for.
func (r systemResolver) watch(
	ctx context.Context, q question, searchIndex *atomic.Int64,
) (ips []netip.Addr, index int, err error) {
	// Go's resolver goes on reading after its context has ended. The cancel closes its sockets.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := watch{ctx: ctx, dial: r.dial, searchIndex: searchIndex}
	if watched.dial == nil {
		watched.dial = new(net.Dialer).DialContext
	}
	// Equal lookups through one net.Resolver share their answers, so each lookup has its own: a repeated one must ask
	// again. Without StrictErrors it goes on in the search list after a name server failed, and forgets the failure.
	resolver := net.Resolver{PreferGo: r.dial != nil, StrictErrors: true, Dial: watched.dialServer}
	ips, err = resolver.LookupNetIP(ctx, q.family.network(), q.host)
	index = max(len(watched.askedNames())-1, 0)
	if err != nil {
		if limit := cmp.Or(watched.limit(), descriptorLimit()); limit != nil {
			return nil, index, &ReasonError{Reason: ReasonLocalLimit, Err: fmt.Errorf("lookup %s: %w", q.host, limit)}
		}
		return nil, index, err
	}
	if slices.ContainsFunc(ips, lacksZone) {
		ips = withZones(ctx, &resolver, q.host, ips)
	}
	return ips, index, nil
}

// descriptorLimit returns the error of opening a socket if a limit of this machine forbids it. A resolver that can't
// open its files or sockets says that the name does not exist.
func descriptorLimit() error {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err == nil {
		_ = socket.Close()
		return nil
	}
	if systemReason(err) != ReasonLocalLimit {
		return nil
	}
	return err
}

func lacksZone(ip netip.Addr) bool {
	return ip.IsLinkLocalUnicast() && ip.Is6() && ip.Zone() == ""
}

// withZones adds the zones of the hosts file to link-local addresses: LookupNetIP drops zones
// (https://go.dev/issue/81601), LookupIPAddr keeps them.
func withZones(ctx context.Context, resolver *net.Resolver, host string, ips []netip.Addr) []netip.Addr {
	addresses, err := resolver.LookupIPAddr(ctx, host)
	if err != nil {
		return ips
	}
	var zoned []netip.Addr
	for _, address := range addresses {
		ip, _ := netip.AddrFromSlice(address.IP)
		zoned = append(zoned, ip.WithZone(address.Zone))
	}
	return zoned // of both families; askResolver takes the one that was asked for
}

// watch records what Go's resolver does for one lookup.
type watch struct {
	ctx         context.Context
	dial        func(ctx context.Context, network, address string) (net.Conn, error)
	searchIndex *atomic.Int64

	mu       sync.Mutex
	names    []string // in the queries, each once, in the order of the search list
	limitErr error    // about a limit of this machine
}

// askedNames returns the names that name servers were asked for.
func (w *watch) askedNames() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.names)
}

// limit returns the error if a limit of this machine was reached.
func (w *watch) limit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.limitErr
}

// dialServer connects to a name server.
func (w *watch) dialServer(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.dial(ctx, network, address)
	if err != nil {
		if systemReason(err) == ReasonLocalLimit {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.limitErr = err
		}
		return nil, err
	}
	context.AfterFunc(w.ctx, func() { _ = conn.Close() })
	if datagrams, ok := conn.(*net.UDPConn); ok {
		return watchedDatagrams{datagrams, w}, nil
	}
	return watchedStream{conn, w}, nil
}

// watchedDatagrams is a net.PacketConn, so that Go's resolver sends datagrams.
type watchedDatagrams struct {
	*net.UDPConn
	watch *watch
}

// Write sends a query.
func (d watchedDatagrams) Write(query []byte) (int, error) {
	d.watch.record(query)
	return d.UDPConn.Write(query)
}

type watchedStream struct {
	net.Conn
	watch *watch
}

// Write sends the length of a query and the query: RFC 1035, section 4.2.2.
func (s watchedStream) Write(query []byte) (int, error) {
	s.watch.record(query[min(2, len(query)):])
	return s.Conn.Write(query)
}

// record notes the name in a query.
func (w *watch) record(query []byte) {
	var parser dnsmessage.Parser
	if _, err := parser.Start(query); err != nil {
		return
	}
	asked, err := parser.Question()
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if name := asked.Name.String(); !slices.Contains(w.names, name) {
		w.searchIndex.Store(max(w.searchIndex.Load(), int64(len(w.names))))
		w.names = append(w.names, name)
	}
}
