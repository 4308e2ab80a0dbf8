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

// Resolver looks up the addresses of a host name, best first, in one family: network is "ip4" or "ip6". It returns when the context
// ends. A name without such an address is a *net.DNSError that IsNotFound, or a *net.AddrError. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// askResolver asks a resolver a question. An error of the answer is a *net.DNSError, or has a reason of its own. place is set to the
// place in the search list of the name that is being asked for, if that is known.
func askResolver(ctx context.Context, resolver Resolver, q question, place *atomic.Int64) answer {
	var given answer
	if system, ok := resolver.(systemResolver); ok {
		given.ips, given.search, given.err = system.watch(ctx, q, place)
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

// noAddress says, as a resolver would, that a name has no address to dial.
func noAddress(host string, family Family) error {
	return &net.DNSError{UnwrapErr: errNoAddress, Err: "no " + family.describe() + " address", Name: host, IsNotFound: true}
}

var errNoAddress = errors.New("the name has no address of the family")

// noAnswer says, as a resolver would, that the time ran out.
func noAnswer(host string) error {
	return &net.DNSError{Err: "no answer before the timeout", Name: host, IsTimeout: true, IsTemporary: true}
}

// systemResolver looks names up as this machine does. What Go's own resolver does on the way is watched through dial, because its
// errors are texts only. nil: a net.Dialer.
type systemResolver struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
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

// watch looks a name up, returns the place in the search list of the name that the answer is about, and raises place to it on the way.
func (r systemResolver) watch(ctx context.Context, q question, place *atomic.Int64) (ips []netip.Addr, search int, err error) {
	// Cancelled at the end, so that Go's resolver, which goes on reading after its context has ended, loses its sockets.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := watch{ctx: ctx, dial: r.dial, place: place}
	if watched.dial == nil {
		watched.dial = new(net.Dialer).DialContext
	}
	// A resolver of its own: equal lookups through one net.Resolver share what they find, also those that must be made anew.
	// StrictErrors keeps it from going on in the search list, and forgetting the failure, after a name server failed.
	resolver := net.Resolver{PreferGo: r.dial != nil, StrictErrors: true, Dial: watched.dialServer}
	ips, err = resolver.LookupNetIP(ctx, q.family.network(), q.host)
	search = max(len(watched.asksFor())-1, 0)
	if err != nil {
		if limit := cmp.Or(watched.limit(), descriptorLimit()); limit != nil {
			return nil, search, &ReasonError{Reason: ReasonLocalLimit, Err: fmt.Errorf("lookup %s: %w", q.host, limit)}
		}
		return nil, search, err
	}
	if slices.ContainsFunc(ips, lacksZone) {
		ips = withZones(ctx, &resolver, q.host, ips)
	}
	return ips, search, nil
}

// descriptorLimit returns the error of opening a socket if a limit of this machine forbids it. A resolver that can't open its
// files or sockets says that the name does not exist.
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

// withZones gives link-local addresses the zones that the hosts file has for them: LookupNetIP drops zones
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

// watch sees what Go's resolver does for one lookup.
type watch struct {
	ctx   context.Context
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	place *atomic.Int64

	mu    sync.Mutex
	names []string // that name servers were asked for, each once, in the order of the search list
	met   error    // a limit of this machine
}

// asksFor returns the names that name servers were asked for.
func (w *watch) asksFor() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.names)
}

// limit returns a limit of this machine that was met.
func (w *watch) limit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.met
}

// dialServer connects to a name server.
func (w *watch) dialServer(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.dial(ctx, network, address)
	if err != nil {
		if systemReason(err) == ReasonLocalLimit {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.met = err
		}
		return nil, err
	}
	context.AfterFunc(w.ctx, func() { _ = conn.Close() })
	if datagrams, ok := conn.(*net.UDPConn); ok {
		return watchedDatagrams{datagrams, w}, nil
	}
	return watchedStream{conn, w}, nil
}

// watchedDatagrams is a net.PacketConn, by which Go's resolver knows datagrams.
type watchedDatagrams struct {
	*net.UDPConn
	watch *watch
}

// Write sends a query.
func (d watchedDatagrams) Write(query []byte) (int, error) {
	d.watch.asked(query)
	return d.UDPConn.Write(query)
}

type watchedStream struct {
	net.Conn
	watch *watch
}

// Write sends a query after its length: RFC 1035, section 4.2.2.
func (s watchedStream) Write(query []byte) (int, error) {
	s.watch.asked(query[min(2, len(query)):])
	return s.Conn.Write(query)
}

func (w *watch) asked(query []byte) {
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
		w.place.Store(max(w.place.Load(), int64(len(w.names))))
		w.names = append(w.names, name)
	}
}
