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
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/netlab"
)

// The faults of a network, each made by a kernel. RELIABILITY.md is this table.

// fault is what a dial meets.
type fault struct {
	name    string
	made    string // how it is made, for RELIABILITY.md
	reason  Reason
	says    string        // in the message
	timeout time.Duration // 0: a second if the status is a timeout, or else patient
	dial    func(t *testing.T) (*Collector, string)
	source  netip.Addr // to dial from, may be zero
}

func (f fault) limit() time.Duration {
	switch {
	case f.timeout > 0:
		return f.timeout
	case f.reason.Status() == ConnectionTimeout:
		return time.Second
	default:
		return patient
	}
}

func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	for _, fault := range networkFaults() {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			fault.test(t)
		})
	}
}

func (f fault) test(t *testing.T) {
	t.Helper()
	collector, address := f.dial(t)
	target := Target{Address: mustParse(t, address), Source: f.source}
	result, err := collector.Collect(t.Context(), Check{Target: target, Timeout: f.limit()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Reason != f.reason || result.Status != f.reason.Status() ||
		!strings.Contains(result.Message, f.says) {
		t.Errorf("%s, %s: %q; want %s and %q", result.Status, result.Reason, result.Message, f.reason, f.says)
	}
}

// from returns a collector that dials from a host of a lab.
func from(host *netlab.Host) *Collector {
	dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (conn net.Conn, err error) {
		if ctx.Err() != nil { // a dial that lost its race before it began: the lab may be gone
			return nil, context.Cause(ctx)
		}
		if ended := host.Do(func() { conn, err = dialSystem(ctx, local, remote) }); ended != nil {
			return nil, ended
		}
		return conn, err
	}
	return &Collector{Dialer: endpointDialer(dial)}
}

// inLab dials from the client of a new lab to the endpoint that prepare returns.
func inLab(prepare func(*netlab.Lab) netip.AddrPort) func(*testing.T) (*Collector, string) {
	return func(t *testing.T) (*Collector, string) {
		t.Helper()
		lab := netlab.New(t)
		remote := prepare(lab)
		return from(lab.Client), remote.String()
	}
}

// family holds what differs between the two versions of IP.
type family struct {
	name       string
	peer       netip.Addr
	none       netip.Addr // in the network of the cable; no host has it
	second     netip.Addr // of the peer, if it has two
	far        netip.Addr // the client has no route to it
	farNetwork string
	icmp       string // its name in nftables
}

var ipFamilies = []family{
	{
		name:       "IPv4",
		peer:       netlab.PeerIPv4,
		none:       netip.MustParseAddr("10.1.0.77"),
		second:     netip.MustParseAddr("10.1.0.3"),
		far:        netip.MustParseAddr("192.0.2.1"),
		farNetwork: "192.0.2.0/24",
		icmp:       "icmp",
	},
	{
		name:       "IPv6",
		peer:       netlab.PeerIPv6,
		none:       netip.MustParseAddr("fd00:1::77"),
		second:     netip.MustParseAddr("fd00:1::3"),
		far:        netip.MustParseAddr("2001:db8::1"),
		farNetwork: "2001:db8::/32",
		icmp:       "icmpv6",
	},
}

const closedPort = 4242

func networkFaults() []fault {
	var faults []fault
	for _, ip := range ipFamilies {
		faults = append(faults, ip.answers()...)
		faults = append(faults, ip.rules()...)
		faults = append(faults, ip.routes()...)
	}
	return slices.Concat(faults, slowCables(), twoAddresses(), nameServers(), localFaults())
}

func (ip family) fault(
	name, made string, reason Reason, says string, prepare func(*netlab.Lab) netip.AddrPort,
) fault {
	return fault{name: name + ", " + ip.name, made: made, reason: reason, says: says, dial: inLab(prepare)}
}

// answers returns what the peer's kernel may answer.
func (ip family) answers() []fault {
	listener := func(lab *netlab.Lab) netip.AddrPort { return lab.Peer.Listen(ip.peer) }
	resetter := func(lab *netlab.Lab) netip.AddrPort {
		return lab.Peer.Serve(ip.peer, func(conn *net.TCPConn) { _ = conn.SetLinger(0); _ = conn.Close() })
	}
	fullListener := func(lab *netlab.Lab) netip.AddrPort { return lab.Peer.ListenFull(ip.peer) }
	closed := func(*netlab.Lab) netip.AddrPort { return netip.AddrPortFrom(ip.peer, closedPort) }
	nobody := func(*netlab.Lab) netip.AddrPort { return netip.AddrPortFrom(ip.none, closedPort) }
	return []fault{
		ip.fault("open port", "a listener on the peer", ReasonConnected, "", listener),
		ip.fault("closed port", "no listener on the peer", ReasonRefused, "connection refused", closed),
		ip.fault("accepted and closed at once", "the peer closes each connection at once",
			ReasonConnected, "", listener),
		ip.fault("accepted and reset at once", "the peer closes each connection at once, with SO_LINGER 0",
			ReasonConnected, "", resetter),
		ip.fault("full accept queue",
			"a listener with a backlog of 0 that never accepts, and enough connections to fill it",
			ReasonNoResponse, "timeout", fullListener),
		ip.fault("address that nobody has", "no host answers ARP or neighbour solicitation",
			ReasonHostUnreachable, "no route to host", nobody),
		ip.fault("address that nobody has, short timeout", "as above, with a timeout of 1 s",
			ReasonNoResponse, "timeout", nobody),
	}
}

// rules returns what a firewall may do. A listener is behind it.
func (ip family) rules() []fault {
	onPeer := func(name, rule string, reason Reason, says string) fault {
		return ip.fault(name, "nftables on the peer: `"+rule+"`", reason, says, func(lab *netlab.Lab) netip.AddrPort {
			lab.Peer.Rules(rule)
			return lab.Peer.Listen(ip.peer)
		})
	}
	onClient := func(name, rule string, reason Reason, says string) fault {
		return ip.fault(name, "nftables on the client: `"+rule+"`", reason, says, func(lab *netlab.Lab) netip.AddrPort {
			lab.Client.Rules(rule)
			return lab.Peer.Listen(ip.peer)
		})
	}
	reject := "input tcp flags syn reject with "
	faults := []fault{
		onPeer("rejected with a TCP reset", reject+"tcp reset", ReasonRefused, "connection refused"),
		onPeer("dropped SYN", "input tcp flags syn drop", ReasonNoResponse, "timeout"),
		onClient("dropped SYN-ACK", "input tcp flags & (syn|ack) == syn|ack drop", ReasonNoResponse, "timeout"),
		onClient("dropped on the way out", "output tcp flags syn drop", ReasonNoResponse, "timeout"),
		onPeer("all packets lost", "input meta l4proto tcp drop", ReasonNoResponse, "timeout"),
		onPeer("one packet in three lost, including the first", "input meta l4proto tcp numgen inc mod 3 0 drop",
			ReasonConnected, ""),
		onPeer("port unreachable", reject+ip.icmp+" port-unreachable", ReasonRefused, "connection refused"),
	}
	if ip.name == "IPv4" {
		return append(faults,
			onPeer("host unreachable", reject+"icmp host-unreachable", ReasonHostUnreachable, "no route to host"),
			onPeer("network unreachable", reject+"icmp net-unreachable",
				ReasonNetworkUnreachable, "network is unreachable"),
			onPeer("administratively prohibited", reject+"icmp admin-prohibited",
				ReasonHostUnreachable, "no route to host"),
			onPeer("host prohibited", reject+"icmp host-prohibited", ReasonHostUnreachable, "no route to host"),
			onPeer("network prohibited", reject+"icmp net-prohibited",
				ReasonNetworkUnreachable, "network is unreachable"),
		)
	}
	return append(faults,
		onPeer("address unreachable", reject+"icmpv6 addr-unreachable", ReasonHostUnreachable, "no route to host"),
		onPeer("no route at a router", reject+"icmpv6 no-route", ReasonNetworkUnreachable, "network is unreachable"),
		onPeer("administratively prohibited", reject+"icmpv6 admin-prohibited", ReasonProhibited, "permission denied"),
		onPeer("policy", reject+"icmpv6 policy-fail", ReasonProhibited, "permission denied"),
		onPeer("reject route at a router", reject+"icmpv6 reject-route", ReasonProhibited, "permission denied"),
	)
}

// routes returns what the client's own kernel may answer.
func (ip family) routes() []fault {
	far := func(*netlab.Lab) netip.AddrPort { return netip.AddrPortFrom(ip.far, closedPort) }
	route := func(kind string, reason Reason, says string) fault {
		made := fmt.Sprintf("`ip route add %s %s` on the client", kind, ip.farNetwork)
		return ip.fault(kind+" route", made, reason, says, func(lab *netlab.Lab) netip.AddrPort {
			lab.Client.Run("ip", "route", "add", kind, ip.farNetwork)
			return far(lab)
		})
	}
	withoutLink := func(host func(*netlab.Lab) *netlab.Host) func(*netlab.Lab) netip.AddrPort {
		return func(lab *netlab.Lab) netip.AddrPort {
			host(lab).Run("ip", "link", "set", "eth0", "down")
			return netip.AddrPortFrom(ip.peer, closedPort)
		}
	}
	client := func(lab *netlab.Lab) *netlab.Host { return lab.Client }
	peer := func(lab *netlab.Lab) *netlab.Host { return lab.Peer }
	return []fault{
		ip.fault("no route", "the client has no route to the address",
			ReasonNetworkUnreachable, "network is unreachable", far),
		route("blackhole", ReasonOther, "invalid argument"),
		route("unreachable", ReasonHostUnreachable, "no route to host"),
		route("prohibit", ReasonProhibited, "permission denied"),
		ip.fault("interface down", "`ip link set eth0 down` on the client",
			ReasonNetworkUnreachable, "network is unreachable", withoutLink(client)),
		ip.fault("cable pulled at the peer", "`ip link set eth0 down` on the peer",
			ReasonNoResponse, "timeout", withoutLink(peer)),
	}
}

func slowCables() []fault {
	slow := func(name string, delay, timeout time.Duration, reason Reason, says string, address netip.Addr) fault {
		return fault{
			name:    name,
			made:    fmt.Sprintf("a cable that delays every packet by %s, with a timeout of %s", delay, timeout),
			reason:  reason,
			says:    says,
			timeout: timeout,
			dial: func(t *testing.T) (*Collector, string) {
				t.Helper()
				lab := netlab.NewSlow(t, delay)
				return from(lab.Client), lab.Peer.Listen(address).String()
			},
		}
	}
	return []fault{
		slow("delay of 300 ms, IPv4", 150*time.Millisecond, 5*time.Second, ReasonConnected, "", netlab.PeerIPv4),
		slow("delay of 300 ms, IPv6", 150*time.Millisecond, 5*time.Second, ReasonConnected, "", netlab.PeerIPv6),
		slow("delay longer than the timeout, IPv4", time.Second, time.Second,
			ReasonNoResponse, "timeout", netlab.PeerIPv4),
	}
}

// replyFunc completes the reply of a name server. It returns false if the server stays silent.
type replyFunc func(reply *dnsmessage.Message, network string) bool

// nameServers returns what a name server may do. The name has an address with a listener.
func nameServers() []fault {
	lookup := func(name, made string, reason Reason, says string, answer replyFunc) fault {
		return fault{
			name:   "name: " + name,
			made:   made,
			reason: reason,
			says:   says,
			dial: func(t *testing.T) (*Collector, string) {
				t.Helper()
				port := loopback.Open(t).Port()
				return &Collector{Resolver: loopback.DNSFunc(t, answer)}, fmt.Sprintf("db.test.:%d", port)
			},
		}
	}
	replying := func(code dnsmessage.RCode, ips ...netip.Addr) replyFunc {
		return func(reply *dnsmessage.Message, _ string) bool {
			reply.RCode = code
			loopback.AddAddresses(reply, ips...)
			return true
		}
	}
	after := func(delay time.Duration) replyFunc {
		return func(reply *dnsmessage.Message, _ string) bool {
			<-time.After(delay)
			loopback.AddAddresses(reply, loopback.IPv4)
			return true
		}
	}
	silent := func(*dnsmessage.Message, string) bool { return false }
	loop := func(reply *dnsmessage.Message, _ string) bool {
		name := reply.Questions[0].Name
		reply.Answers = append(reply.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.CNAMEResource{CNAME: name},
		})
		return true
	}
	truncated := func(ips ...netip.Addr) replyFunc {
		return func(reply *dnsmessage.Message, network string) bool {
			if reply.Truncated = network == "udp"; !reply.Truncated {
				loopback.AddAddresses(reply, ips...)
			}
			return true
		}
	}
	many := make([]netip.Addr, 200) // the first 199 refuse, because the listener is on 127.0.0.1
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{127, 0, 1, byte(i)})
	}
	many[len(many)-1] = loopback.IPv4
	return []fault{
		lookup("resolved", "the server answers",
			ReasonConnected, "", replying(dnsmessage.RCodeSuccess, loopback.IPv4)),
		lookup("NXDOMAIN", "the server answers NXDOMAIN",
			ReasonNoSuchHost, "no such host", replying(dnsmessage.RCodeNameError)),
		lookup("SERVFAIL", "the server answers SERVFAIL",
			ReasonDNSFailure, "server misbehaving", replying(dnsmessage.RCodeServerFailure)),
		lookup("REFUSED", "the server answers REFUSED",
			ReasonDNSFailure, "server misbehaving", replying(dnsmessage.RCodeRefused)),
		lookup("no address", "the server answers without an address",
			ReasonNoSuchHost, "no such host", replying(dnsmessage.RCodeSuccess)),
		lookup("no answer", "the server stays silent", ReasonDNSTimeout, "timeout", silent),
		lookup("slow answer", "the server answers after 300 ms", ReasonConnected, "", after(300*time.Millisecond)),
		lookup("answer after the timeout", "the server answers after 3 s",
			ReasonDNSTimeout, "timeout", after(3*time.Second)),
		lookup("truncated answer", "the answer is truncated over UDP, and complete over TCP (RFC 7766)",
			ReasonConnected, "", truncated(loopback.IPv4)),
		lookup("200 addresses", "the answer has 200 addresses: the last accepts, the others refuse",
			ReasonConnected, "", truncated(many...)),
		lookup("CNAME loop", "the name is an alias of itself", ReasonNoSuchHost, "no such host", loop),
		{
			name:   "name: only IPv6 addresses, on a machine without IPv6",
			made:   "`net.ipv6.conf.all.disable_ipv6 = 1` on the client",
			reason: ReasonLocalAddress,
			says:   "cannot assign requested address",
			dial: func(t *testing.T) (*Collector, string) {
				t.Helper()
				lab := netlab.New(t)
				lab.Client.Set("ipv6/conf/all/disable_ipv6", "1")
				collector := from(lab.Client)
				zone := loopback.Zone{"db.test.": {netlab.PeerIPv6}}
				collector.Resolver = loopback.DNS(t, zone, dnsmessage.RCodeNameError)
				return collector, fmt.Sprintf("db.test.:%d", lab.Peer.Listen(netlab.PeerIPv6).Port())
			},
		},
	}
}

