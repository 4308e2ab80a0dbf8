// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/lab/loopback"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// notUsable is the summary of errors of a check whose vantage point can't be asked.
const notUsable = "Vantage Point Not Usable"

// object is a block, or an object among arguments.
type object = map[string]any

// blocks are the blocks of one type.
func blocks(elements ...object) []any {
	list := make([]any, len(elements))
	for i, element := range elements {
		list[i] = element
	}
	return list
}

// bastion is a vantage point that is an SSH server. more are pairs of arguments of the vantage point and their values.
func bastion(name any, more ...any) object {
	return with(object{"name": name, "ssh": blocks(object{"host": "192.0.2.1", "user": "deploy"})}, more...)
}

// egress is a vantage point that is a proxy.
func egress(name any, more ...any) object {
	return with(object{"name": name, "proxy": blocks(object{"url": "http://192.0.2.1:3128"})}, more...)
}

func with(block object, more ...any) object {
	for i := 0; i < len(more); i += 2 {
		block[more[i].(string)] = more[i+1]
	}
	return block
}

func sshWith(more ...any) []any {
	return blocks(with(object{"host": "192.0.2.1", "user": "deploy"}, more...))
}

func proxyWith(more ...any) []any {
	return blocks(with(object{"url": "http://192.0.2.1:3128"}, more...))
}

// hostKey is a public key of a server.
const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBGBfTcUmjLJDFsXGyyBjFUWYuAAm9f4rSwQqNrFgGGW"

