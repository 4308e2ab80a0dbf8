package vantage

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

func newSSHLink(string, SSH, time.Duration, reachFunc) (link, error) { return nil, errors.New("stub") }
func newProxyLink(string, Proxy, time.Duration, reachFunc) (link, error) {
	return nil, errors.New("stub")
}
func newNameServer(netip.AddrPort, func(context.Context, string) (net.Conn, error)) tcpconnect.Resolver {
	return nil
}