// twoAddresses returns names with a dead and a live address: they connect, whichever is first.
func twoAddresses() []fault {
	var faults []fault
	for _, ip := range ipFamilies {
		toSecond := "input ip daddr " + ip.second.String()
		if ip.second.Is6() {
			toSecond = "input ip6 daddr " + ip.second.String()
		}
		for _, dead := range []deadAddress{
			{"refuses", "the dead address refuses", ip.second, toSecond + " tcp flags syn reject with tcp reset"},
			{"is silent", "the dead address drops every SYN", ip.second, toSecond + " tcp flags syn drop"},
			{"belongs to no host", "no host has the dead address", ip.none, ""},
			{"has no route", "the client has no route to the dead address", ip.far, ""},
		} {
			for _, order := range []string{"first", "last"} {
				faults = append(faults, fault{
					name:   fmt.Sprintf("name with two addresses, the %s %s, %s", order, dead.name, ip.name),
					made:   dead.made + ", and the other one accepts",
					reason: ReasonConnected,
					dial:   dead.beside(ip, order),
				})
			}
		}
	}
	return faults
}

type deadAddress struct {
	name    string
	made    string
	address netip.Addr
	rule    string // on the peer, may be empty
}

// beside dials a name with the dead address, first or last, and the address of the peer.
func (d deadAddress) beside(ip family, order string) func(*testing.T) (*Collector, string) {
	return func(t *testing.T) (*Collector, string) {
		t.Helper()
		lab := netlab.New(t)
		lab.Peer.AddAddress(netip.PrefixFrom(ip.second, ip.second.BitLen()))
		if d.rule != "" {
			lab.Peer.Rules(d.rule)
		}
		addresses := []netip.Addr{d.address, ip.peer}
		if order == "last" {
			slices.Reverse(addresses)
		}
		collector := from(lab.Client)
		collector.Resolver = inOrder(addresses)
		return collector, fmt.Sprintf("db.test:%d", lab.Peer.Listen(ip.peer).Port())
	}
}

