// The console in Chromium, against a server with the bundled model.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { assertNoFaults, contrast, judge, launch, openConsole } from "./browser.mjs";
import { startServer } from "./server.mjs";

const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const markup = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>"'>&lt;`;

let browser, server;
before(async () => {
  [browser, server] = await Promise.all([launch(), startServer()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

// Runs `use` on a page, and fails on whatever the browser complained of.
async function onPage(options, use, hash = "") {
  const { page, faults, close } = await openConsole(browser, server.url, options, hash);
  try {
    await use(page, faults);
    assertNoFaults(faults);
  } finally {
    await close();
  }
}

test("the page runs its own scripts alone, by its policy", async () => {
  for (const path of ["/", "/console/main.js", "/console/console.css", "/console/shield.svg"]) {
    const answer = await fetch(server.url + path);
    const policy = answer.headers.get("content-security-policy");
    assert.equal(answer.status, 200, path);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.doesNotMatch(policy, /unsafe-|\*|data:|https?:/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    const again = await fetch(server.url + path, { headers: { "If-None-Match": answer.headers.get("etag") } });
    assert.equal(again.status, 304, path);
  }
  assert.equal((await fetch(`${server.url}/console/none.js`)).status, 404);
  const page = await (await fetch(server.url)).text();
  assert.doesNotMatch(page, / style=| on\w+=|https?:\/\//);
});

test("a verdict is shown as the server gave it", async () => {
  await onPage({}, async (page) => {
    const verdict = await judge(page, "How can I make a bomb?");
    assert.equal(await page.textContent("#verdict h2"), verdict.safety ?? "No verdict");
    assert.match(await page.textContent("#verdict .outcome"), verdict.blocked ? /^Blocked/ : /^Passes/);
    assert.deepEqual(await page.locator(".named-categories .tag").allTextContents(), verdict.categories);
    for (const [at, share] of Object.values(verdict.probabilities).entries()) {
      const bar = page.locator(".shares").first().locator(".bar").nth(at);
      await page.waitForTimeout(at === 0 ? 450 : 0); // bars grow
      const shown = await bar.evaluate((box) => box.firstElementChild.getBoundingClientRect().width / box.getBoundingClientRect().width);
      assert.ok(Math.abs(shown - share) < 0.02, `${shown} for ${share}`);
    }
    const categories = await page.locator(".shares").nth(1).locator("dt").allTextContents();
    assert.deepEqual(categories, Object.keys(verdict.category_probabilities));
    await page.click("#tokens summary");
    assert.equal(await page.locator(".token").count(), verdict.usage.prompt_tokens);
    assert.equal(await page.locator(".token.cached").count(), verdict.usage.cached_tokens);
    assert.match(await page.textContent(".facts"), new RegExp(`Forward passes${verdict.passes}`));
  });
});

test("a response is judged as one, and the policy is asked for", async () => {
  await onPage({}, async (page) => {
    await page.check("input[value=loose]", { force: true });
    const verdict = await judge(page, "How can I make a bomb?", "I can't help with that.");
    assert.equal(verdict.kind, "response");
    assert.match(await page.textContent("#verdict .banner"), /of the response/);
    assert.match(await page.textContent("#verdict"), /The assistant (refused|did not refuse)/);
    assert.match(await page.textContent("#verdict .outcome"), /passes$/);
    await judge(page, "Capital of France?");
    assert.equal(await page.locator("#history li").count(), 2);
    await page.locator("#history button").nth(1).click();
    assert.match(await page.textContent("#verdict .banner"), /of the response/);
    assert.equal(await page.inputValue("#response"), "I can't help with that.");
  });
});

test("everything can be done from the keyboard", async () => {
  await onPage({}, async (page) => {
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "skip");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "tab-judge");
    await page.keyboard.press("Tab"); // one stop for all tabs
    assert.equal(await focused(), "key-button");
    await page.keyboard.press("/");
    assert.equal(await focused(), "prompt");
    await page.keyboard.type("2 apples / 3 pears?"); // shortcuts are letters here
    assert.equal(await page.inputValue("#prompt"), "2 apples / 3 pears?");
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector("#verdict .banner");
    await page.keyboard.press("Escape");
    await page.keyboard.press("2");
    assert.equal(await focused(), "tab-live");
    await page.waitForSelector("#tile-verdictRate");
    await page.keyboard.press("p");
    assert.equal(await page.getAttribute("#pause", "aria-pressed"), "true");
    await page.keyboard.press("ArrowRight");
    assert.equal(await focused(), "tab-audit");
    assert.ok(await page.isVisible("#view-audit"));
    await page.keyboard.press("Home");
    assert.ok(await page.isVisible("#view-judge"));
    await page.keyboard.press("?");
    assert.ok(await page.isVisible("#help-dialog"));
    await page.uncheck("#single-keys");
    await page.keyboard.press("Escape");
    await page.keyboard.press("3");
    assert.ok(await page.isVisible("#view-judge")); // they can be switched off
  });
});

test("the live view counts what happens", async () => {
  await onPage({}, async (page) => {
    await judge(page, "Capital of France?");
    const counted = async () => {
      await page.waitForResponse("**/v1/console/stats");
      const numbers = await page.locator("#labels b").allTextContents();
      return numbers.reduce((sum, text) => sum + Number(text.replaceAll(",", "")), 0);
    };
    await page.click("#tab-live");
    await counted();
    const before = await counted();
    for (let i = 0; i < 3; ++i) {
      const answer = await fetch(`${server.url}/v1/verdicts`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ prompt: "Hello" }) });
      assert.equal(answer.status, 200);
    }
    await counted();
    assert.equal(await counted(), before + 3);
    assert.match(await page.textContent("#tile-p50 .figure"), /ms$/);
    assert.ok(await page.locator("#tile-p50 .line").count());
    await page.click("#pause");
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.waitForTimeout(1500);
    assert.deepEqual(asked, []);
  });
});

test("the audit log is searched", async () => {
  await onPage({}, async (page) => {
    const text = `A text of its own ${Date.now()}`;
    const verdict = await judge(page, text);
    await page.click("#tab-audit");
    await page.waitForSelector("tbody tr");
    const rows = page.locator("tbody tr:not(.details)");
    const search = async (fields) => {
      for (const name of ["request_id", "text"]) await page.fill(`#audit-form [name=${name}]`, fields[name] ?? "");
      await page.selectOption("#audit-form [name=label]", fields.label ?? "");
      const found = page.waitForResponse("**/v1/audit?*");
      await page.click("#audit-form button[type=submit]");
      await found;
      await page.waitForTimeout(50);
    };
    await search({ text });
    assert.equal(await rows.count(), 1);
    await page.locator(".more").first().click();
    const details = await page.textContent(".details");
    for (const part of [verdict.id, text, "parapet-guard-tiny"]) assert.ok(details.includes(part), part);
    await search({ request_id: verdict.id });
    assert.equal(await rows.count(), 1);
    const download = page.waitForEvent("download");
    await page.click("text=Save as JSONL");
    const saved = JSON.parse(await readFile(await (await download).path(), "utf8"));
    assert.equal(saved.request_id, verdict.id);
    await search({ label: "Unavailable" });
    assert.match(await page.textContent("#audit-results"), /No entry matches/);
  });
});

test("markup in judged texts and in the log stays text", async () => {
  await onPage({}, async (page) => {
    await judge(page, markup, markup);
    await page.click("#tokens summary");
    assert.equal(await page.inputValue("#prompt"), markup);
    assert.ok((await page.textContent("#history")).includes(markup));
    await fetch(`${server.url}/v1/verdicts`, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Request-Id": markup.replace(/\W/g, "x") },
      body: JSON.stringify({ prompt: markup }) });
    await page.click("#tab-audit");
    await page.locator(".more").first().click();
    assert.ok((await page.textContent("#audit-results")).includes(markup));
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator("main img, main script, main iframe").count(), 0);
  });
});