func TestVantagePointsAreValidatedWhilePlanning(t *testing.T) {
	t.Parallel()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wrongPoint := func(attribute string, detail ...string) []said {
		return wrong(invalidVantagePoint, attribute, detail...)
	}
	for name, test := range map[string]struct {
		points any
		want   []said
	}{
		"none": {blocks(), nil},
		"all arguments": {blocks(
			bastion("a", "via", "here", "connect_timeout", "3s", "resolve", "there"),
			bastion("b", "via", "a", "resolve", "here", "ssh", sshWith("agent", true, "host_key", hostKey)),
			egress("c", "via", "b", "resolve", "10.0.0.2:53", "proxy", proxyWith("username", "u", "password", "p")),
		), nil},
		"no kind": {blocks(object{"name": "a"}), wrongPoint("vantage_point[0]",
			"A vantage_point block says in an ssh block or in a proxy block what it is")},
		"two kinds": {blocks(bastion("a", "proxy", proxyWith())), wrongPoint("vantage_point[0]proxy[0]",
			"A vantage_point block holds either an ssh block or a proxy block")},
		"two blocks of one kind": {
			blocks(object{"name": "a", "ssh": append(sshWith(), sshWith()...)}),
			wrongPoint("vantage_point[0]ssh[1]", "this one holds 2"),
		},
		"one name twice": {blocks(bastion("a"), egress("a")), wrongPoint("vantage_point[1]name",
			`There are two vantage points with the name "a".`)},
		"names that differ in case": {blocks(bastion("a"), egress("A")), wrongPoint("vantage_point[1]name",
			"differ only in case")},
		"this machine's name": {blocks(bastion("Here")), wrongPoint("vantage_point[0]name",
			`"Here" is the reserved name of this machine.`)},
		"a blank name":    {blocks(bastion(" ")), wrongPoint("vantage_point[0]name", "1 to 128 characters")},
		"an invalid name": {blocks(bastion("a/b")), wrongPoint("vantage_point[0]name", "1 to 128 characters")},
		"a blank via":     {blocks(bastion("a", "via", "")), wrongPoint("vantage_point[0]via", "is blank")},
		"a misspelt via": {
			blocks(bastion("aa"), bastion("b", "via", "aaa")),
			wrongPoint("vantage_point[1]via", `"aa"`),
		},
		"itself": {blocks(bastion("a", "via", "a")), wrongPoint("vantage_point[0]via", "via itself")},
		"a cycle": {
			blocks(bastion("a", "via", "b"), egress("b", "via", "a")),
			wrongPoint("vantage_point[0]via", `"a" via "b" via "a"`),
		},
		"a wrong resolve": {
			blocks(bastion("a", "resolve", "10.0.0.2")),
			wrongPoint("vantage_point[0]resolve", `"10.0.0.2:53"?$`),
		},
		"a wrong timeout": {
			blocks(bastion("a", "connect_timeout", "3")),
			wrong("Invalid Duration", "vantage_point[0]connect_timeout"),
		},
		"a blank user": {
			blocks(bastion("a", "ssh", sshWith("user", " "))),
			wrong("Empty Value", "vantage_point[0]ssh[0]user"),
		},
		"a blank key": {
			blocks(bastion("a", "ssh", sshWith("private_key", ""))),
			wrong("Empty Value", "vantage_point[0]ssh[0]private_key"),
		},
		"a blank passphrase": {
			blocks(bastion("a", "ssh", sshWith("private_key", "k", "private_key_passphrase", ""))),
			wrong("Empty Value", "vantage_point[0]ssh[0]private_key_passphrase"),
		},
		"a blank host": {
			blocks(bastion("a", "ssh", sshWith("host", ""))),
			wrongPoint("vantage_point[0]ssh[0]host"),
		},
		"a blank host_key": {
			blocks(bastion("a", "ssh", sshWith("host_key", ""))),
			wrongPoint("vantage_point[0]ssh[0]host_key"),
		},
		"a URL without scheme": {blocks(egress("a", "proxy", proxyWith("url", "proxy.test:3128"))),
			wrongPoint("vantage_point[0]proxy[0]url")},
		"a URL of another scheme": {blocks(egress("a", "proxy", proxyWith("url", "ftp://proxy.test:3128"))),
			wrongPoint("vantage_point[0]proxy[0]url")},
		"a blank user beside one in the URL": {
			blocks(egress("a", "proxy", proxyWith("url", "http://u:p@192.0.2.1:3128", "username", " "))),
			wrong("Empty Value", "vantage_point[0]proxy[0]username"), // and not that both hold a user
		},
		"a blank password": {blocks(egress("a", "proxy", proxyWith("username", "u", "password", ""))),
			wrong("Empty Value", "vantage_point[0]proxy[0]password")},

		"unknown list": {unknown, nil},
		"unknown arguments": {
			blocks(object{
				"name": unknown, "via": unknown, "connect_timeout": unknown, "resolve": unknown, "ssh": unknown,
				"proxy": unknown,
			}),
			nil,
		},
		"unknown arguments of the kinds": {blocks(
			bastion("a", "ssh", sshWith("host", unknown, "user", unknown, "private_key", unknown, "agent", unknown)),
			egress("b", "proxy", proxyWith("url", unknown, "password", unknown)),
		), nil},
		"via what may come":             {blocks(bastion(unknown), egress("b", "via", "a")), nil},
		"a kind beside one that may be": {blocks(bastion("a", "proxy", unknown)), nil},
		"a mistake beside unknown ones": {
			blocks(bastion("a", "via", unknown, "resolve", "hre")),
			wrongPoint("vantage_point[0]resolve"),
		},
		"a mistake in an unknown one": {
			blocks(bastion("a", "ssh", sshWith("host", unknown, "user", ""))),
			wrong("Empty Value", "vantage_point[0]ssh[0]user"),
		},
		"keys that are not known, twice": {
			blocks(bastion("a", "ssh", sshWith("host_key", unknown, "known_hosts",
				"192.0.2.1 "+hostKey))),
			nil,
		},
	} {
		config := objectOf(t, schemas.Provider, object{"vantage_point": test.points})
		resp, err := server.ValidateProviderConfig(t.Context(),
			&tfprotov6.ValidateProviderConfigRequest{Config: config})
		if err != nil {
			t.Fatal(err)
		}
		expectSaid(t, name, resp.Diagnostics, test.want)
		// Terraform does not validate again what was unknown then.
		configured, err := NewServer("test").ConfigureProvider(t.Context(),
			&tfprotov6.ConfigureProviderRequest{Config: config})
		if err != nil {
			t.Fatal(err)
		}
		if failed := len(configured.Diagnostics) > 0; failed != (test.want != nil) {
			t.Errorf("%s: configured: %q", name, texts(configured.Diagnostics))
		}
	}
}

