// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// seen is what a browser shows of a page.
type seen struct {
	Width      int    // of the window, in CSS pixels
	Scroll     int    // width of the page
	First      string // text of the first row
	HeaderSeen bool   // whether the table has a row of headers
	LastSeen   bool   // whether the last row is shown
	Cut        int    // how many elements stand out of the page on the right
	Ran        bool   // whether a script of the page ran
}

// look is a script outside the page, because the page allows none. It writes what it sees as JSON.
const look = `
addEventListener("load", () => {
	const seen = [...document.querySelectorAll("iframe")].map(frame => {
		const page = frame.contentDocument, rows = page.querySelectorAll("tbody tr");
		const right = page.documentElement.clientWidth + 1;
		return {
			Width: frame.clientWidth,
			Scroll: page.documentElement.scrollWidth,
			First: rows[0].innerText,
			HeaderSeen: page.querySelector("thead").getBoundingClientRect().height > 5,
			LastSeen: rows[rows.length - 1].checkVisibility(),
			Cut: [...page.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > right).length,
			Ran: window.ran !== undefined || frame.contentWindow.ran !== undefined,
		};
	});
	const out = document.createElement("output");
	out.textContent = JSON.stringify(seen);
	document.body.replaceChildren(out);
});`

func TestPhonesShowThePageWithoutScrollingSideways(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]Report{"sample": sample(50), "hostile": filled(hostile)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, seen := range browse(t, rendering(t, report), 320, 360, 390, 800, 1200) {
				if seen.Scroll > seen.Width || seen.Cut > 0 {
					t.Errorf("at %d pixels, the page is %d wide, and %d elements are cut",
						seen.Width, seen.Scroll, seen.Cut)
				}
				if seen.HeaderSeen != (seen.Width > 860) {
					t.Errorf("at %d pixels, the row of headers is shown: %t", seen.Width, seen.HeaderSeen)
				}
				if name == "sample" && !strings.Contains(seen.First, "Orders database") {
					t.Errorf("at %d pixels, the first row is %q", seen.Width, seen.First)
				}
			}
		})
	}
}

func TestBrowsersRunNothingOfThePage(t *testing.T) {
	t.Parallel()
	page := rendering(t, filled(hostile))
	const policy = "Content-Security-Policy"
	if !strings.Contains(page, policy) {
		t.Error("the page has no policy")
	}
	for _, seen := range browse(t, strings.Replace(page, policy, "x", 1), 800) {
		if seen.Ran {
			t.Error("without its policy, the page ran a script")
		}
	}
}

func TestPrintShowsWhatIsFolded(t *testing.T) {
	t.Parallel()
	page := rendering(t, sample(2500)) // with more skipped rows than are open
	if browse(t, page, 1200)[0].LastSeen {
		t.Error("the screen shows the last row of a large report")
	}
	if !browse(t, strings.Replace(page, "@media print", "@media screen", 1), 1200)[0].LastSeen {
		t.Error("print does not show the last row")
	}
}

func rendering(t *testing.T, report Report) string {
	t.Helper()
	content, err := report.Render(HTML)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// browse returns what a browser shows of a page in windows of several widths.
func browse(t *testing.T, page string, widths ...int) []seen {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("this machine has no Chromium")
	}
	var outside strings.Builder
	fmt.Fprintf(&outside, "<!DOCTYPE html><title>test</title><script>%s</script><body>", look)
	for _, width := range widths {
		fmt.Fprintf(&outside, "<iframe style=\"border:0;width:%dpx;height:900px\" srcdoc=\"%s\"></iframe>",
			width, html.EscapeString(page))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "outside.html")
	if err := os.WriteFile(file, []byte(outside.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=10000", "--dump-dom", "file://"+file)
	dump, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v", browser, err)
	}
	dom, err := html.Parse(bytes.NewReader(dump))
	if err != nil {
		t.Fatal(err)
	}
	outputs := elements(dom, "output")
	if len(outputs) != 1 {
		t.Fatalf("the browser says\n%.2000s", dump)
	}
	var shown []seen
	if err := json.Unmarshal([]byte(outputs[0].FirstChild.Data), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown) != len(widths) {
		t.Fatalf("%d windows of %d", len(shown), len(widths))
	}
	return shown
}
