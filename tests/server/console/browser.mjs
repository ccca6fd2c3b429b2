// Chromium, and pages in it that notice what a page should not do.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

// It asks nobody but the page's server for anything.
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const launch = () => chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: flags });

// A fresh page of the console. `faults` gathers what a browser complains of: errors of scripts,
// refusals by the content security policy, requests of other origins.
export async function openConsole(browser, url, options = {}, hash = "") {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-US", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("blob:")) faults.push(`request: ${request.url()}`);
  });
  await page.goto(`${url}/${hash}`);
  await page.waitForSelector("[data-state]");
  return { page, faults, close: () => context.close() };
}

export async function judge(page, prompt, response = "") {
  await page.fill("#prompt", prompt);
  await page.fill("#response", response);
  const answered = page.waitForResponse("**/v1/verdicts");
  await page.click("#judge-form button[type=submit]");
  const verdict = (await (await answered).json()).verdicts[0];
  await page.waitForSelector("#verdict .banner");
  return verdict;
}

// The contrast of a text with what is painted behind it, by WCAG 2.
export const contrast = (page, selector) => page.locator(selector).first().evaluate((element) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (...colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = [];
  for (let each = element; each; each = each.parentElement) behind.unshift(getComputedStyle(each).backgroundColor);
  const [a, b] = [luminance(pixel(...behind)), luminance(pixel(...behind, getComputedStyle(element).color))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
});

export const assertNoFaults = (faults) => assert.deepEqual(faults, []);
