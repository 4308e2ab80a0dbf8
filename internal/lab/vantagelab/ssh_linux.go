// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantagelab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The programs of the SSH servers.
var (
	OpenSSHPrograms = []Program{
		{"/usr/sbin/sshd", "openssh-server"}, {"ssh", "openssh-client"}, {"ssh-keygen", "openssh-client"},
		{"prlimit", "util-linux"}, {"dnsmasq", "dnsmasq-base"},
	}
	DropbearPrograms = []Program{{"/usr/sbin/dropbear", "dropbear-bin"}, {"dropbearkey", "dropbear-bin"}}
)

// SSHServer is an SSH server on the bastion.
type SSHServer struct {
	*Process
	Address    string // host:port
	User       string
	PrivateKey string // of the user, PEM
	HostKey    string // in the form of authorized_keys
	keyFile    string // holds PrivateKey
}

// permittedPorts are all but PortForbidden. 53 is the name server's.
var permittedPorts = []int{53, PortOpen, PortRefused, PortSilent, PortUnreachable, PortReset}

// OpenSSH starts sshd on an address of the bastion, with more lines of sshd_config(5).
func (l *Lab) OpenSSH(address string, options ...string) *SSHServer {
	l.tb.Helper()
	dir := directory(l.tb)
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // it gives up its rights there
		l.tb.Fatal(err)
	}
	server := &SSHServer{Address: address, User: "root"}
	hostKey := filepath.Join(dir, "host")
	_, server.HostKey = generateKey(l.tb, hostKey)
	server.keyFile = filepath.Join(dir, "user")
	var public string
	server.PrivateKey, public = generateKey(l.tb, server.keyFile)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		l.tb.Fatal(err)
	}
	lines := append([]string{
		"ListenAddress " + host, "Port " + port, "HostKey " + hostKey, "PidFile none",
		"AuthorizedKeysFile " + write(l.tb, dir, "authorized_keys", public),
		"StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no", "AllowTcpForwarding yes",
	}, options...)
	config := write(l.tb, dir, "sshd_config", strings.Join(lines, "\n")+"\n")
	server.Process = l.Bastion.start("/usr/sbin/sshd", "-D", "-e", "-f", config)
	server.awaitListening(address)
	return server
}

// PermitOpen is the line of sshd_config(5) that forbids PortForbidden.
func PermitOpen() string {
	line := "PermitOpen"
	for _, port := range permittedPorts {
		line += fmt.Sprintf(" *:%d", port)
	}
	return line
}

// generateKey writes a new key to a file, and returns its private and its public part.
func generateKey(tb testing.TB, file string) (private, public string) {
	tb.Helper()
	run(tb, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file)
	return read(tb, file), strings.TrimSpace(read(tb, file+".pub"))
}

func read(tb testing.TB, file string) string {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// Dropbear starts dropbear on an address of the bastion.
func (l *Lab) Dropbear(address string) *SSHServer {
	l.tb.Helper()
	dir := directory(l.tb)
	server := &SSHServer{Address: address, User: "root", keyFile: filepath.Join(dir, "user")}
	var public string
	server.PrivateKey, public = generateKey(l.tb, server.keyFile)
	hostKey := filepath.Join(dir, "host")
	for line := range strings.Lines(run(l.tb, "dropbearkey", "-t", "ed25519", "-f", hostKey)) {
		if strings.HasPrefix(line, "ssh-ed25519 ") {
			server.HostKey = strings.TrimSpace(line)
		}
	}
	permitted := strings.Join(permittedByDropbear(), ",")
	l.Bastion.setHome(dir, permitted+" "+public)
	server.Process = l.Bastion.start("/usr/sbin/dropbear", "-F", "-E", "-P", "", "-r", hostKey, "-p", address)
	server.awaitListening(address)
	return server
}

// permittedByDropbear are options of an authorized key. They have no wildcards.
func permittedByDropbear() []string {
	var options []string
	for _, host := range []string{
		"preflight-canary.invalid", Target.String(), Target6.String(), NoRoute, UnreachableRoute, ProhibitedRoute,
		NameOpen, NameHalfSilent, NameMissing, NameUnanswered, DNS.String(),
	} {
		for _, port := range permittedPorts {
			options = append(options, fmt.Sprintf("permitopen=\"%s:%d\"", host, port))
		}
	}
	return options
}

// DynamicForward starts "ssh -D" on an address of the bastion: a SOCKS server that dials through an SSH server. It
// returns the URL of the proxy.
func (l *Lab) DynamicForward(address string, server *SSHServer) string {
	l.tb.Helper()
	host, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		l.tb.Fatal(err)
	}
	l.Bastion.start("ssh", "-F", "/dev/null", "-N", "-D", address, "-i", server.keyFile, "-p", port,
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
		server.User+"@"+host,
	).awaitListening(address)
	return "socks5://" + address
}
