// Calls of the server's own HTTP interface.

import { apiKey } from "./settings.js";

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const headers = { ...options.headers };
  if (apiKey()) headers.Authorization = `Bearer ${apiKey()}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable");
  }
  const text = await response.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // not one of ours: a proxy's page
  }
  if (response.ok && body !== null) return body;
  const error = new ApiError(response.status, body?.error?.message ?? response.statusText);
  if (response.status === 401) document.dispatchEvent(new CustomEvent("unauthorized"));
  throw error;
}

export function judge(request, signal) {
  return call("/v1/verdicts", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...request, include_tokens: true }),
    signal,
  });
}

export const stats = () => call("/v1/console/stats");

export function audit(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value);
  return call(`/v1/audit?${new URLSearchParams(given)}`);
}
