// A verdict, drawn.

import { bar, h, svg } from "./dom.js";
import { milliseconds, number, percent } from "./format.js";
import { nameOf, t } from "./i18n.js";

// Shapes besides colours: not everybody sees those.
const shapes = {
  Safe: "M7 12.5l3.5 3.5L17 8.5",
  Controversial: "M12 7v6m0 3.500v.1",
  Unsafe: "M8 8l8 8m0-8-8 8",
  Unavailable: "M12 7v5l3 3",
  Error: "M8 12h8",
};

export const kindOf = (label) => (label in shapes ? label.toLowerCase() : "error");

function icon(label) {
  return svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    svg("circle", { cx: 12, cy: 12, r: 10.5 }), svg("path", { d: shapes[label] ?? shapes.Error }));
}

export function badge(label) {
  return h("span", { class: `badge ${kindOf(label)}` }, icon(label), nameOf(label));
}

function head(verdict, policy) {
  const label = verdict.safety ?? "Error";
  return h("div", { class: `banner ${kindOf(label)}` },
    icon(label),
    h("div", null,
      h("h2", null, verdict.safety ? nameOf(label) : t("noVerdict")),
      h("p", null, t(verdict.kind === "response" ? "ofResponse" : "ofPrompt"))),
    h("p", { class: "outcome" }, t(verdict.blocked ? "blockedNow" : "passesNow"),
      h("small", null, `${t("policy")}: ${t(policy)}`)));
}

function rows(shares, kindOfName, named = []) {
  return h("dl", { class: "shares" }, ...Object.entries(shares).map(([name, share]) =>
    h("div", { class: named.includes(name) ? "named" : null },
      h("dt", null, nameOf(name)), h("dd", null, bar(share, kindOfName(name)), h("span", null, percent(share))))));
}

function fact(name, value, note) {
  return h("div", null, h("dt", null, t(name)), h("dd", null, value, note ? h("small", null, note) : null));
}

function facts(verdict) {
  const { usage } = verdict;
  return h("dl", { class: "facts" },
    fact("latency", milliseconds(verdict.latency_ms)),
    fact("passes", number(verdict.passes)),
    fact("promptTokens", number(usage.prompt_tokens), `${number(usage.cached_tokens)} ${t("fromCache")}`),
    fact("written", number(usage.completion_tokens)),
    verdict.windows > 1 ? fact("windows", number(verdict.windows)) : null);
}

// Of the whole latency; what the model's own clock does not tell is the server's.
function timeline(verdict) {
  const { render, prefill, decode, total } = verdict.timing_ms;
  const spans = [
    ["render", render],
    ["waiting", Math.max(0, total - render - prefill - decode)],
    ["prefill", prefill],
    ["decode", decode],
    ["rest", Math.max(0, verdict.latency_ms - total)],
  ];
  const whole = spans.reduce((sum, [, ms]) => sum + ms, 0) || 1;
  const strip = h("div", { class: "strip", "aria-hidden": "true" });
  for (const [name, ms] of spans) {
    const part = h("i", { class: name });
    part.style.flexGrow = ms / whole;
    strip.append(part);
  }
  return h("section", null, h("h3", null, t("time")), strip,
    h("ul", { class: "legend" }, ...spans.map(([name, ms]) =>
      h("li", null, h("i", { class: name }), `${t(name)} `, h("b", null, milliseconds(ms))))));
}

function section(title, ...children) {
  return h("section", null, h("h3", null, title), ...children);
}

function probabilities(verdict) {
  if (!verdict.probabilities) return null;
  return section(t("probabilities"), rows(verdict.probabilities, kindOf),
    h("p", { class: "note" }, `${t("labelMass")}: ${percent(verdict.label_mass)} (${t("labelMassHint")})`));
}

function categoryProbabilities(verdict) {
  if (!verdict.category_probabilities) return null;
  return section(t("categoryProbabilities"),
    rows(verdict.category_probabilities, () => "category", verdict.categories));
}

export function verdictView(verdict, policy) {
  const known = verdict.usage !== null;
  return [
    head(verdict, policy),
    verdict.error ? h("p", { class: "notice" }, verdict.error.message, " ", t("noVerdictText")) : null,
    verdict.categories.length ? h("p", { class: "named-categories" },
      ...verdict.categories.map((name) => h("span", { class: "tag" }, nameOf(name)))) : null,
    verdict.refusal ? h("p", { class: "note" }, t(verdict.refusal === "Yes" ? "refusalYes" : "refusalNo")) : null,
    verdict.context_cut ? h("p", { class: "notice" }, t("contextCut")) : null,
    probabilities(verdict),
    categoryProbabilities(verdict),
    known ? facts(verdict) : null,
    known ? timeline(verdict) : null,
    known ? h("details", null, h("summary", null, t("modelWrote")), h("pre", null, verdict.text)) : null,
  ].filter(Boolean);
}

export function problemView(error) {
  return h("p", { class: "notice", role: "alert" }, error.status === 0 ? t("unreachable") : error.message);
}
