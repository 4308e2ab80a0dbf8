// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

// Package vantage dials from places other than this machine: an SSH server, or an HTTP or SOCKS5 proxy. It tells what
// the far end says about a target, and never takes for it what happened on the way there.
package vantage
