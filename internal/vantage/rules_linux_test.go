// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/vantagelab"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// Nothing but a server's word about a target may be one of these.
var onlyTheServersWord = reasons{connected, refused, noResponse, noSuchHost}

// patience is a timeout that a check does not reach.
const patience = 20 * time.Second

func collect(tb testing.TB, from *tcpconnect.Collector, check tcpconnect.Check) tcpconnect.Result {
	tb.Helper()
	result, err := from.Collect(tb.Context(), check, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

func expect(tb testing.TB, result tcpconnect.Result, want tcpconnect.Reason) {
	tb.Helper()
	if result.Reason != want || result.Status != want.Status() {
		tb.Errorf("%s, %s: %q; want %s", result.Status, result.Reason, result.Message, want)
	}
}

func TestRefusedVantagePointIsNoRefusedTarget(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, vantagelab.OpenSSHPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	server := lab.OpenSSH(at(22))
	server.Kill()
	nobody := at(9)
	behind := sshPoint(server)
	behind[0].Via, behind[0].SSH.Host = "outer", "127.0.0.1:9"
	outer := sshPoint(lab.OpenSSH(at(2201)))[0]
	outer.Name = "outer"
	for name, configs := range map[string][]vantage.Config{
		"ssh":            sshPoint(server),
		"ssh behind ssh": append(behind, outer),
		"http":           proxyPoint("http://"+nobody, ""),
		"https":          proxyPoint("https://"+nobody, ""),
		"socks5":         proxyPoint("socks5://"+nobody, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := check(t, target(vantagelab.PortOpen), patience)
			expect(t, collect(t, collector(t, configs), check), unreachable)
		})
	}
}

// The link dies while a target is silent: nobody knows whether the target would have answered.
func TestDeadLinkIsNoSilentTarget(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*vantagelab.Lab) []vantage.Config{
		"OpenSSH":    func(lab *vantagelab.Lab) []vantage.Config { return sshPoint(lab.OpenSSH(at(22))) },
		"dropbear":   func(lab *vantagelab.Lab) []vantage.Config { return sshPoint(lab.Dropbear(at(22))) },
		"microsocks": func(lab *vantagelab.Lab) []vantage.Config { return proxyPoint(lab.Microsocks(at(1080)), "") },
		"squid": func(lab *vantagelab.Lab) []vantage.Config {
			return proxyPoint(lab.Squid(at(3128), vantagelab.Squid{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !vantagelab.InOwnSystem(t, allPrograms...) {
				return
			}
			lab := vantagelab.New(t)
			configs := start(lab)
			configs[0].ConnectTimeout = time.Second
			var cut sync.WaitGroup
			cut.Go(func() { lab.CutWhenDialled(t.Context(), vantagelab.PortSilent) })
			t.Cleanup(cut.Wait) // before the lab ends
			check := check(t, target(vantagelab.PortSilent), 2*time.Second)
			expect(t, collect(t, collector(t, configs), check), unreachable)
		})
	}
}

// A server whose process has no descriptor left cannot dial or look names up, and a proxy does not answer at all. Dante
// does not start with so few. A full "ssh -D" takes a few requests and lets them wait, although it answers others: see
// the known limits in RELIABILITY.md.
func TestServerWithoutDescriptorsSaysNothingOfTargets(t *testing.T) {
	t.Parallel()
	const descriptors, each = 40, 60
	for _, server := range servers {
		if server.name == "dante" || server.name == "`ssh -D`" {
			continue
		}
		t.Run(server.name, func(t *testing.T) {
			t.Parallel()
			if !vantagelab.InOwnSystem(t, allPrograms...) {
				return
			}
			lab := vantagelab.New(t)
			lab.LimitDescriptors(descriptors)
			var checks []tcpconnect.Check
			addresses := []string{
				target(vantagelab.PortSilent), // holds a descriptor of the server
				target(vantagelab.PortOpen),
				vantagelab.NameOpen + ":80",
			}
			for _, address := range addresses {
				for range each {
					checks = append(checks, check(t, address, 2*time.Second))
				}
			}
			counts := make(map[string]int)
			for i, result := range sweep(t, server.start(lab), checks) {
				address := addresses[i/each]
				counts[fmt.Sprintf("%s %s (%s)", address, result.Reason, result.Message)]++
				right := connected
				if i < each {
					right = noResponse
				}
				if result.Reason != right && slices.Contains(onlyTheServersWord, result.Reason) {
					t.Errorf("%s: %s (%s)", address, result.Reason, result.Message)
				}
			}
			for text, count := range counts {
				t.Log(count, text)
			}
		})
	}
}

// A proxy that serves as many clients as it may does not answer others.
func TestFullProxySaysNothingOfTargets(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, vantagelab.ProxyPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	configs := proxyPoint(lab.Tinyproxy(at(8888), 1), "")
	configs[0].ConnectTimeout = time.Second
	from := collector(t, configs)
	check := check(t, target(vantagelab.PortOpen), 2*time.Second)
	expect(t, collect(t, from, check), connected)
	lab.Bastion.Hold(netip.MustParseAddrPort(at(8888)))
	for name, from := range map[string]*tcpconnect.Collector{
		"known before": from,
		"met full":     collector(t, configs),
	} {
		if result := collect(t, from, check); !result.Reason.SaysNothing() {
			t.Errorf("%s: %s (%s)", name, result.Reason, result.Message)
		}
	}
}

// A proxy that serves as many clients as it may lets others wait, and answers them in turn when it can.
func TestProxyThatIsFullForAWhileSaysNothingOfTargets(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, vantagelab.ProxyPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	from := collector(t, proxyPoint(lab.Tinyproxy(at(8888), 2), ""))
	open := check(t, target(vantagelab.PortOpen), 2*time.Second)
	expect(t, collect(t, from, open), connected)
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", at(8888))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	time.AfterFunc(3*time.Second, func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	})
	if result := collect(t, from, open); !result.Reason.SaysNothing() {
		t.Errorf("%s (%s)", result.Reason, result.Message)
	}
}

// Squid has the same words for a target that refuses and for a proxy behind it that does.
func TestRefusalOfAProxyBehindTheProxyIsNotTheTargets(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, vantagelab.ProxyPrograms...) {
		return
	}
	const parent = 8889
	lab := vantagelab.New(t)
	lab.Tinyproxy(fmt.Sprintf("127.0.0.1:%d", parent), 100)
	from := collector(t, proxyPoint(lab.Squid(at(3128), vantagelab.Squid{Parent: parent})))
	expect(t, collect(t, from, check(t, target(vantagelab.PortOpen), patience)), connected)
	lab.Bastion.Rules(fmt.Sprintf("input tcp dport %d reject with tcp reset", parent))
	for range 3 {
		result := collect(t, from, check(t, target(vantagelab.PortOpen), patience))
		t.Logf("%s (%s)", result.Reason, result.Message)
		if slices.Contains(onlyTheServersWord, result.Reason) {
			t.Errorf("%s (%s)", result.Reason, result.Message)
		}
	}
}

// SSH servers look names up one after the other, and dial nothing meanwhile. They answer everything when they are done.
func TestServerThatWaitsForItsNameServerSaysNothingOfTargets(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, slices.Concat(vantagelab.OpenSSHPrograms, vantagelab.DropbearPrograms)...) {
		return
	}
	lab := vantagelab.New(t)
	lab.ResolvePatiently(4)
	for name, server := range map[string]*vantagelab.SSHServer{
		"OpenSSH": lab.OpenSSH(at(22)), "dropbear": lab.Dropbear(at(2204)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checks := []tcpconnect.Check{check(t, vantagelab.NameUnanswered+":80", 2*time.Second)}
			for range 20 {
				checks = append(checks, check(t, target(vantagelab.PortOpen), 2*time.Second))
			}
			for i, result := range sweep(t, sshPoint(server), checks) {
				t.Logf("%s: %s (%s)", checks[i].Target.Address, result.Reason, result.Message)
				if result.Reason != connected && slices.Contains(onlyTheServersWord, result.Reason) {
					t.Errorf("%s: %s (%s)", checks[i].Target.Address, result.Reason, result.Message)
				}
			}
		})
	}
}

