// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/tcpconnect"
)

// claims are the result files that checks of a run have reserved. The zero value has none.
type claims struct {
	mu     sync.Mutex
	checks map[string]tcpconnect.Check // by collector name in lower case
}

// ClaimError says that two checks would overwrite each other's result.
type ClaimError struct {
	CollectorName  string
	Earlier, Later tcpconnect.Check
}

// Error says what differs, and what to do.
func (e *ClaimError) Error() string {
	return fmt.Sprintf("Two collectors are named %q, and dial differently: one %s, the other %s. The second would "+
		"overwrite the first one's result file, so it was not run. Set a different collector_name on each (with "+
		"for_each: collector_name = each.key; in a spec: collectorName; in preflight_endpoints: name, with which the "+
		"names of its collectors begin).",
		e.CollectorName, e.Earlier, e.Later)
}

// claim reserves the result files of checks, or none of them if one is taken. Equal checks share one.
func (r *Run) claim(checks ...Check) error {
	if r.Writer == nil {
		return nil // nothing can be overwritten
	}
	r.claims.mu.Lock()
	defer r.claims.mu.Unlock()
	claimed := make(map[string]tcpconnect.Check, len(checks))
	for _, check := range checks {
		key := strings.ToLower(check.CollectorName) // some file systems take no notice of case
		for _, known := range []map[string]tcpconnect.Check{r.claims.checks, claimed} {
			if earlier, taken := known[key]; taken && !earlier.Equal(check.Check) {
				return &ClaimError{check.CollectorName, earlier, check.Check}
			}
		}
		claimed[key] = check.Check
	}
	if r.claims.checks == nil {
		r.claims.checks = make(map[string]tcpconnect.Check)
	}
	maps.Copy(r.claims.checks, claimed)
	return nil
}
