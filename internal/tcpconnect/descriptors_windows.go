// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import "math"

// freeDescriptors tells how many more sockets this process may open: Windows has no limit but memory.
func freeDescriptors() int { return math.MaxInt32 }
