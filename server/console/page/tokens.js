// The prompt's tokens, as a strip: those from the cache apart from those that were computed.

import { h } from "./dom.js";
import { number } from "./format.js";
import { t } from "./i18n.js";

const most = 6000; // more make a browser slow, and nobody reads them

// Spaces and line ends are part of tokens; they have to be seen.
const visible = (text) => text.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replace(/^ | $/g, "·");

function token({ id, text }, at, cached) {
  const span = h("span", { class: at < cached ? "token cached" : "token", title: `${id}` }, visible(text));
  if (!text.includes("\n")) return [span];
  return text.endsWith("\n") ? [span, h("br")] : [h("br"), span];
}

export function showTokens(place, verdict) {
  const open = place.querySelector("details")?.open ?? false;
  if (!verdict?.tokens) return place.replaceChildren();
  const cached = verdict.usage.cached_tokens;
  const all = verdict.usage.prompt_tokens;
  const spans = verdict.tokens.slice(0, most).flatMap((each, at) => token(each, at, cached));
  if (verdict.tokens.length > most) spans.push(h("span", null, "…"));
  place.replaceChildren(h("details", { class: "card", open },
    h("summary", null, t("tokens")),
    h("p", { class: "note" },
      t("tokensText", { cached: number(cached), all: number(all), computed: number(all - cached) })),
    h("div", { class: "tokens", tabindex: "0" }, ...spans)));
}