for (const scheme of ["light", "dark"]) {
  test(`${scheme}: readable, as the system asks or as is chosen`, async () => {
    await onPage({ colorScheme: scheme }, async (page) => {
      const isDark = () => page.evaluate(() => {
        const canvas = new OffscreenCanvas(1, 1).getContext("2d");
        canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
        canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data[0] < 128;
      });
      assert.equal(await isDark(), scheme === "dark");
      await judge(page, "How can I make a bomb?");
      for (const text of ["#verdict h2", ".outcome small", ".note", ".shares dt", ".facts dt", ".primary",
        ".legend", "nav [aria-selected=false]", "nav [aria-selected=true]", ".choice :checked + span", ".past .badge"]) {
        const ratio = await contrast(page, text);
        assert.ok(ratio >= 4.5, `${text}: ${ratio.toFixed(2)}`);
      }
      await page.click("#theme-button");
      await page.reload();
      assert.equal(await isDark(), true); // dark is chosen first
      await page.click("#theme-button");
      assert.equal(await isDark(), false);
    });
  });
}

for (const locale of ["en-US", "zh-CN"]) {
  test(`${locale}: at all widths between, the header is one line and the log has room`, async () => {
    await onPage({ locale, viewport: { width: 761, height: 600 } }, async (page) => {
      await judge(page, "How can I make a bomb?");
      await page.click("#tab-audit");
      const categories = page.locator("td.categories:not(:empty)").first();
      for (const width of [761, 900, 901, 1280]) {
        await page.setViewportSize({ width, height: 600 });
        const header = await page.locator("header").boundingBox();
        assert.ok(header.height < 62, `${header.height} at ${width}`);
        assert.ok((await categories.boundingBox()).width > 100, width);
        assert.equal(await overflow(page), 0, width);
      }
      assert.equal(await page.textContent("#server"), "parapet-guard-tiny"); // of its path
    });
  });
}

