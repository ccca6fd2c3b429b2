// The audit log, searched.

import * as api from "./api.js";
import { by, h } from "./dom.js";
import { milliseconds, percent, time } from "./format.js";
import { categories, labels, nameOf, t } from "./i18n.js";
import { onChange } from "./settings.js";
import { badge } from "./verdict.js";

const pageSize = 50;
const times = [["", "ever"], ["1h", "lastHour"], ["24h", "lastDay"], ["7d", "lastWeek"], ["30d", "lastMonth"]];

let records = [];
let next = null; // where the next page begins
let asked = null; // the parameters that found them

function fillSelects() {
  const form = by("audit-form");
  const options = {
    since: times.map(([value, word]) => [value, t(word)]),
    label: [["", t("any")], ...labels.map((label) => [label, nameOf(label)])],
    category: [["", t("any")], ...categories.map((name) => [name, nameOf(name)])],
  };
  for (const [name, choices] of Object.entries(options)) {
    const select = form.elements[name];
    const before = select.value;
    select.replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
    select.value = before;
  }
}

// What is no beginning of a hash is a text, whose hash is made here: it does not leave the browser.
async function hashOf(text) {
  if (/^[0-9a-f]{4,64}$/.test(text)) return text;
  if (!globalThis.crypto?.subtle) throw new api.ApiError(400, t("noSecure"));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function parametersOfForm() {
  const { text, ...parameters } = Object.fromEntries(new FormData(by("audit-form")));
  return { ...parameters, text_hash: text && (await hashOf(text)), limit: String(pageSize) };
}

function notice(text) {
  by("audit-notice").hidden = !text;
  by("audit-notice").textContent = text;
}

async function find(parameters, more) {
  try {
    const page = await api.audit(more ? { ...parameters, after: String(next) } : parameters);
    records = more ? [...records, ...page.data] : page.data;
    next = page.next;
    asked = parameters;
    notice("");
    render();
  } catch (error) {
    notice(error.status === 0 ? t("unreachable") : error.status === 404 ? t("noAudit") : error.message);
  }
}

async function search() {
  try {
    await find(await parametersOfForm(), false);
  } catch (error) {
    notice(error.message);
  }
}

// Roles are said aloud, as a table that is laid out as cards on a phone would lose them.
const cell = (name, ...children) => h("td", { role: "cell", class: name }, ...children);

function detailsOf(record) {
  const p = record.probabilities;
  const pairs = [
    ["requestKey", record.request_id], ["when", record.time], ["model", record.model],
    ["policyHash", record.policy_hash], ["textHash", record.text_hash], ["text", record.text],
    ["probabilities", p && Object.entries(p).map(([label, share]) => `${label} ${percent(share)}`).join(", ")],
    ["labelMassKey", record.label_mass === null ? null : percent(record.label_mass)],
    ["refusal", record.refusal], ["error", record.error],
  ];
  return h("dl", { class: "pairs" }, ...pairs.filter(([, value]) => value !== null && value !== undefined)
    .flatMap(([name, value]) => [h("dt", null, t(name)), h("dd", null, value)]));
}

function rowsOf(record) {
  const details = h("tr", { class: "details", role: "row", hidden: true }, h("td", { colspan: 7, role: "cell" }, detailsOf(record)));
  const toggle = h("button", { class: "more", "aria-expanded": "false", "aria-label": `${t("details")}: ${record.request_id}` }, "›");
  toggle.addEventListener("click", () => {
    details.hidden = !details.hidden;
    toggle.setAttribute("aria-expanded", String(!details.hidden));
  });
  const row = h("tr", { role: "row" },
    cell("when", h("time", { datetime: record.time, title: record.time }, time(record.time))),
    cell("label", badge(record.label)),
    cell("categories", record.categories.map(nameOf).join(", ")),
    cell("kind", t(record.kind === "response" ? "responseKind" : "promptKind")),
    cell("latency", milliseconds(record.latency_ms)),
    cell("text cut", record.text ?? (record.text_hash ? h("code", null, record.text_hash.slice(0, 16)) : "")),
    cell("act", toggle));
  row.addEventListener("click", (event) => event.target === toggle || getSelection().toString() || toggle.click());
  return [row, details];
}

// What is shown, as the command's export has it.
function save() {
  const lines = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  const url = URL.createObjectURL(new Blob([lines], { type: "application/jsonl" }));
  h("a", { href: url, download: "audit.jsonl" }).click();
  URL.revokeObjectURL(url);
}

function render() {
  const place = by("audit-results");
  if (asked === null) return;
  if (records.length === 0) return place.replaceChildren(h("p", { class: "card empty" }, t("nothingFound")));
  const heads = ["when", "label", "categories", "kind", "latency", "text"].map((name) => h("th", { scope: "col", role: "columnheader" }, t(name)));
  const older = next === null ? null : h("button", { onclick: () => find(asked, true) }, t("older"));
  place.replaceChildren(
    h("div", { class: "card table" }, h("table", { role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads, h("th", { scope: "col", role: "columnheader" }, h("span", { class: "hidden" }, t("details"))))),
      h("tbody", { role: "rowgroup" }, ...records.flatMap(rowsOf)))),
    h("div", { class: "row" }, h("p", { class: "note", role: "status" }, t("shown", { n: records.length })),
      h("button", { onclick: save }, t("saveJsonl")), older));
}

export function startAudit() {
  by("audit-form").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  onChange((name) => {
    if (name !== "language") return;
    fillSelects();
    render();
  });
  fillSelects();
  return { shown: (now) => now && asked === null && search() };
}
