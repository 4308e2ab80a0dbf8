// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package vantage

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// Points are the vantage points of a configuration, by name. They must be closed in the end.
type Points map[string]*Point

// New makes vantage points of configurations that Validate finds nothing wrong with. It connects to none of them.
func New(configs []Config) (Points, error) {
	byName := make(map[string]Config, len(configs))
	for _, config := range configs {
		byName[config.Name] = config
	}
	points := make(Points, len(configs))
	for _, config := range configs {
		if _, err := points.add(config.Name, byName, len(configs)); err != nil {
			return nil, errors.Join(err, points.Close())
		}
	}
	return points, nil
}

// add makes a vantage point, and before it the one that it is reached from. deepest limits how many are behind each
// other.
func (p Points) add(name string, configs map[string]Config, deepest int) (*Point, error) {
	config, exists := configs[name]
	if !exists || deepest == 0 {
		return nil, fmt.Errorf("The vantage point %q does not exist or is behind itself.", name)
	}
	if p[name] != nil {
		return p[name], nil
	}
	reach := fromHere
	if config.Via != "" {
		parent, err := p.add(config.Via, configs, deepest-1)
		if err != nil {
			return nil, err
		}
		reach = parent.reachServer
	}
	point, err := newPoint(config, reach)
	if err != nil {
		return nil, err
	}
	p[name] = point
	return point, nil
}

// Map returns the vantage points as a Collector takes them.
func (p Points) Map() map[string]tcpconnect.VantagePoint {
	points := make(map[string]tcpconnect.VantagePoint, len(p))
	for name, point := range p {
		points[name] = point
	}
	return points
}

// Close ends the connections to all vantage points.
func (p Points) Close() error {
	var failures []error
	for _, point := range p {
		failures = append(failures, point.close())
	}
	return errors.Join(failures...)
}

// fromHere opens a connection to the server of a vantage point from this machine.
func fromHere(ctx context.Context, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	if limit := tcpconnect.LimitOfThisMachine(err); limit != nil {
		return nil, limit
	}
	return nil, unreachable("connect to the vantage point: %v", err)
}

// reachServer opens a connection to the server of another vantage point from this one. What it says of that server is
// no answer about a target.
func (p *Point) reachServer(ctx context.Context, address string) (net.Conn, error) {
	conn, err := p.dial(ctx, address)
	if err == nil {
		return conn, nil
	}
	if _, isFatal := errors.AsType[*tcpconnect.VantagePointError](err); isFatal {
		return nil, err
	}
	if known, ok := errors.AsType[*tcpconnect.ReasonError](err); ok && known.Limit != "" {
		return nil, err
	}
	switch reasonOf(err) {
	case tcpconnect.ReasonVantageUnreachable, tcpconnect.ReasonVantageLimit: // p says nothing of that server
		return nil, unreachable("the vantage point %s, which leads to it, failed: %v", p.name, err)
	}
	return nil, unreachable("connect to the vantage point from %s: %v", p.name, err)
}