// What is wrong with a kind is in its own package. Here it is an error within its block.
func TestAKindIsJudgedAsAWhole(t *testing.T) {
	t.Parallel()
	server := NewServer("test")
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		point object
		at    string
	}{
		"both host_key and known_hosts": {
			bastion("a", "ssh", sshWith("host_key", hostKey, "known_hosts", "192.0.2.1 "+hostKey)), "ssh"},
		"a user in the URL and beside it": {
			egress("a", "proxy", proxyWith("url", "http://u:hunter2@192.0.2.1:3128",
				"username", "u", "password", "hunter2")),
			"proxy"},
	} {
		resp, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{
			Config: objectOf(t, schemas.Provider, object{"vantage_point": blocks(test.point)}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Diagnostics) == 0 {
			t.Errorf("%s: no error", name)
		}
		for _, diagnostic := range resp.Diagnostics {
			at := plainPath.Replace(diagnostic.Attribute.String())
			if diagnostic.Summary != invalidVantagePoint ||
				!strings.HasPrefix(at, "vantage_point[0]"+test.at+"[0]") {
				t.Errorf("%s: %q at %s", name, diagnostic.Summary, at)
			}
			if strings.Contains(diagnostic.Detail, "hunter2") {
				t.Errorf("%s: the error shows a password: %s", name, diagnostic.Detail)
			}
		}
	}
}

func TestVantagePointsOfAConfiguration(t *testing.T) {
	t.Parallel()
	agent, proxy := false, &vantage.Proxy{URL: "http://192.0.2.1:3128"}
	for name, test := range map[string]struct {
		points     any
		want       []vantage.Config
		unknown    map[string]string
		areUnknown bool
	}{
		"none": {points: blocks()},
		"defaults": {points: blocks(bastion("a"), egress("b")), want: []vantage.Config{
			{Name: "a", ConnectTimeout: 10 * time.Second, SSH: &vantage.SSH{Host: "192.0.2.1", User: "deploy"}},
			{Name: "b", ConnectTimeout: 10 * time.Second, Proxy: proxy},
		}},
		"all": {
			points: blocks(
				bastion("a", "via", "HERE", "connect_timeout", "3s", "resolve", "here", "ssh", sshWith(
					"private_key", "k", "private_key_passphrase", "p", "certificate", "c", "password", "w",
					"agent", agent,
					"agent_identity", "i", "host_key", "h")),
				egress("b", "via", "a", "proxy", proxyWith("username", "u", "password", "w", "ca_certificate", "c")),
				bastion("c", "ssh", sshWith("known_hosts", "n")),
			),
			want: []vantage.Config{
				{Name: "a", ConnectTimeout: 3 * time.Second, Resolve: vantage.Resolve{Here: true}, SSH: &vantage.SSH{
					Host: "192.0.2.1", User: "deploy", PrivateKey: "k", PrivateKeyPassphrase: "p", Certificate: "c",
					Password: "w", Agent: &agent, AgentIdentity: "i", HostKey: "h",
				}},
				{Name: "b", Via: "a", ConnectTimeout: 10 * time.Second, Proxy: &vantage.Proxy{
					URL: "http://192.0.2.1:3128", Username: "u", Password: "w", CACertificate: "c",
				}},
				{Name: "c", ConnectTimeout: 10 * time.Second, SSH: &vantage.SSH{
					Host: "192.0.2.1", User: "deploy", KnownHosts: "n",
				}},
			},
		},
		"unknown list": {points: unknown, areUnknown: true},
		"unknown name": {
			points:     blocks(bastion(unknown), egress("b"), egress("c", "via", "a")),
			want:       []vantage.Config{{Name: "b", ConnectTimeout: 10 * time.Second, Proxy: proxy}},
			unknown:    map[string]string{"c": "via"},
			areUnknown: true,
		},
		"unknown argument": {
			points: blocks(egress("c", "via", "b"),
				bastion("b", "ssh", sshWith("host", unknown, "password", unknown))),
			want:    []vantage.Config{{Name: "c", Via: "b", ConnectTimeout: 10 * time.Second, Proxy: proxy}},
			unknown: map[string]string{"b": "ssh.host"},
		},
		"unknown arguments of any kind": {
			points: blocks(
				bastion("a", "via", unknown), bastion("b", "resolve", unknown),
				bastion("c", "connect_timeout", unknown),
				bastion("d", "ssh", sshWith("agent", unknown)), egress("e", "proxy", proxyWith("password", unknown)),
				object{"name": "f", "ssh": unknown},
			),
			unknown: map[string]string{
				"a": "via", "b": "resolve",
				"c": "connect_timeout", "d": "ssh.agent",
				"e": "proxy.password", "f": "ssh",
			},
		},
	} {
		var diags diag.Diagnostics // of values that are not keys or certificates
		model := &providerModel{VantagePoints: listOfPoints(t, test.points)}
		points := model.vantagePoints(t.Context(), &diags, &diags)
		if test.unknown == nil {
			test.unknown = map[string]string{}
		}
		if !reflect.DeepEqual(points.Configs, test.want) || !reflect.DeepEqual(points.Unknown, test.unknown) ||
			points.AreUnknown != test.areUnknown {
			t.Errorf("%s: %+v", name, points)
		}
	}
}

