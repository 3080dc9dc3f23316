// What anywidget calls: draws the explorer that a model describes.

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

export default { render };
