package browsertest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

//go:embed axe/axe.min.js
var axe string

// audit runs a choice of rules over the page.
const audit = `axe.run(document, {runOnly: %s, resultTypes: ["violations"]})
	.then((r) => JSON.stringify(r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + (n.failureSummary || "")))))`

// The rules of the audit: WCAG 2.2 at level AA, and good practice; and those of
// them that look at colours.
const (
	allRules    = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	colourRules = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`
)

// Audit gives what the accessibility audit finds wrong with the page.
func (p *Page) Audit() []string {
	p.tb.Helper()
	return p.audit(allRules)
}

// AuditThemes audits the page in its theme, and the colours of the other one as
// well. The page is in its theme again then.
func (p *Page) AuditThemes(dark bool) []string {
	p.tb.Helper()
	out := p.audit(allRules)
	p.Dark(!dark)
	for _, problem := range p.audit(colourRules) {
		out = append(out, "in the other theme: "+problem)
	}
	p.Dark(dark)
	return out
}

// renderAll renders what the browser leaves out while it is off the screen.
func (p *Page) renderAll() {
	p.tb.Helper()
	Eval[bool](p, `(() => { for (const e of document.querySelectorAll("main *")) if (getComputedStyle(e).contentVisibility === "auto") e.style.contentVisibility = "visible"; return true; })()`)
}

func (p *Page) audit(rules string) []string {
	p.tb.Helper()
	p.renderAll()
	if !Eval[bool](p, `"axe" in window`) {
		p.run("load axe-core", chromedp.Evaluate[chromedp.Void](axe))
	}
	text := Eval[string](p, fmt.Sprintf(audit, rules))
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		p.tb.Fatalf("audit: %v", err)
	}
	return out
}

// Shot keeps a screenshot of the whole page, if screenshots are wanted; of a very
// long one what the screen shows.
func (p *Page) Shot(name string) {
	p.tb.Helper()
	dir := os.Getenv(ShotsVariable)
	if dir == "" {
		return
	}
	p.renderAll()
	const tallest = 12_000 // pixels that are drawn in reasonable time
	shot := chromedp.FullScreenshot(100)
	if Eval[float64](p, `document.documentElement.scrollHeight`) > tallest {
		shot = chromedp.CaptureScreenshot()
	}
	png := get(p, "take a screenshot", shot)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.tb.Fatal(err)
	}
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return string(out)
}
