// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
)

// inOwnSystem reruns the test in a mount and a network namespace with these files in /etc, and returns true there. So
// the system's resolver uses the files and the name server of the test.
func inOwnSystem(t *testing.T, resolvConf, hosts, shell string) bool {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a file system of the test's own needs root")
	}
	if os.Getenv(underLimits) != "" {
		return true
	}
	dir, mounts := t.TempDir(), ""
	for name, content := range map[string]string{
		"resolv.conf":   resolvConf,
		"hosts":         "127.0.0.1 localhost\n" + hosts,
		"nsswitch.conf": "hosts: files dns\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		mounts += fmt.Sprintf(" && { [ ! -e /etc/%s ] || mount --bind %s/%s /etc/%s; }", name, dir, name, name)
	}
	rerunIn(t, []string{"unshare", "--mount", "--net"}, "ip link set lo up"+mounts+shell)
	return false
}

// records are the answers of a name server, by "name. A" or "name. AAAA". For nil it fails, for an empty list it stays
// silent.
type records map[string][]netip.Addr

// serve answers on port 53, and with NXDOMAIN for all other names.
func (r records) serve(t *testing.T) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	loopback.ServeDNS(t, server, func(reply *dnsmessage.Message, _ string) bool {
		question := reply.Questions[0]
		key := question.Name.String() + " " + strings.TrimPrefix(question.Type.String(), "Type")
		ips, found := r[key]
		switch {
		case found && len(ips) == 0 && ips != nil:
			return false
		case found && ips == nil:
			reply.RCode = dnsmessage.RCodeServerFailure
		case found:
			loopback.AddAddresses(reply, ips...)
		case len(r[strings.Split(key, " ")[0]+" A"])+len(r[strings.Split(key, " ")[0]+" AAAA"]) == 0:
			reply.RCode = dnsmessage.RCodeNameError
		}
		return true
	})
}

func TestNamesAreCompletedBySearchDomains(t *testing.T) {
	t.Parallel()
	if !inOwnSystem(t, "nameserver 127.0.0.1\nsearch first.test second.test\n", "", "") {
		return
	}
	second := netip.MustParseAddr("127.0.0.2")
	records{
		"db.second.test. A": {loopback.IPv4},

		// Each domain has one family, so these are two hosts.
		"cache.first.test. A": {second}, "cache.second.test. AAAA": {loopback.IPv6},

		// The first domain can't be asked for one family, and the others do not know the name.
		"queue.first.test. A": nil, "queue.first.test. AAAA": {loopback.IPv6},
		"files.first.test. A": nil, "files.second.test. AAAA": {loopback.IPv6},

		// The second domain is asked last, and stays silent.
		"mail.first.test. A": {loopback.IPv4}, "mail.second.test. AAAA": {},
	}.serve(t)
	open := loopback.Open(t).Port()
	loopback.ListenAt(t, netip.AddrPortFrom(loopback.IPv6, open))
	result := collect(t, &Collector{}, fmt.Sprintf("db:%d", open), patient)
	expect(t, result, Connected, ReasonConnected, "")
	expect(t, collect(t, &Collector{}, "gone:80", patient), Error, ReasonNoSuchHost, "on 127.0.0.1:53: no such host")

	late, err := new(Collector).Collect(t.Context(), checkOf(t, "mail:81", 500*time.Millisecond), nil)
	if err != nil || late.Reason != ReasonRefused {
		t.Errorf("mail: %s (%s), %v", late.Reason, late.Message, err)
	}

	for _, all := range []bool{false, true} {
		target := Target{Address: mustParse(t, fmt.Sprintf("cache:%d", open)), AllAddresses: all}
		result, err := new(Collector).Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
		if want := netip.AddrPortFrom(second, open); err != nil || !slices.Equal(result.Tried, []netip.AddrPort{want}) {
			t.Errorf("all addresses %t: tried %s, want %s only: the other is another host's (%v)",
				all, result.Tried, want, err)
		}
		for _, name := range []string{"queue", "files"} {
			target.Address = mustParse(t, name+":81")
			if name == "files" {
				target.Address.port = open // of the other host
			}
			result, err := new(Collector).Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
			if err != nil || result.Reason != ReasonDNSFailure || result.Duration >= patient {
				t.Errorf("%s, all addresses %t: %s (%s) after %s, %v",
					name, all, result.Reason, result.Message, result.Duration, err)
			}
		}
	}
}

func TestAddressWithoutASourceComesLastInANetworkWithoutARoute(t *testing.T) {
	t.Parallel()
	const hosts = "127.0.0.1 db.test\n2001:db8::1 db.test\n2001:db9::1 db.test\n"
	if !inOwnSystem(t, "", hosts, " && ip route add unreachable 2001:db8::/32") {
		return
	}
	expectTried(t, collect(t, &Collector{}, fmt.Sprintf("db.test:%d", loopback.Refused(t).Port()), patient),
		[]netip.Addr{loopback.IPv4, netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db9::1")})
}

// Go drops the zone of an address in the hosts file: https://go.dev/issue/81601.
func TestZoneOfAHostsFileIsKept(t *testing.T) {
	t.Parallel()
	const link = " && ip link add d0 type veth peer name d1 && ip address add fe80::1234/64 dev d0 nodad" +
		" && ip link set d1 up && ip link set d0 up"
	if !inOwnSystem(t, "nameserver 127.0.0.1\n", "fe80::1234%d0 zoned.invalid\n", link) {
		return
	}
	zoned := netip.MustParseAddr("fe80::1234%d0")
	peer := netip.AddrPortFrom(zoned, loopback.Listen(t, zoned).AddrPort().Port())
	for _, all := range []bool{false, true} {
		target := Target{Address: mustParse(t, fmt.Sprintf("zoned.invalid:%d", peer.Port())), AllAddresses: all}
		result, err := new(Collector).Collect(t.Context(), Check{Target: target, Timeout: patient}, nil)
		if err != nil || result.Status != Connected || result.Remote != peer {
			t.Errorf("all addresses %t: %s (%s) to %s, want %s; %v",
				all, result.Status, result.Message, result.Remote, peer, err)
		}
	}
}

// Go's resolver takes files and sockets that it can't open for ones that do not exist.
func TestFullDescriptorTableIsNoMissingName(t *testing.T) {
	t.Parallel()
	if !inOwnSystem(t, "nameserver 127.0.0.1\n", "127.0.0.1 known.test\n", " && ulimit -n 64") {
		return
	}
	var files []*os.File
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, file)
	}
	for _, name := range []string{"known.test:80", "localhost:80", "gone.test:80"} {
		expect(t, collect(t, &Collector{}, name, 5*time.Second), Error, ReasonLocalLimit, "too many open files")
	}
	for _, file := range files {
		_ = file.Close()
	}
	expect(t, collect(t, &Collector{}, "known.test:80", patient), ConnectionRefused, ReasonRefused, "refused")
}
