// A small chart of the last values, drawn for those who see it; the number beside it says the same.

import { svg } from "./dom.js";

const width = 120;
const height = 36;

// `values` from old to new; `top` is the least that the whole height stands for.
export function sparkline(values, top, slots) {
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "spark", "aria-hidden": "true",
    preserveAspectRatio: "none" });
  if (values.length < 2) return chart;
  const highest = Math.max(top, ...values) * 1.08 || 1;
  const x = (at) => width - ((values.length - 1 - at) / (slots - 1)) * width;
  const y = (value) => height - 1.5 - (value / highest) * (height - 3);
  const line = values.map((value, at) => `${x(at).toFixed(2)} ${y(value).toFixed(2)}`).join("L");
  chart.append(
    svg("path", { class: "area", d: `M${x(0).toFixed(2)} ${height}L${line}L${width} ${height}Z` }),
    svg("path", { class: "line", d: `M${line}` }));
  return chart;
}
