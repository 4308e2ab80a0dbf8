// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"fmt"
	"regexp"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// CollectorNameRule says which names a collector may have.
const CollectorNameRule = "A collector's name has 1 to 128 characters: letters (a-z, A-Z), digits, spaces, " +
	"\".\", \"_\" and \"-\", beginning and ending with a letter or digit. " +
	"It is none of the names that Windows reserves (CON, NUL, COM1 ...), with or without an ending."

var (
	collectorName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,126}[A-Za-z0-9])?$`)

	// https://learn.microsoft.com/windows/win32/fileio/naming-a-file#naming-conventions. A reserved name stays
	// reserved if spaces, or a dot and anything else, follow it.
	reservedName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9]) *(\..*)?$`)
)

// ValidateCollectorName returns an error if a name cannot name a result file on every platform. The error ends with
// CollectorNameRule.
func ValidateCollectorName(name string) error {
	switch {
	case !collectorName.MatchString(name):
		return fmt.Errorf("%q cannot name a collector. %s", suggest.Abbreviate(name), CollectorNameRule)
	case reservedName.MatchString(name):
		return fmt.Errorf("%q is a name that Windows reserves. %s", name, CollectorNameRule)
	default:
		return nil
	}
}
