// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantagelab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ProxyPrograms are the programs of the proxies.
var ProxyPrograms = []Program{
	{"microsocks", "microsocks"}, {"danted", "dante-server"}, {"tinyproxy", "tinyproxy-bin"},
	{"/usr/sbin/squid", "squid-openssl"}, {squidCertificates, "squid-openssl"},
	{"/usr/sbin/apache2", "apache2-bin"}, {"dnsmasq", "dnsmasq-base"},
}

const squidCertificates = "/usr/lib/squid/security_file_certgen"

// Microsocks starts microsocks on an address of the bastion. It has no rules.
func (l *Lab) Microsocks(address string) string {
	l.tb.Helper()
	host, port := l.split(address)
	l.Bastion.start("microsocks", "-i", host, "-p", port).awaitListening(address)
	return "socks5://" + address
}

// Dante starts dante on an address of the bastion.
func (l *Lab) Dante(address string) string {
	l.tb.Helper()
	host, port := l.split(address)
	config := write(l.tb, directory(l.tb), "danted.conf", fmt.Sprintf(`
logoutput: stderr
internal: %s port = %s
external: eth1
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = %d }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: ::/0 }
`, host, port, PortForbidden))
	l.Bastion.start("danted", "-f", config, "-N", "1").awaitListening(address)
	return "socks5://" + address
}

// Tinyproxy starts tinyproxy on an address of the bastion. It serves so many clients at once.
func (l *Lab) Tinyproxy(address string, clients int) string {
	l.tb.Helper()
	host, port := l.split(address)
	lines := []string{"Listen " + host, "Port " + port, fmt.Sprintf("MaxClients %d", clients), "Timeout 600"}
	for _, permitted := range permittedPorts {
		lines = append(lines, fmt.Sprintf("ConnectPort %d", permitted))
	}
	config := write(l.tb, directory(l.tb), "tinyproxy.conf", strings.Join(lines, "\n")+"\n")
	l.Bastion.start("tinyproxy", "-d", "-c", config).awaitListening(address)
	return "http://" + address
}

// Apache starts apache with mod_proxy_connect on an address of the bastion.
func (l *Lab) Apache(address string) string {
	l.tb.Helper()
	dir := directory(l.tb)
	permitted := "AllowCONNECT"
	for _, port := range permittedPorts {
		permitted += fmt.Sprintf(" %d", port)
	}
	var modules strings.Builder
	for _, module := range []string{"mpm_event", "authz_core", "proxy", "proxy_connect"} {
		fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", module, module)
	}
	config := write(l.tb, dir, "apache.conf", fmt.Sprintf(`%s
ServerRoot %s
ServerName bastion.test
DefaultRuntimeDir %[2]s
PidFile %[2]s/pid
ErrorLog /dev/stderr
User www-data
Group www-data
Listen %[3]s
ProxyRequests On
%[4]s
<Proxy "*">
  Require all granted
</Proxy>
`, modules.String(), dir, address, permitted))
	l.Bastion.start("/usr/sbin/apache2", "-DFOREGROUND", "-f", config).awaitListening(address)
	return "http://" + address
}

// Squid is what squid does with what it forwards.
type Squid struct {
	TLS      bool // it is spoken to over TLS
	Inspects bool // it takes part in the TLS of its clients, and so accepts before it has dialled
	Parent   int  // the port of the proxy on the bastion that it forwards to; 0: it dials targets itself
}

// Squid starts squid on an address of the bastion. It returns its URL and, if it is spoken to over TLS, the certificate
// of who signed its own, PEM.
func (l *Lab) Squid(address string, squid Squid) (proxy, authority string) {
	l.tb.Helper()
	dir := directory(l.tb)
	if err := os.Chmod(dir, 0o777); err != nil { // it gives up its rights
		l.tb.Fatal(err)
	}
	host, _ := l.split(address)
	authorityOfLab, pair := certificates(l.tb, dir, host)
	port, scheme := "http_port "+address, "http"
	switch {
	case squid.TLS:
		port, scheme = fmt.Sprintf("https_port %s tls-cert=%s", address, pair.server), "https"
		authority = authorityOfLab
	case squid.Inspects:
		database := filepath.Join(dir, "certificates")
		run(l.tb, squidCertificates, "-c", "-s", database, "-M", "4MB")
		run(l.tb, "chown", "-R", "proxy", database)
		port = fmt.Sprintf("http_port %s ssl-bump tls-cert=%s generate-host-certificates=on\n"+
			"sslcrtd_program %s -s %s -M 4MB\nssl_bump bump all", address, pair.authority, squidCertificates, database)
	}
	if squid.Parent != 0 {
		port += fmt.Sprintf("\ncache_peer 127.0.0.1 parent %d 0 no-query default\nnever_direct allow all", squid.Parent)
	}
	config := write(l.tb, dir, "squid.conf", fmt.Sprintf(`%s
acl forbidden port %d
http_access deny forbidden
http_access allow all
cache deny all
cache_log %s/cache.log
access_log none
pid_filename none
coredump_dir %[3]s
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname bastion.test
`, port, PortForbidden, dir))
	l.Bastion.start("/usr/sbin/squid", "-N", "-d", "1", "-f", config).awaitListening(address)
	return scheme + "://" + address, authority
}

// pair are files with a certificate and its key.
type pair struct{ authority, server string }

// certificates writes an authority and what it signed for an IP address, and returns the authority's certificate.
func certificates(tb testing.TB, dir, ip string) (string, pair) {
	tb.Helper()
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()),
			Subject:      pkix.Name{CommonName: name},
			NotBefore:    time.Now().Add(-time.Hour),
			NotAfter:     time.Now().Add(time.Hour),
		}
	}
	authority, server := template("authority of the lab"), template(ip)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	server.IPAddresses = []net.IP{net.ParseIP(ip)}
	authorityKey, authorityFile, authorityPEM := sign(tb, dir, "authority.pem", authority, authority, nil)
	_, serverFile, _ := sign(tb, dir, "server.pem", server, authority, authorityKey)
	return authorityPEM, pair{authorityFile, serverFile}
}

// sign writes a certificate and its new key. Without a key of the parent it signs itself.
func sign(
	tb testing.TB, dir, name string, certificate, parent *x509.Certificate, signer *ecdsa.PrivateKey,
) (key *ecdsa.PrivateKey, file, text string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	if signer == nil {
		signer = key
	}
	signed, err := x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	keyBytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyBytes}))
	return key, write(tb, dir, name, text+private), text
}

func (l *Lab) split(address string) (host, port string) {
	l.tb.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		l.tb.Fatal(err)
	}
	return host, port
}