// Such a proxy accepts before it has dialled.
func TestProxyThatInspectsTLSIsNotBelieved(t *testing.T) {
	t.Parallel()
	if !vantagelab.InOwnSystem(t, vantagelab.ProxyPrograms...) {
		return
	}
	lab := vantagelab.New(t)
	from := collector(t, proxyPoint(lab.Squid(at(3128), vantagelab.Squid{Inspects: true})))
	for _, cell := range matrix {
		result, err := from.Collect(t.Context(), check(t, cell.address, 2*time.Second), nil)
		if _, isFatal := errors.AsType[*tcpconnect.VantagePointError](err); !isFatal {
			t.Errorf("%s: %s, %v; want an error", cell.target, result.Reason, err)
		}
	}
}

// Servers that are not what they should be.
func TestNoAnswerOfAWrongServerIsBelieved(t *testing.T) {
	t.Parallel()
	send := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Write([]byte(text))
			_, _ = conn.Read(make([]byte, 1024)) // so that the kernel does not reset what was sent
		}
	}
	for name, serve := range map[string]func(net.Conn){
		"closes at once":          func(net.Conn) {},
		"closes after a question": func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1024)) },
		"resets":                  func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) },
		"stays silent":            func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1<<20)); <-t.Context().Done() },
		"speaks SSH":              send("SSH-2.0-OpenSSH_9.2\r\n"),
		"speaks SMTP":             send("220 mail.test ESMTP\r\n"),
		"speaks HTTP":             send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
		"sends zeros":             send(strings.Repeat("\x00", 1000)),
		"sends half of SOCKS":     send("\x05\x00\x05\x00"),
		"has only SOCKS 4":        send("\x00\x5a\x00\x00\x00\x00\x00\x00"),
		"wants another login":     send("\x05\xff"),
		"sends an endless line":   endlessly(strings.Repeat("x", 1<<16)),
		"sends endless headers":   endlessly("HTTP/1.1 200 OK\r\n", "X-Filler: "+strings.Repeat("x", 1000)+"\r\n"),
		"sends endless banners":   endlessly("Welcome to this server.\r\n"),
		"sends endless interim":   endlessly("HTTP/1.1 100 Continue\r\n\r\n"),
	} {
		for _, scheme := range []string{"ssh", "http", "https", "socks5"} {
			t.Run(name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				address := listen(t, serve)
				configs := proxyPoint(scheme+"://"+address, "")
				if scheme == "ssh" {
					configs = []vantage.Config{{Name: "bastion", SSH: &vantage.SSH{
						Host: address, User: "root", Password: "secret", HostKey: someHostKey,
					}}}
				}
				configs[0].ConnectTimeout = time.Second
				check := check(t, "127.0.0.1:80", time.Second)
				result, err := collector(t, configs).Collect(t.Context(), check, nil)
				t.Logf("%s: %s; %v", result.Reason, result.Message, err)
				isAnswer := err == nil && result.Status != tcpconnect.Error
				if isAnswer || slices.Contains(onlyTheServersWord, result.Reason) {
					t.Errorf("%s, %s: %q", result.Status, result.Reason, result.Message)
				}
			})
		}
	}
}

const someHostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS"

// endlessly sends a beginning and then the same again and again, until the other end closes.
func endlessly(texts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		for i := 0; ; i++ {
			if _, err := conn.Write([]byte(texts[min(i, len(texts)-1)])); err != nil {
				return
			}
		}
	}
}

// listen serves connections on this machine until the test ends, and returns its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			go func() {
				defer conn.Close() //nolint:errcheck // The client judges what it got.
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// A web server answers 200 to every CONNECT, with a page.
func TestWebServerIsNoProxy(t *testing.T) {
	t.Parallel()
	const page = "<html>It works!</html>"
	address := listen(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n" + page))
		}
	})
	check := check(t, "127.0.0.1:80", patience)
	expect(t, collect(t, collector(t, proxyPoint("http://"+address, "")), check), other)
}
