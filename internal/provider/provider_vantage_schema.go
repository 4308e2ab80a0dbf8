// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/vantage"
)

// vantagePointBlock describes the vantage points. Its kinds are lists, because Terraform would ask for the required
// arguments of a single block where the block is absent.
func vantagePointBlock() schema.ListNestedBlock {
	return schema.ListNestedBlock{
		MarkdownDescription: "A place other than this machine to dial from, for checks that name it in `via`. " +
			"Without `via`, a check dials from this machine. Each block holds " +
			"either `ssh` or `proxy`. Its arguments may be values that are not known while planning, and ephemeral " +
			"values: an unknown one is an error only for a check that uses the vantage point. None of them is " +
			"stored in the state.",
		NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{
				"name": schema.StringAttribute{
					Required: true,
					MarkdownDescription: "Name for `via`, messages and reports. 1 to 128 letters, digits, spaces, " +
						"`.`, `_` and `-`, beginning and ending with a letter or digit, different from other names " +
						"without regard to case. `" + vantage.Here + "` is reserved for this machine.",
					Validators: []validator.String{vantageNameValidator},
				},
				"via": providerArgument("Name of another vantage point to reach this one from, for example of a "+
					"bastion in front of it. If omitted, it is reached from this machine.", viaValidator),
				"connect_timeout": providerArgument(fmt.Sprintf("Timeout of reaching the vantage point, its "+
					"handshake and login included. It is not part of the timeout of a check, and all checks that "+
					"wait for the vantage point share it. %s Defaults to `%s`.", durationForm,
					vantage.DefaultConnectTimeout),
					durationValidator),
				"resolve": providerArgument("Who looks up the names that are dialled from here. `"+vantage.ResolveThere+
					"`: the vantage point itself. `"+vantage.ResolveHere+"`: this machine. `ip:port`, for example "+
					"`10.0.0.2:53`: that name server, which is asked over TCP through the vantage point, for names "+
					"that are fully qualified. `all_addresses` and `ip_family` of a check with a name need one of "+
					"the last two. Defaults to `"+vantage.ResolveThere+"`.", resolveValidator),
			},
			Blocks: map[string]schema.Block{"ssh": sshBlock(), "proxy": proxyBlock()},
		},
	}
}

func sshBlock() schema.ListNestedBlock {
	return schema.ListNestedBlock{
		MarkdownDescription: "The vantage point is an SSH server, such as a bastion, which must allow TCP " +
			"forwarding. At most one block. `~/.ssh/config` and default key files are not read. Conflicts with " +
			"`proxy`.",
		NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{
				"host": schema.StringAttribute{
					Required: true,
					MarkdownDescription: "Name or IP address of the server, with port 22, or `host:port`. Write an " +
						"IPv6 address with a port in brackets.",
					Validators: []validator.String{sshHostValidator},
				},
				"user": schema.StringAttribute{
					Required:            true,
					MarkdownDescription: "User to log in as.",
					Validators:          []validator.String{notBlankValidator},
				},
				"private_key": secretArgument("Private key to log in with, PEM, for example "+
					"`file(pathexpand(\"~/.ssh/id_ed25519\"))`. If omitted, a key of the agent or `password` is used.",
					notBlankValidator),
				"private_key_passphrase": secretArgument("Passphrase of `private_key`. Required if the key is "+
					"encrypted.",
					notBlankValidator),
				"certificate": providerArgument("User certificate of `private_key`, or of a key of the agent, in the "+
					"form of a file `id_*-cert.pub`. If omitted, the keys are used without a certificate, or with "+
					"those that the agent holds.", notBlankValidator),
				"password": secretArgument("Password to log in with, also where the server asks for it with a prompt. "+
					"If omitted, only keys are used.", notBlankValidator),
				"agent": schema.BoolAttribute{
					Optional: true,
					MarkdownDescription: "Whether to log in with keys of the SSH agent: that of `SSH_AUTH_SOCK`, on " +
						"Windows that of OpenSSH. Defaults to `true` if neither `private_key` nor `password` is " +
						"set, otherwise to `false`.",
				},
				"agent_identity": providerArgument("The one key of the agent to use, as a public key, its SHA256 "+
					"fingerprint or its comment: a server ends the login after a few wrong keys. If omitted, all "+
					"keys of the agent are tried.", notBlankValidator),
				"host_key": providerArgument("Public key of the server in the form of `authorized_keys`, for example "+
					"`ssh-ed25519 AAAA...`, or several in lines of their own. A server with another key is an "+
					"error, and there is no option to skip this check. Conflicts with `known_hosts`.",
					hostKeyValidator),
				"known_hosts": providerArgument("Public keys of servers in the form of the file `known_hosts`: its "+
					"content, for example `file(\"known_hosts\")`. Conflicts with `host_key`. If both are omitted, "+
					"the user's file `~/.ssh/known_hosts` is read. On a machine that does not have it, such as those "+
					"of HCP Terraform, set `host_key`.", knownHostsValidator),
			},
		},
	}
}

func proxyBlock() schema.ListNestedBlock {
	return schema.ListNestedBlock{
		MarkdownDescription: "The vantage point is an HTTP or SOCKS5 proxy. At most one block. The environment's " +
			"proxy variables are not read. Conflicts with `ssh`.",
		NestedObject: schema.NestedBlockObject{
			Attributes: map[string]schema.Attribute{
				"url": schema.StringAttribute{
					Required:  true,
					Sensitive: true,
					MarkdownDescription: "URL of the proxy, for example `http://proxy.example.com:3128`. The scheme " +
						"is `http`, `https` or `socks5`. Without a port, it is 80, 443 or 1080. It " +
						"may hold user and password.",
					Validators: []validator.String{proxyURLValidator},
				},
				"username": providerArgument("User to log in as. Conflicts with a user in `url`. If omitted, that of "+
					"`url` is used.", notBlankValidator),
				"password": secretArgument("Password to log in with. Requires `username`. Conflicts with a password "+
					"in `url`.", notBlankValidator),
				"ca_certificate": providerArgument("Certificates to verify the certificate of an `https` proxy "+
					"with, PEM, one or more. If omitted, the certificates of the system are used.",
					caCertificatesValidator),
			},
		},
	}
}

func providerArgument(description string, validators ...validator.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: description, Validators: validators}
}

func secretArgument(description string, validators ...validator.String) schema.StringAttribute {
	argument := providerArgument(description, validators...)
	argument.Sensitive = true
	return argument
}