// listOfPoints returns the value of vantage_point.
func listOfPoints(t *testing.T, points any) types.List {
	t.Helper()
	listType := vantagePointBlock().Type()
	value, err := listType.ValueFromTerraform(t.Context(), valueOf(listType.TerraformType(t.Context()), points))
	if err != nil {
		t.Fatal(err)
	}
	return value.(types.List)
}

// useOf are the arguments of a check of an address from a vantage point, in the form that JSON has.
func useOf(kind, address, more string) string {
	switch kind {
	case dataEndpoints, ephemeralEndpoints:
		return fmt.Sprintf(`{"endpoints": {"db": %q}%s}`, address, more)
	case dataSpec, ephemeralSpec:
		return specArguments(stringer(address), more)
	default:
		return fmt.Sprintf(`{"address": %q%s}`, address, more)
	}
}

type stringer string

func (s stringer) String() string { return string(s) }

func TestVantagePointThatACheckCannotUse(t *testing.T) {
	t.Parallel()
	peer := loopback.Open(t)
	const advice = "To put the check off until then, set triggers = { id = RESOURCE.id } in the check"
	known := blocks(egress("egress"), bastion("new", "ssh", sshWith("host", unknown)), egress("behind", "via", "new"))
	for name, test := range map[string]struct {
		points any
		more   string
		want   []said // nil: the check is made
	}{
		"from here":          {known, ``, nil},
		"from here, by name": {known, `,"via":"here"`, nil},
		"from here, all new": {unknown, `,"via":"Here"`, nil},
		"from here, none":    {blocks(), ``, nil},
		"an unknown argument": {
			known, `,"via":"new"`,
			wrong(notUsable, "via", `Vantage point "new": Its argument ssh.host is not known yet. `+advice),
		},
		"behind an unknown": {
			known, `,"via":"behind"`,
			wrong(notUsable, "via", `Vantage point "behind": Its argument via (ssh.host of "new") is not known yet. `+
				advice),
		},
		"an unknown list": {
			unknown, `,"via":"egress"`, wrong(notUsable, "via", "are not known yet. "+advice),
		},
		"a misspelt name": {
			known, `,"via":"egres"`,
			wrong(notUsable, "via", `Vantage point "egres": The provider's configuration has no vantage_point of `+
				`that name. `, `Did you mean "egress"?$`),
		},
		"a name in other case": {known, `,"via":"Egress"`, wrong(notUsable, "via", `Did you mean "egress"?`)},
		"no vantage point":     {blocks(), `,"via":"egress"`, wrong(notUsable, "via", "has no vantage_point block")},

		"excluded, from what is not known": {known, `,"via":"new","exclude":true`, nil},
		"excluded, from what is not there": {known, `,"via":"old","exclude":true`, wrong(notUsable, "via")},
	} {
		server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": test.points})
		for _, kind := range []string{
			dataTCPConnect, ephemeralTCPConnect, dataEndpoints, ephemeralEndpoints, dataSpec, ephemeralSpec,
		} {
			attributes, diagnostics := server.read(t, kind, useOf(kind, peer.String(), test.more))
			expectSaid(t, kind+" "+name, diagnostics, test.want)
			if isGiven := attributes["proceed"] == true; isGiven != (test.want == nil) {
				t.Errorf("%s %s: proceed is %v", kind, name, attributes["proceed"])
			}
		}
	}
}