// inOrder is a resolver that returns addresses in a given order. Go's own would sort them (RFC 6724).
type inOrder []netip.Addr

func (a inOrder) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return a, nil }

// localFaults returns faults of the machine that dials.
func localFaults() []fault {
	return []fault{
		{
			name:   "no network at all",
			made:   "a network namespace with only a loopback interface",
			reason: ReasonNetworkUnreachable,
			says:   "network is unreachable",
			dial: func(t *testing.T) (*Collector, string) {
				t.Helper()
				return from(netlab.NewHost(t)), netip.AddrPortFrom(netlab.PeerIPv4, closedPort).String()
			},
		},
		{
			name:   "no such source address",
			made:   "`source_address` is not an address of the client",
			reason: ReasonLocalAddress,
			says:   "can't dial from the source address 10.1.0.99",
			source: netip.MustParseAddr("10.1.0.99"),
			dial:   inLab(func(lab *netlab.Lab) netip.AddrPort { return lab.Peer.Listen(netlab.PeerIPv4) }),
		},
		{
			name:   "another source address",
			made:   "`source_address` is a second address of the client",
			reason: ReasonConnected,
			source: netip.MustParseAddr("10.1.0.9"),
			dial: inLab(func(lab *netlab.Lab) netip.AddrPort {
				lab.Client.AddAddress(netip.MustParsePrefix("10.1.0.9/24"))
				return lab.Peer.Listen(netlab.PeerIPv4)
			}),
		},
		{
			name:   "no free local port",
			made:   "`net.ipv4.ip_local_port_range` has one port, and another connection to the peer uses it",
			reason: ReasonLocalAddress,
			says:   "cannot assign requested address",
			dial: inLab(func(lab *netlab.Lab) netip.AddrPort {
				remote := lab.Peer.Listen(netlab.PeerIPv4)
				lab.Client.Set("ipv4/ip_local_port_range", "5000 5000")
				lab.Client.Hold(remote)
				return remote
			}),
		},
	}
}

