// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"slices"
	"sync"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// ownResults knows which results this run has written, so that nothing of an older run is judged. Its zero value knows
// none.
//
// A result file is replaced while others read it, if identical checks run again. So every answer that this run has
// written, or is about to write, counts as its own; but only once one has been written whole, since what lies there
// until then is an older run's.
type ownResults struct {
	mu      sync.Mutex
	answers map[string][]bundle.Result // by collector name: different ones, without messages
	written map[string]bool            // by collector name
}

// record calls a function that writes results.
func (o *ownResults) record(results []bundle.CollectorResult, write func() error) error {
	o.mu.Lock()
	if o.answers == nil {
		o.answers, o.written = make(map[string][]bundle.Result), make(map[string]bool)
	}
	for _, result := range results {
		answer := bundle.Result{Status: result.Status, Reason: result.Reason}
		if known := o.answers[result.Collector]; !slices.Contains(known, answer) {
			o.answers[result.Collector] = append(known, answer)
		}
	}
	o.mu.Unlock()
	if err := write(); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, result := range results {
		o.written[result.Collector] = true
	}
	return nil
}

// wrote reports whether this run has written a result of a collector.
func (o *ownResults) wrote(collectorName string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written[collectorName]
}

// recognize returns a result that was read with its reason, which the status format does not hold, or false if this run
// has written no such result. Of several reasons it returns one that opens no gate.
func (o *ownResults) recognize(collectorName string, result bundle.Result) (bundle.Result, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	own := false
	reason := result.Reason
	for _, answer := range o.answers[collectorName] {
		if answer.Status != result.Status || result.Reason != "" && result.Reason != answer.Reason {
			continue
		}
		if !own || tcpconnect.Reason(answer.Reason).SaysNothing() {
			reason = answer.Reason
		}
		own = true
	}
	result.Reason = reason
	return result, own
}

// statuses returns the statuses that this run has written of a collector.
func (o *ownResults) statuses(collectorName string) (statuses []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, answer := range o.answers[collectorName] {
		if !slices.Contains(statuses, answer.Status) {
			statuses = append(statuses, answer.Status)
		}
	}
	return statuses
}
