// What anywidget calls: draws the explorer that a model describes; and the same in a page that has no kernel.

import { buildExplorer } from "./explorer.js";
import { buildModelExplorer } from "./model.js";
import { make } from "./page.js";
import { CSS } from "./style.js";

/** Draw an explorer for a model {get, set, save_changes, on, off} into an element; returns what takes it away again. */
function render({ model, el }) {
  const root = make("div", { className: "stn" });
  // keys are ours and not JupyterLab's, except with Ctrl or Command: Ctrl+S shall save. A window hears before the document does
  const claimKeys = (event) => root.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  window.addEventListener("keydown", claimKeys, true);
  const problem = make("div", { className: "problem", role: "alert" });
  el.append(make("style", { textContent: CSS }), root);
  const guarded = (action) => (...values) => {
    try {
      return action(...values);
    } catch (error) {
      problem.textContent = `JavaScript: ${error.name}: ${error.message}`;
      console.error(error);
    }
  };
  let takeAway = () => {};
  const build = model.get("pose") ? buildModelExplorer : buildExplorer;
  guarded(() => (takeAway = build({ model, root, problem, guarded })))();
  root.append(problem);
  return () => {
    window.removeEventListener("keydown", claimKeys, true);
    takeAway();
  };
}

/** A model for a page of its own: what a kernel's model can, and nobody else listens. */
function lonelyModel(state) {
  const listeners = {};
  return {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((action) => action());
    },
    save_changes: () => {},
    on: (event, action) => (listeners[event] ??= []).push(action),
    off: () => {},
  };
}

/** Draw an explorer without a kernel into each element of a class that is still empty: a fragment may stand twice in one page. */
export function drawAlone(place, state) {
  for (const el of document.querySelectorAll(`.${place}:empty`)) render({ model: lonelyModel({ ...state }), el });
}

export default { render };
