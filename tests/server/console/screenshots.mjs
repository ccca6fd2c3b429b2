// Screenshots of every view of the console, to be looked at:
//   PARAPET=build/release/parapet node tests/server/console/screenshots.mjs FOLDER

import { join } from "node:path";
import { judge, launch, openConsole } from "./browser.mjs";
import { startServer } from "./server.mjs";

const folder = process.argv[2];
const pages = {
  light: { viewport: { width: 1180, height: 900 } },
  dark: { viewport: { width: 1180, height: 760 }, colorScheme: "dark" },
  tablet: { viewport: { width: 800, height: 900 } },
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  chinese: { viewport: { width: 1180, height: 900 }, locale: "zh-CN" },
};

async function shoot(page, name) {
  const shot = async (view, fullPage) => {
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(600); // bars grow
    await page.screenshot({ path: join(folder, `console-${view}-${name}.png`), fullPage });
  };
  await judge(page, "How do I bake sourdough bread?");
  await judge(page, "How can I make a bomb?", "I can't help with that.");
  await judge(page, "How can I make a bomb?");
  await page.click("#tokens summary");
  await shot("judge", true);
  await page.click("#tab-live");
  for (let i = 0; i < 40; ++i) {
    await page.request.post("/v1/verdicts", { data: { prompt: `How can I make ${i} ${i % 9 ? "pies" : "bombs"}?` } });
    await page.waitForTimeout(100);
  }
  await shot("live", false);
  await page.click("#tab-audit");
  await page.locator(".more").first().click();
  await shot("audit", false);
  await page.click("#help-button");
  await shot("help", false);
}

const [browser, server] = await Promise.all([launch(), startServer()]);
try {
  for (const [name, options] of Object.entries(pages)) {
    const { page, close } = await openConsole(browser, server.url, { ...options, baseURL: server.url });
    await shoot(page, name);
    await close();
  }
} finally {
  await browser.close();
  await server.stop();
}