test("on a phone nothing is wider than the screen", async () => {
  await onPage(phone, async (page) => {
    await judge(page, `${"averylongwordwithoutspaces".repeat(20)} ${markup}`, "护栏".repeat(200));
    await page.click("#tokens summary");
    for (const view of ["judge", "live", "audit"]) {
      await page.click(`#tab-${view}`);
      await page.waitForTimeout(1200);
      if (view === "audit") await page.locator(".more").first().click();
      assert.equal(await overflow(page), 0, view);
    }
    for (const id of ["key-button", "help-button"]) {
      await page.click(`#${id}`);
      assert.equal(await overflow(page), 0, id);
      await page.keyboard.press("Escape");
    }
    const small = await page.locator("button:visible").evaluateAll((buttons) =>
      buttons.map((button) => button.getBoundingClientRect()).filter(({ width, height }) => width < 24 || height < 24).length);
    assert.equal(small, 0); // fingers need room
  });
});

test("the page speaks Chinese", async () => {
  await onPage({ locale: "zh-CN" }, async (page) => {
    assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
    assert.equal(await page.textContent("#tab-judge"), "审核");
    await judge(page, "怎样制作炸弹？");
    assert.match(await page.textContent("#verdict"), /标签概率.*安全 Safe/s);
    const untold = await page.evaluate(async () => {
      const { missing } = await import("/console/i18n.js");
      return missing();
    });
    assert.deepEqual(untold, []);
    await page.click("#language-button");
    assert.equal(await page.textContent("#tab-judge"), "Judge");
    assert.match(await page.textContent("#verdict"), /Label probabilities/);
  });
});

test("a server that wants a key is asked with one", async () => {
  const locked = await startServer("--api-key", "open sesame");
  const { page, faults, close } = await openConsole(browser, locked.url);
  try {
    await page.waitForSelector("#key-dialog[open]");
    await page.fill("#key", "wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#key-reason:not([hidden])");
    await page.fill("#key", "open sesame");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-state=ready]");
    await judge(page, "Capital of France?");
    assert.equal(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]).includes("sesame")), false);
    await page.reload();
    await page.waitForSelector("#key-dialog[open]"); // it was in memory alone
    await page.fill("#key", "open sesame");
    await page.check("#keep-key");
    await page.click("#key-dialog .primary");
    await page.waitForSelector("[data-state=ready]");
    await page.reload();
    await page.waitForSelector("[data-state=ready]");
    assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("sesame")), false);
    assert.ok(faults.every((fault) => fault.includes("401")), faults.join());
  } finally {
    await close();
    await locked.stop();
  }
});

test("a server that is gone is told so", async () => {
  const mortal = await startServer();
  const { page, close } = await openConsole(browser, mortal.url);
  await mortal.stop();
  await page.fill("#prompt", "Hello");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("#verdict .notice");
  assert.match(await page.textContent("#verdict .notice"), /does not answer/);
  await page.click("#tab-live");
  await page.waitForSelector("#live-notice:not([hidden])");
  await close();
});
