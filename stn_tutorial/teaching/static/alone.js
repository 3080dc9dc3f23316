// A widget in a page that has no kernel: it gets a model of its own, from the state that was written into the page.

/** A model for a page of its own: what a kernel's model can, and nobody else listens. */
function lonelyModel(state) {
  const listeners = {};
  return {
    get: (name) => state[name],
    set: (name, value) => {
      if (state[name] === value) return;
      state[name] = value;
      (listeners[`change:${name}`] ?? []).forEach((action) => action());
    },
    save_changes: () => {},
    on: (event, action) => (listeners[event] ??= []).push(action),
    off: () => {},
  };
}

/** Render a widget into each element of a class that is still empty: the same fragment may stand twice in one page. */
function drawAlone(render, place, state) {
  for (const el of document.querySelectorAll(`.${place}:empty`)) render({ model: lonelyModel({ ...state }), el });
}
