// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package netlab

import (
	"errors"
	"os"
	"testing"
)

func TestDoRunsNothingAfterTheLabHasEnded(t *testing.T) {
	t.Parallel()
	var host *Host
	t.Run("lab", func(t *testing.T) { // not parallel, so that the lab has ended when Run returns
		host = NewHost(t)
		ran := false
		if err := host.Do(func() { ran = true }); err != nil || !ran {
			t.Errorf("ran: %t, %v", ran, err)
		}
	})
	if host == nil {
		t.Skip("no network namespace was made")
	}
	err := host.Do(func() { t.Error("the function was run") })
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want %v", err, os.ErrClosed)
	}
}