func TestSweepTellsAMissingAddressFromAMissingPort(t *testing.T) {
	t.Parallel()
	t.Run("no IPv6", func(t *testing.T) {
		t.Parallel()
		lab := netlab.New(t)
		lab.Client.Set("ipv6/conf/all/disable_ipv6", "1")
		remote := netip.AddrPortFrom(netlab.PeerIPv6, closedPort).String()
		result := sweepAll(t, from(lab.Client), []Check{checkOf(t, remote, patient)}, 1)[0]
		expect(t, result, Error, ReasonLocalAddress, "this machine has no address to dial it from")
		if result.Duration == patient {
			t.Error("it was waited for")
		}
	})
	t.Run("no free port for a while", func(t *testing.T) {
		t.Parallel()
		lab := netlab.New(t)
		lab.Client.Set("ipv4/ip_local_port_range", "5000 5000")
		held := lab.Peer.Serve(netlab.PeerIPv4, func(*net.TCPConn) {})
		lab.Client.Hold(held)
		dials := 0
		collector := from(lab.Client)
		dialer := collector.Dialer
		dial := func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			if dials++; dials == 3 {
				lab.Client.Set("ipv4/ip_local_port_range", "5000 5001")
			}
			return dialer.Dial(ctx, local, remote.String())
		}
		collector.Dialer = endpointDialer(dial)
		result := sweepAll(t, collector, []Check{checkOf(t, held.String(), patient)}, 1)[0]
		expect(t, result, Connected, ReasonConnected, "")
		if dials < 3 {
			t.Errorf("connected at dial %d, while no port was free", dials)
		}
	})
}
