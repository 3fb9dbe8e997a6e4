// Package browsertest drives Chromium in tests of the pages: it opens them as
// people see them, waits, clicks, takes screenshots and audits their
// accessibility by axe-core, which lies in the folder axe with its licence. It
// knows no page of the service. Start at New.
package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ShotsVariable names the folder that keeps the screenshots; without it none are
// taken.
const ShotsVariable = "COURSEWRIGHT_SCREENSHOTS"

const (
	startTimeout = time.Minute // of the browser, on a busy machine
	stepTimeout  = time.Minute // of one step of a test
	pollEvery    = 20 * time.Millisecond
)

// Browser is one Chromium.
type Browser struct {
	ctx context.Context
}

// New starts a Chromium that ends with the test. The test is skipped where there
// is none, and fails there if COURSEWRIGHT_REQUIRE names chromium.
func New(tb testing.TB) *Browser {
	tb.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), "chromium") {
			tb.Fatal("chromium is required by COURSEWRIGHT_REQUIRE but not installed")
		}
		tb.Skip("chromium is not installed")
	}
	// Not the test's own context: that ends before the cleanups.
	alloc, stop := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()),
		chromedp.ExecPath(path), chromedp.Flag("headless", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true), chromedp.UserDataDir(tb.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.WSURLReadTimeout(startTimeout),
	)
	ctx, cancel := chromedp.NewContext(alloc)
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Errorf("end chromium: %v", err)
		}
		cancel()
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("start chromium: %v", err)
	}
	return &Browser{ctx: ctx}
}

// Options say who looks, and through what.
type Options struct {
	Width, Height int64  // 0: a usual screen
	Dark          bool   // the system wants dark colours
	Language      string // what the browser asks for; empty: English
	TimeZone      string // empty: UTC
	NoScripts     bool
	NoCache       bool // every page is loaded as if for the first time
}

// Page is one tab with cookies of its own.
type Page struct {
	tb  testing.TB
	ctx context.Context

	mu     sync.Mutex
	thrown []string // by scripts of the page
}

// Open opens a tab.
func (b *Browser) Open(tb testing.TB, o Options) *Page {
	tb.Helper()
	if o.Width == 0 {
		o.Width, o.Height = 1440, 900
	}
	if o.Language == "" {
		o.Language = "en"
	}
	if o.TimeZone == "" {
		o.TimeZone = "UTC"
	}
	p := &Page{tb: tb}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	p.ctx = ctx
	tb.Cleanup(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, text := range p.thrown {
			tb.Errorf("a script of the page failed: %s", text)
		}
	})
	// The first run opens the tab, whose context must not end with a step.
	if err := chromedp.Do(ctx); err != nil {
		tb.Fatalf("open a tab: %v", err)
	}
	p.run("prepare a tab", chromedp.EmulateViewport(o.Width, o.Height),
		scheme(o.Dark),
		call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: o.TimeZone}),
		call(emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (test) Chromium", AcceptLanguage: o.Language}),
		call(network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: o.NoCache}),
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: o.NoScripts}),
	)
	return p
}

func scheme(dark bool) chromedp.Action[chromedp.Void] {
	wanted := "light"
	if dark {
		wanted = "dark"
	}
	return call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: wanted}}})
}

// Dark changes what colours the system wants, while the page stays open.
func (p *Page) Dark(dark bool) {
	p.tb.Helper()
	p.run("change the colours", scheme(dark))
}

// Use makes the steps that follow those of another test, such as a part of the
// one that opened the tab.
func (p *Page) Use(tb testing.TB) {
	tb.Helper()
	p.tb = tb
}

// call makes a command of the browser's protocol an action.
func call[P any](cmd cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, cmd, params)
		return chromedp.Void{}, err
	}
}

// listen notes what scripts throw.
func (p *Page) listen(event any) {
	thrown, ok := event.(*runtime.EventExceptionThrown)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thrown = append(p.thrown, fmt.Sprintf("%+v", thrown.ExceptionDetails))
}

// run does steps and fails the test when one fails or takes too long.
func (p *Page) run(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.tb.Fatalf("%s: %v", what, err)
	}
}

// get does a step that gives something.
func get[T any](p *Page, what string, a chromedp.Action[T]) T {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		p.tb.Fatalf("%s: %v", what, err)
	}
	return v
}

// Go opens an address.
func (p *Page) Go(address string) {
	p.tb.Helper()
	p.run("open "+address, chromedp.Navigate(address))
}

// Click presses what a selector finds first, and scrolls there before. What a page
// replaces between the look and the press was not pressed: it is looked for again.
func (p *Page) Click(selector string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector)))
		if err == nil {
			return
		}
		if refused := (*cdproto.Error)(nil); !errors.As(err, &refused) || !strings.Contains(refused.Message, "Could not find node") {
			p.tb.Fatalf("click %s: %v", selector, err)
		}
	}
}

// Fill replaces the text of a field as typing does.
func (p *Page) Fill(selector, text string) {
	p.tb.Helper()
	Eval[bool](p, `(() => { const field = document.querySelector(`+quoted(selector)+`); field.focus(); field.select(); return true; })()`)
	if text == "" {
		p.run("empty "+selector, chromedp.KeyEvent("\b"))
		return
	}
	p.run("fill "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Eval evaluates an expression of JavaScript, also a promise.
func Eval[T any](p *Page, expression string) T {
	p.tb.Helper()
	return get(p, "evaluate "+expression, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait waits until an expression of JavaScript is true, also over a change of
// the page.
func (p *Page) Wait(expression string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(pollEvery)))
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			p.tb.Fatalf("wait for %s: %v; %s shows:\n%s", expression, err, p.Address(), Eval[string](p, `document.body.innerText`))
		case <-time.After(pollEvery): // the page has changed under the poll
		}
	}
}

// See waits until a selector finds something whose text contains another.
func (p *Page) See(selector, text string) {
	p.tb.Helper()
	p.Wait(`[...document.querySelectorAll(` + quoted(selector) + `)].some((e) => e.textContent.replace(/\s+/g, " ").includes(` + quoted(text) + `))`)
}

// Text is the text of what a selector finds first, as it is rendered.
func (p *Page) Text(selector string) string {
	p.tb.Helper()
	return strings.Join(strings.Fields(get(p, "read "+selector, chromedp.Text(chromedp.CSS(selector)))), " ")
}

// Address is the address of the page.
func (p *Page) Address() string {
	p.tb.Helper()
	return get(p, "read the address", chromedp.Location())
}
