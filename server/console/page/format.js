// Numbers and times as people read them.

import { get } from "./settings.js";

const locale = () => (get("language") === "zh" ? "zh-CN" : "en");

export function number(value, digits = 0) {
  return value.toLocaleString(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Never "100.0 %" of what is not certain, nor "0.0 %" of what is not impossible.
export function percent(share) {
  if (share > 0.9995 && share < 1) return `> ${number(99.9, 1)} %`;
  if (share > 0 && share < 0.0005) return `< ${number(0.1, 1)} %`;
  return `${number(share * 100, 1)} %`;
}

export function milliseconds(value) {
  if (value >= 10000) return `${number(value / 1000, 1)} s`;
  return `${number(value, value < 10 ? 2 : value < 100 ? 1 : 0)} ms`;
}

export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; value >= 1024 && unit + 1 < units.length; ++unit) value /= 1024;
  return `${number(value, unit === 0 ? 0 : 1)} ${units[unit]}`;
}

export function duration(seconds) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const shown = [];
  for (const [unit, size] of parts.slice(first, first + 2)) {
    shown.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return shown.join(" ");
}

// In the reader's own time zone.
export function time(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.valueOf())) return String(iso);
  return date.toLocaleString(locale(), {
    month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  });
}
