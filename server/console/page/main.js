// The frame of the page: views, dialogs, shortcuts, and what all of them share.

import { stats } from "./api.js";
import { startAudit } from "./audit.js";
import { by, h } from "./dom.js";
import { startTranslation, t } from "./i18n.js";
import { startJudge } from "./judge.js";
import { startLive } from "./live.js";
import { apiKey, get, onChange, set, setApiKey } from "./settings.js";

const views = ["judge", "live", "audit"];
const parts = {};

function show(view, focus = false) {
  for (const each of views) {
    const tab = by(`tab-${each}`);
    const selected = each === view;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    by(`view-${each}`).hidden = !selected;
    parts[each].shown(selected);
  }
  if (focus) by(`tab-${view}`).focus();
  if (location.hash.slice(1) !== view) history.replaceState(null, "", `#${view}`);
}

const shownView = () => views.find((view) => !by(`view-${view}`).hidden);

function startTabs() {
  for (const [at, view] of views.entries()) {
    const tab = by(`tab-${view}`);
    tab.addEventListener("click", () => show(view));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: views.length - 1 - at }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      show(views[(at + step + views.length) % views.length], true);
    });
  }
  addEventListener("hashchange", () => views.includes(location.hash.slice(1)) && show(location.hash.slice(1)));
  show(views.includes(location.hash.slice(1)) ? location.hash.slice(1) : "judge");
}

function applyTheme() {
  document.documentElement.dataset.theme = get("theme");
}

function nextTheme() {
  set("theme", { auto: "dark", dark: "light", light: "auto" }[get("theme")]);
}

const otherLanguage = () => set("language", get("language") === "zh" ? "en" : "zh");

function startTools() {
  by("theme-button").addEventListener("click", nextTheme);
  by("language-button").addEventListener("click", otherLanguage);
  by("help-button").addEventListener("click", () => by("help-dialog").showModal());
  const label = () => (by("language-button").textContent = get("language") === "zh" ? "EN" : "中");
  onChange((name) => (name === "theme" ? applyTheme() : name === "language" && label()));
  applyTheme();
  label();
}

function openKeyDialog(reason) {
  const dialog = by("key-dialog");
  if (dialog.open) return;
  by("key-reason").hidden = !reason;
  by("key-reason").textContent = reason ?? "";
  by("key").value = apiKey() ?? "";
  dialog.showModal();
  by("key").focus();
}

function startKey() {
  by("key-button").addEventListener("click", () => openKeyDialog());
  document.addEventListener("unauthorized", () => openKeyDialog(apiKey() ? t("keyWrong") : null));
  by("key-dialog").addEventListener("close", (event) => {
    const answer = event.target.returnValue;
    if (answer === "use") setApiKey(by("key").value.trim(), by("keep-key").checked);
    if (answer === "forget") setApiKey(null, false);
    by("key").value = "";
    event.target.returnValue = "";
    if (answer) checkServer();
  });
  // Enter uses the key; the first button of the form would forget it.
  by("key").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    by("key-dialog").close("use");
  });
}

async function checkServer() {
  const [state, word] = await stats().then(
    (now) => ["ready", now.model ?? t("ready")],
    (error) => (error.status === 401 ? ["locked", t("locked")] : ["offline", t("offline")]),
  );
  const server = by("server");
  server.dataset.state = state;
  server.title = word;
  server.lastElementChild.textContent = word.split("/").filter(Boolean).at(-1); // a model may be a path
}

const shortcuts = [
  { keys: ["Ctrl", "⏎"], word: "kJudge" },
  { keys: ["1", "2", "3"], word: "kViews", run: (key) => show(views[Number(key) - 1], true) },
  { keys: ["/"], word: "kFocus", run: () => by(`view-${shownView()}`).querySelector("textarea, input, select")?.focus() },
  { keys: ["p"], word: "kPause", run: () => shownView() === "live" && by("pause").click() },
  { keys: ["d"], word: "kTheme", run: nextTheme },
  { keys: ["l"], word: "kLanguage", run: otherLanguage },
  { keys: ["?"], word: "kHelp", run: () => by("help-dialog").showModal() },
];

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (get("singleKeys") !== "on" || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.("input, textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const shortcut = shortcuts.find(({ keys, run }) => run && keys.includes(event.key));
  if (!shortcut) return;
  event.preventDefault();
  shortcut.run(event.key);
}

function listShortcuts() {
  by("shortcut-list").replaceChildren(
    ...shortcuts.flatMap(({ keys, word }) => [
      h("dt", null, ...keys.map((key) => h("kbd", null, key.toUpperCase()))),
      h("dd", null, t(word)),
    ]),
  );
}

function startShortcuts() {
  document.addEventListener("keydown", onKey);
  by("single-keys").checked = get("singleKeys") === "on";
  by("single-keys").addEventListener("change", (event) => set("singleKeys", event.target.checked ? "on" : "off"));
  onChange((name) => name === "language" && listShortcuts());
  listShortcuts();
}

startTranslation();
startTools();
startKey();
startShortcuts();
parts.judge = startJudge();
parts.live = startLive();
parts.audit = startAudit();
startTabs();
checkServer();
