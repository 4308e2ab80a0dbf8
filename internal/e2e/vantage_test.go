// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package e2e

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/bastion"
)

// What the examples say of a database that refuses connections, as the servers of bastion tell it.
const (
	refusedThere   = "Message: from bastion: SSH channel to db.internal:5432: Connection refused"
	refusedBehind  = "Message: from jump: SSH channel to db.internal:5432: Connection refused"
	refusedBySOCKS = "Message: from databases: the proxy replied 5 (Connection refused)"
)

// keys are a host key and a user's key. All SSH servers of the examples have the same, for the state of an example may
// name the server of an earlier run.
type keys struct{ host, user bastion.Key }

var bastionKeys = sync.OnceValues(func() (k keys, err error) {
	if k.host, err = bastion.NewKey(); err != nil {
		return k, err
	}
	k.user, err = bastion.NewKey()
	return k, err
})

// startBastion starts an SSH server of the examples.
func startBastion(t *testing.T, targets map[string]netip.AddrPort) *bastion.Server {
	t.Helper()
	k, err := bastionKeys()
	if err != nil {
		t.Fatal(err)
	}
	return bastion.SSH(t, bastion.Network{Targets: targets},
		bastion.Account{HostKey: k.host, User: "deploy", Key: &k.user})
}

// variablesOf are where an SSH server is and how to log in.
func variablesOf(t *testing.T, server *bastion.Server) []string {
	t.Helper()
	k, err := bastionKeys()
	if err != nil {
		t.Fatal(err)
	}
	private, err := k.user.PEM("")
	if err != nil {
		t.Fatal(err)
	}
	return []string{
		"-var=bastion=" + server.Address(), "-var=host_key=" + k.host.Public(), "-var=private_key=" + private,
	}
}

// database is the database of the examples, which exists only where it is dialled from.
func database(t *testing.T, up bool) map[string]netip.AddrPort {
	t.Helper()
	return map[string]netip.AddrPort{"db.internal:5432": addrPort(t, up)}
}

func addrPort(t *testing.T, up bool) netip.AddrPort {
	t.Helper()
	return netip.MustParseAddrPort(endpoint(t, up))
}

func bastionVariables(t *testing.T, up bool) []string {
	t.Helper()
	return variablesOf(t, startBastion(t, database(t, up)))
}

// loopsVariables describe a licence server that is down.
func loopsVariables(t *testing.T, up bool) []string {
	t.Helper()
	variables := []string{"-var=registry=" + endpoint(t, true), "-var=licences=" + endpoint(t, false)}
	return append(variables, bastionVariables(t, up)...)
}

func createdBastionVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(bastionVariables(t, up), "-var=patience=3s")
}

func chainVariables(t *testing.T, up bool) []string {
	t.Helper()
	jump := startBastion(t, database(t, up))
	outer := variablesOf(t, startBastion(t, map[string]netip.AddrPort{"jump.internal:22": jump.AddrPort()}))
	k, err := bastionKeys()
	if err != nil {
		t.Fatal(err)
	}
	hostKeys := fmt.Sprintf("-var=host_keys={ bastion = %q, jump = %[1]q }", k.host.Public())
	return []string{outer[0], hostKeys, outer[2]}
}

func proxyVariables(t *testing.T, up bool) []string {
	t.Helper()
	login := bastion.Login{Username: "deploy", Password: "secret"}
	internet := map[string]netip.AddrPort{"licence.acme.example:443": addrPort(t, true)}
	egress := bastion.HTTPProxy(t, bastion.Network{Targets: internet}, login)
	databases := bastion.SOCKSProxy(t, bastion.Network{Targets: database(t, up)}, bastion.Login{})
	return []string{
		"-var=http_proxy=http://" + egress.Address(), "-var=socks_proxy=socks5://" + databases.Address(),
		"-var=proxy_password=secret",
	}
}

// matrixVariables is an address that this machine always connects to.
func matrixVariables(t *testing.T, up bool) []string {
	t.Helper()
	address := endpoint(t, true)
	server := startBastion(t, map[string]netip.AddrPort{address: addrPort(t, up)})
	return append(variablesOf(t, server), "-var=address="+address)
}

func bastionEndpointsVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(bastionVariables(t, up), fmt.Sprintf(
		"-var=endpoints={ database = %q, registry = { address = %q, via = \"here\" } }",
		"db.internal:5432", endpoint(t, true),
	))
}

func bastionSpecVariables(t *testing.T, up bool) []string {
	t.Helper()
	return append(bastionVariables(t, up), specVariable(t, up)...)
}
