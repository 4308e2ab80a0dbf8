// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package tcpconnect

import "math"

// freeDescriptors returns how many more sockets this process may open: on Windows, only memory limits them.
func freeDescriptors() int { return math.MaxInt32 }
