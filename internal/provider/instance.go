// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/bundle"
	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// instance is one configured provider: what its configuration says, and which results it has written.
type instance struct {
	sweeps    sync.Mutex // one spec at a time: each takes what the process may open, and what it writes belongs together
	version   string
	collector *tcpconnect.Collector
	timeout   time.Duration
	bundleDir string
	writer    *bundle.Writer // nil: no result is written
	archives  ownArchives
	results   ownResults

	mu     sync.Mutex
	claims map[string]dialArguments // by collector name in lower case
	spec   string                   // that describes the whole bundle; empty: none yet
}

// dialArguments are what tells one dial from another.
type dialArguments struct {
	target  tcpconnect.Target
	timeout time.Duration
	retry   *tcpconnect.Retry // nil: one dial
}

// String tells of everything that may differ.
func (d dialArguments) String() string {
	text := fmt.Sprintf("%s (timeout %s", d.target.Address, d.timeout)
	if d.target.Family != "" {
		text += fmt.Sprintf(", ip_family %s", d.target.Family)
	}
	if d.target.Source.IsValid() {
		text += fmt.Sprintf(", source_address %s", d.target.Source)
	}
	if d.target.AllAddresses {
		text += ", all_addresses"
	}
	if d.retry != nil {
		text += fmt.Sprintf(", retry { %s }", d.retry)
	}
	return text + ")"
}

// check dials and records. It returns the result and the path of its file, empty if none is written. The error says why there is
// no result, or why it could not be written. progress is told of each dial.
func (i *instance) check(ctx context.Context, c check, progress func(tcpconnect.Attempt)) (tcpconnect.Result, string, error) {
	if err := i.claim(c.collectorName, c.dial); err != nil {
		return tcpconnect.Result{}, "", err
	}
	result, err := i.collect(ctx, c.dial, progress)
	if err != nil || i.writer == nil {
		return result, "", err
	}
	file, written := "", bundleResult(c.collectorName, result)
	err = i.results.record([]bundle.CollectorResult{written}, func() (err error) {
		file, err = i.writer.Write(c.collectorName, written.Result)
		return err
	})
	if err != nil {
		return tcpconnect.Result{}, "", err
	}
	return result, file, nil
}

// bundleResult is a result in the words of a bundle.
func bundleResult(collectorName string, result tcpconnect.Result) bundle.CollectorResult {
	return bundle.CollectorResult{
		Collector:   collectorName,
		Result:      bundle.Result{Status: string(result.Status), Message: result.Message, Reason: string(result.Reason)},
		CollectedAt: result.CollectedAt,
	}
}

func (i *instance) collect(ctx context.Context, dial dialArguments, progress func(tcpconnect.Attempt)) (tcpconnect.Result, error) {
	if dial.retry != nil {
		return i.collector.Wait(ctx, dial.target, dial.timeout, *dial.retry, progress)
	}
	result, err := i.collector.Collect(ctx, dial.target, dial.timeout)
	if err == nil {
		progress(tcpconnect.Attempt{Number: 1, Result: result})
	}
	return result, err
}

// claim reserves a collector's result file for one kind of dial.
func (i *instance) claim(collectorName string, dial dialArguments) error {
	if i.writer == nil {
		return nil // nothing can be overwritten
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.claims == nil {
		i.claims = make(map[string]dialArguments)
	}
	key := strings.ToLower(collectorName) // some file systems take no notice of case
	if earlier, taken := i.claims[key]; taken && !reflect.DeepEqual(earlier, dial) {
		return &claimError{collectorName, earlier, dial}
	}
	i.claims[key] = dial
	return nil
}

// claimError says that two collectors would overwrite each other's result.
type claimError struct {
	collectorName  string
	earlier, later dialArguments
}

func (e *claimError) Error() string {
	return fmt.Sprintf("Two collectors are named %q, and dial differently: one %s, the other %s. "+
		"The second would overwrite the first one's result file, so it was not run. Set a different collector_name on each (with for_each: collector_name = each.key; in a spec: collectorName).",
		e.collectorName, e.earlier, e.later)
}

// readResults reads the results of a collector from a bundle. Of the bundle and the archives that this instance writes it gives only
// what this instance wrote: anything else there is an older run's. Terminals can show the texts.
func (i *instance) readResults(ctx context.Context, dir, collectorName string) ([]bundle.NodeResult, error) {
	wrote := i.results.wrote(collectorName) // before it is read
	var found bundle.Found
	err := i.archives.read(dir, func() (err error) {
		found, err = bundle.Read(ctx, dir, collectorName, func(text string) bool { return tcpconnect.Status(text).Known() })
		return err
	})
	if err != nil {
		return nil, err
	}
	for n, result := range found.Results {
		found.Results[n].Message = tcpconnect.Printable(result.Message)
		found.Results[n].Reason = tcpconnect.Printable(result.Reason)
		if reason, err := tcpconnect.ParseReason(result.Reason); err == nil && !reason.Explains(tcpconnect.Status(result.Status)) {
			return nil, fmt.Errorf("%s holds the status %q%s with the reason %q, which belongs to another status: the file was changed. "+
				"Collect the result again.", dir, result.Status, onNode(result.Node), found.Results[n].Reason)
		}
	}
	if !i.isOwn(dir, found, collectorName) {
		return found.Results, nil
	}
	if !wrote {
		return nil, fmt.Errorf("%s is this provider's own bundle, and this run has written no result of a collector named %q: "+
			"what lies there may be an older run's. (The plan is a process of its own: what it has written is not the apply's.) "+
			"Use status = data.preflight_tcp_connect.NAME.status, which is always this run's.", dir, collectorName)
	}
	for n, result := range found.Results {
		own, isOwn := i.results.recognize(collectorName, result.Result)
		if result.Node != "" || !isOwn {
			return nil, fmt.Errorf("%s holds %q%s, but this run has written %q: another run has overwritten the result. "+
				"Use status = data.preflight_tcp_connect.NAME.status, which is always this run's, and give each run its own bundle_dir.",
				dir, result.Status, onNode(result.Node), i.results.statuses(collectorName))
		}
		found.Results[n].Result = own
	}
	return found.Results, nil
}

// isOwn reports whether what was found is in the bundle or an archive that this instance writes. A bundle may lie inside another
// directory, also inside our own.
func (i *instance) isOwn(dir string, found bundle.Found, collectorName string) bool {
	if found.Dir == "" {
		return i.archives.state(dir) == archiveWritten
	}
	return bundle.Same(dir, i.bundleDir, collectorName) || bundle.Same(found.Dir, i.bundleDir, collectorName)
}

// onNode names a node in a sentence, if there is one.
func onNode(node string) string {
	if node == "" {
		return ""
	}
	return fmt.Sprintf(" of the node %q", node)
}
