// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"path"
	"regexp"
	"strings"
)

// Results lie below host-collectors. The results of one machine lie in <kind>/<collector>.json. The Troubleshoot
// tools write the results of the nodes of a cluster to <node>/<kind>/<collector>.json since v0.110, and before that
// wrote them to <kind>/<node>/<collector>.json.

// kinds are the directories that hold the results of one kind of collector, as Troubleshoot's pkg/collect names them
// (August 2026). The value is false for kinds whose collectors make directories of their own.
var kinds = map[string]bool{
	"certificate":            true,
	"certificatesCollection": true,
	connectKind:              true,
	"diskUsage":              true,
	"dns":                    false,
	"filesystemPerformance":  true,
	"http":                   true,
	"httpLoadBalancer":       true,
	"journald":               true,
	"registry-images":        true,
	"run-host":               false,
	"subnetAvailable":        true,
	"system":                 true,
	"tcpLoadBalancer":        true,
	"tcpPortStatus":          true,
	"udpPortStatus":          true,
}

func isKind(dir string) bool {
	_, known := kinds[dir]
	return known
}

// nodeName matches the names of Kubernetes nodes. A name that it matches does not lead to another directory.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// belowHostCollectors returns the parts of a path below host-collectors, or nil if the path does not lie there.
func belowHostCollectors(file string) []string {
	rest, below := strings.CutPrefix(file, hostCollectors+"/")
	if !below {
		return nil
	}
	return strings.Split(rest, "/")
}

// connectResult returns the node and the tcpConnect collector whose result a file holds. The node is empty if the
// file holds a result of the machine that made the bundle.
func connectResult(file string) (node, collector string, ok bool) {
	parts := belowHostCollectors(file)
	if len(parts) == 0 {
		return "", "", false
	}
	collector, isResult := strings.CutSuffix(parts[len(parts)-1], ".json")
	switch {
	case !isResult:
		return "", "", false
	case len(parts) == 2 && parts[0] == connectKind:
		return "", collector, true
	case len(parts) == 3 && parts[0] == connectKind:
		return parts[1], collector, true
	case len(parts) == 3 && parts[1] == connectKind:
		return parts[0], collector, true
	default:
		return "", "", false
	}
}

// nodeOf returns the node that has collected a file of any kind. It does not take a directory that a collector has
// made for a node.
func nodeOf(file string) (node string, ok bool) {
	parts := belowHostCollectors(file)
	if len(parts) < 3 {
		return "", false
	}
	isResult := len(parts) == 3 && path.Ext(file) == ".json"
	switch {
	case kinds[parts[0]]:
		node = parts[1]
	case !isKind(parts[0]) && isKind(parts[1]):
		node = parts[0]
		isResult = isResult || parts[1] == "dns" // whose results lie one level deeper
	}
	return node, isResult && nodeName.MatchString(node)
}

// mayHoldResults reports whether results of any kind may lie in a directory below host-collectors, or in its
// directories.
func mayHoldResults(dir string) bool {
	parts := belowHostCollectors(dir)
	return len(parts) == 1 || len(parts) == 2 && (kinds[parts[0]] || isKind(parts[1]))
}
