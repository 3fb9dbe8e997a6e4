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

// audited are the rules of the audit: WCAG 2.2 at level AA, and good practice.
const audited = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
	.then((r) => JSON.stringify(r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + (n.failureSummary || "")))))`

// Audit gives what the accessibility audit finds wrong with the page.
func (p *Page) Audit() []string {
	p.tb.Helper()
	if !Eval[bool](p, `"axe" in window`) {
		p.run("load axe-core", chromedp.Evaluate[chromedp.Void](axe))
	}
	text := Eval[string](p, audited)
	var out []string
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		p.tb.Fatalf("audit: %v", err)
	}
	return out
}

// Shot keeps a screenshot of the whole page, if screenshots are wanted.
func (p *Page) Shot(name string) {
	p.tb.Helper()
	dir := os.Getenv(ShotsVariable)
	if dir == "" {
		return
	}
	png := get(p, "take a screenshot", chromedp.FullScreenshot(100))
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
