// What a person chose: theme, language and shortcuts stay in this browser; a key stays in memory, or,
// if asked, until the tab is closed.

const listeners = new Set();

function stored(store, name) {
  try {
    return store.getItem(`parapet-${name}`);
  } catch {
    return null; // storage is switched off: choices last as long as the page
  }
}

function keep(store, name, value) {
  try {
    if (value === null) store.removeItem(`parapet-${name}`);
    else store.setItem(`parapet-${name}`, value);
  } catch {
    // as above
  }
}

const preferred = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const state = {
  theme: stored(localStorage, "theme") ?? "auto",
  language: stored(localStorage, "language") ?? preferred,
  singleKeys: stored(localStorage, "singleKeys") ?? "on",
};
let key = stored(sessionStorage, "key");

export const get = (name) => state[name];

export function set(name, value) {
  state[name] = value;
  keep(localStorage, name, value);
  for (const listener of listeners) listener(name, value);
}

// Called with the name and the new value of every setting that changes.
export const onChange = (listener) => listeners.add(listener);

export const apiKey = () => key;

export function setApiKey(value, keepInTab) {
  key = value || null;
  keep(sessionStorage, "key", keepInTab ? key : null);
}