func TestVantagePointOfAnEndpointThatItCannotUse(t *testing.T) {
	t.Parallel()
	server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": blocks(egress("egress"))})
	const misspelt, ofA = `{"address":"db:1","via":"egres"}`, `endpointsElementKeyString("a`
	for _, kind := range []string{dataEndpoints, ephemeralEndpoints} {
		for arguments, want := range map[string][]said{
			// One error is enough for all endpoints that have the same.
			`{"endpoints":{"a":"a:1","b":` + misspelt + `,"c":` + misspelt + `}}`: wrong(notUsable,
				`endpointsElementKeyString("b`, `endpoints["b"]: Vantage point "egres"`),
			`{"via":"egres","endpoints":{"a":"a:1","b":"b:1"}}`:         wrong(notUsable, "via", `"egres"`),
			`{"via":"egress","endpoints":{"a":` + misspelt + `}}`:       wrong(notUsable, ofA),
			`{"exclude":true,"endpoints":{"a":` + misspelt + `}}`:       wrong(notUsable, ofA),
			`{"exclude":true,"via":"egress","endpoints":{"a":"a.b:1"}}`: nil,
		} {
			_, diagnostics := server.read(t, kind, arguments)
			expectSaid(t, kind+arguments, diagnostics, want)
		}
	}
}

func TestArgumentsThatContradictAVantagePoint(t *testing.T) {
	t.Parallel()
	server := newConfigured(t, t.TempDir())
	const contradicting = "Contradicting Addresses"
	const text = `source_address is an address of this machine, but the vantage point "b" dials.`
	for _, kind := range []string{dataTCPConnect, ephemeralTCPConnect, dataEndpoints, ephemeralEndpoints} {
		for more, want := range map[string][]said{
			`,"source_address":"10.0.0.1","via":"b"`:                wrong(contradicting, "source_address", text),
			`,"source_address":"10.0.0.1","via":"here"`:             nil,
			`,"source_address":"10.0.0.1","via":"` + unknown + `"`:  nil,
			`,"source_address":"` + unknown + `","via":"b"`:         nil,
			`,"source_address":"10.0.0.1","exclude":true,"via":"b"`: wrong(contradicting, "source_address", text),
			`,"via":" "`:   wrong(invalidVantagePoint, "via", "is blank"),
			`,"via":"a/b"`: wrong(invalidVantagePoint, "via", "1 to 128 characters"),
			`,"via":"b","all_addresses":true,"ip_family":"ipv4"`: nil, // it depends on the vantage point
		} {
			expectSaid(t, kind+more, server.validate(t, kind, useOf(kind, "10.0.0.2:1", more)), want)
		}
	}
	expectSaid(t, "an endpoint", server.validate(t, dataEndpoints,
		`{"source_address":"10.0.0.1","endpoints":{"a":"a:1","b":{"address":"b:1","via":"b"}}}`),
		wrong("Invalid Endpoints", `endpointsElementKeyString("b`, `endpoints["b"]: `+text))
	expectSaid(t, "a spec", server.validate(t, dataSpec, useOf(dataSpec, "a:1", `,"via":"a/b"`)),
		wrong(invalidVantagePoint, "via"))
}

func TestAddressesThatAVantagePointLooksUp(t *testing.T) {
	t.Parallel()
	server := newConfiguredWith(t, object{"bundle_dir": t.TempDir(), "vantage_point": blocks(egress("there"))})
	for _, kind := range []string{dataTCPConnect, dataEndpoints} {
		for more, argument := range map[string]string{
			`,"via":"there","all_addresses":true`: "all_addresses", `,"via":"there","ip_family":"ipv6"`: "ip_family",
		} {
			want := wrong(notUsable, "via", `Vantage point "there": It resolves the name db.test itself`,
				argument+" can't be used")
			_, diagnostics := server.read(t, kind, useOf(kind, "db.test:1", more))
			expectSaid(t, kind+more, diagnostics, want)
		}
	}
}
