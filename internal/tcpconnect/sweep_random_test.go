// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// randomPeer refuses some dials and then does what its reason says.
type randomPeer struct {
	refusals int
	takes    time.Duration // each dial
	reason   Reason        // connected, refused or no-response
}

// randomNetwork is a dialer to random peers. It counts what is in flight.
type randomNetwork struct {
	room           int
	peers          map[string]randomPeer
	mu             sync.Mutex
	dials          map[string]int
	inFlight, most atomic.Int64
}

func (n *randomNetwork) Room() int { return n.room }

func (n *randomNetwork) Dial(ctx context.Context, _ netip.Addr, address string) (net.Conn, error) {
	n.most.Store(max(n.most.Load(), n.inFlight.Add(1)))
	defer n.inFlight.Add(-1)
	n.mu.Lock()
	n.dials[address]++
	dial := n.dials[address]
	n.mu.Unlock()
	peer := n.peers[address]
	if peer.takes > 0 && sleep(ctx, peer.takes, nil) != nil || peer.reason == ReasonNoResponse && dial > peer.refusals {
		<-ctx.Done()
		return nil, &ReasonError{Reason: ReasonNoResponse, Err: ctx.Err()}
	}
	if dial <= peer.refusals || peer.reason == ReasonRefused {
		return nil, &ReasonError{Reason: ReasonRefused, Err: errors.New("refused")}
	}
	near, _ := net.Pipe()
	return near, nil
}

// For random peers, limits, rooms and optional checks: each check has its own result and as many dials as it says, no
// more than allowed is in flight, and what is interrupted has no results.
func TestSweepOfRandomChecks(t *testing.T) {
	t.Parallel()
	rounds := 300
	if testing.Short() {
		rounds /= 10
	}
	for range rounds {
		seed := rand.Uint64()
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			network := &randomNetwork{
				room: 1 + random.IntN(6), peers: make(map[string]randomPeer), dials: make(map[string]int),
			}
			limit := 1 + random.IntN(6)
			checks := checksOf(t, random.IntN(40), time.Second)
			want, optional := make([]Reason, len(checks)), make([]bool, len(checks))
			for i := range checks {
				peer := randomPeer{takes: time.Duration(random.IntN(3)) * moment * 2 / 3}
				peer.reason = []Reason{ReasonConnected, ReasonRefused, ReasonNoResponse}[random.IntN(3)]
				if random.IntN(3) == 0 {
					policy := retry()
					policy.Attempts = 3
					checks[i].Retry, checks[i].Timeout = &policy, time.Hour
					peer.refusals = random.IntN(3)
				}
				optional[i] = random.IntN(3) == 0
				network.peers[checks[i].Target.Address.String()], want[i] = peer, peer.reason
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			interrupted := random.IntN(4) == 0
			if interrupted {
				time.AfterFunc(time.Duration(random.Int64N(int64(time.Minute))), cancel)
			}
			results, err := (&Collector{Dialer: network}).Sweep(ctx, checks, SweepOptions{
				Limit: limit, Optional: optional,
			})
			if (err != nil) != (ctx.Err() != nil) || err != nil && results != nil {
				t.Fatalf("seed %d: %d results, %v", seed, len(results), err)
			}
			for i, result := range results {
				address := checks[i].Target.Address.String()
				tried := fmt.Sprintf("[%s]", address)
				endsEarly := optional[i] && checks[i].Retry != nil && slices.Contains(optional, false)
				if endsEarly && result.Reason == ReasonRefused && network.peers[address].refusals > 0 {
					want[i] = ReasonRefused
				}
				if made := network.dials[address]; made == 0 || int64(made) != result.Attempts {
					t.Errorf("seed %d: %s says %d dials, and there were %d", seed, address, result.Attempts, made)
				}
				if result.Reason != want[i] || fmt.Sprint(result.Tried) != tried {
					t.Errorf("seed %d: %s is %s, want %s; tried %s",
						seed, address, result.Reason, want[i], result.Tried)
				}
			}
			if most := network.most.Load(); most > int64(min(limit, network.room)) {
				t.Errorf("seed %d: %d in flight, with a limit of %d and room for %d", seed, most, limit, network.room)
			}
		})
	}
}
