// The view of what the server does now: asked for once a second while somebody looks.

import { stats } from "./api.js";
import { by, h } from "./dom.js";
import { duration, milliseconds, number, percent } from "./format.js";
import { nameOf, t } from "./i18n.js";
import { onChange } from "./settings.js";
import { sparkline } from "./sparkline.js";
import { kindOf } from "./verdict.js";

const periodMs = 1000;
const slots = 120; // two minutes
const fewest = 30; // the width of a chart that has just begun
const recent = 10; // answers over which rates of counters are taken

// `value` of one answer, or of it and an earlier one; `top` as in sparkline().
const tiles = [
  { name: "verdictRate", value: (now) => now.rates.verdicts_per_second, show: (v) => number(v, v < 10 ? 1 : 0), top: 1 },
  { name: "load", value: (now) => now.load.in_flight, show: (v) => number(v), top: 4, note: (now) => t("loadSub", now.load) },
  { name: "p50", value: (now) => now.latency_ms.p50, show: milliseconds, top: 1, note: () => t("lastMinute") },
  { name: "p99", value: (now) => now.latency_ms.p99, show: milliseconds, top: 1, note: () => t("lastMinute") },
  { name: "tokenRate", value: (now) => now.rates.prompt_tokens_per_second, show: (v) => number(v), top: 10 },
  { name: "hitRate", value: hitRate, show: percent, top: 1 },
  { name: "kv", value: (now) => now.kv_cache.usage, show: percent, top: 0.01,
    note: (now) => t("tokensUnit", { n: number(now.kv_cache.tokens_in_use) }) },
  { name: "connections", value: (now) => now.load.connections, show: (v) => number(v), top: 4 },
];

const answers = []; // from old to new
let visible = false;
let paused = false;
let timer = null;

function hitRate(now, before) {
  const queries = now.prefix_cache.queries - (before?.prefix_cache.queries ?? 0);
  const hits = now.prefix_cache.hits - (before?.prefix_cache.hits ?? 0);
  return queries > 0 ? hits / queries : now.prefix_cache.hit_rate;
}

function tileView({ name, value, show, top, note }) {
  const values = answers.map((answer, at) => value(answer, answers[Math.max(0, at - recent)]));
  const now = answers.at(-1);
  return h("div", { class: "card tile", id: `tile-${name}` },
    h("h3", null, t(name)), h("p", { class: "figure" }, show(values.at(-1))),
    h("p", { class: "note" }, note ? note(now) : "\u00a0"), sparkline(values, top, Math.max(fewest, values.length)));
}

function labelsView({ verdicts }) {
  const all = Object.values(verdicts).reduce((sum, count) => sum + count, 0);
  const strip = h("div", { class: "strip tall", "aria-hidden": "true" });
  for (const [label, count] of Object.entries(verdicts)) {
    if (count === 0) continue;
    const part = h("i", { class: kindOf(label) });
    part.style.flexGrow = count / all;
    strip.append(part);
  }
  const rows = Object.entries(verdicts).map(([label, count]) => h("li", null,
    h("i", { class: kindOf(label) }), `${nameOf(label)} `, h("b", null, number(count)),
    h("small", null, all > 0 ? percent(count / all) : "")));
  return [h("h3", null, t("labelsTitle")), strip, h("ul", { class: "legend column" }, ...rows)];
}

function engineView(now) {
  const { engine } = now;
  const rows = [
    ["model", now.model],
    ["version", now.version],
    ["uptime", duration(now.uptime_seconds)],
    ["device", `${engine.device} ${engine.isa} × ${engine.threads}`],
    ["dtype", engine.weights_dtype],
    ["kvTokens", t("tokensUnit", { n: number(now.kv_cache.tokens) })],
    ["maxLen", t("tokensUnit", { n: number(engine.max_model_len) })],
    ["policyHash", now.policy_hash || "–"],
  ];
  return [h("h3", null, t("engineTitle")), h("dl", { class: "pairs" },
    ...rows.flatMap(([name, value]) => [h("dt", null, t(name)), h("dd", { class: "cut", title: value }, value)]))];
}

function render() {
  by("pause").firstElementChild.textContent = t(paused ? "resume" : "pause");
  by("pause").setAttribute("aria-pressed", String(paused));
  const now = answers.at(-1);
  if (!now) return;
  by("tiles").replaceChildren(...tiles.map(tileView));
  by("labels").replaceChildren(...labelsView(now));
  by("engine").replaceChildren(...engineView(now));
}

function notice(text) {
  by("live-notice").hidden = !text;
  by("live-notice").textContent = text;
}

async function ask() {
  try {
    answers.push(await stats());
    if (answers.length > slots) answers.shift();
    notice("");
    render();
  } catch (error) {
    notice(error.status === 0 ? t("unreachable") : error.message);
  }
}

async function loop() {
  timer = null;
  if (!visible || paused || document.hidden) return;
  await ask();
  if (timer === null) timer = setTimeout(loop, periodMs);
}

function wake() {
  if (timer !== null) clearTimeout(timer);
  loop();
}

export function startLive() {
  by("pause").addEventListener("click", () => {
    paused = !paused;
    render();
    wake();
  });
  document.addEventListener("visibilitychange", wake);
  onChange((name) => name === "language" && render());
  return {
    shown(now) {
      visible = now;
      if (now) wake();
    },
  };
}
