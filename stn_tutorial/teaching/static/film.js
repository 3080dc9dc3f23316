// A film: one picture for each frame, drawn on a canvas, and the controls that move through them. All of it plays in the browser.
//
// In a notebook ipywidgets' Play and slider are joined to the model's `frame`, `playing` and `interval`, and only what they lack
// is added here: steps, speed, and words that say where the film is. On a page of its own (`alone`) there is no ipywidgets,
// and a play button, a slider and a box for the loop come along.

const CSS = `
.stn-film { color: var(--jp-ui-font-color1, var(--vscode-foreground, inherit)); font: 13px/1.4 system-ui, sans-serif; padding: 4px;
  --line: color-mix(in srgb, currentColor 30%, transparent); }
.stn-film canvas { display: block; max-width: 100%; }
.stn-film .controls { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-top: 6px; }
.stn-film button, .stn-film select { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line);
  border-radius: 4px; padding: 3px 8px; min-height: 28px; }
.stn-film option { color: black; background: white; }
.stn-film .play { min-width: 5.5em; }
.stn-film input[type=range] { flex: 1 1 12em; max-width: 24em; }
.stn-film label { display: inline-flex; gap: 5px; align-items: center; }
.stn-film :focus-visible { outline: 2px solid #2f7fd6; outline-offset: 1px; }
.stn-film .words { font-variant-numeric: tabular-nums; }
`;

/** An element with properties (or attributes, for those with a dash) and children. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Set a value of the model and pass it on. */
function put(model, name, value) {
  model.set(name, value);
  model.save_changes();
}

/** Do something now and whenever one of these values changes, until the watch is ended. */
function watch(model, watches, names, action) {
  const events = names.map((name) => `change:${name}`);
  events.forEach((event) => model.on(event, action));
  watches.push(() => events.forEach((event) => model.off(event, action)));
  action();
}

/** The bytes of a picture: a view from a kernel, base64 on a page of its own. */
const bytesOf = (picture) => (typeof picture === "string" ? Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0)) : picture);

/** The canvas, which shows the picture of the present frame once the pictures are decoded; and how to take it down. */
function screen(model) {
  const canvas = make("canvas", { role: "img", "aria-label": model.get("alt") });
  const order = model.get("order");
  let images = [];
  const draw = () => {
    const image = images[order[Math.min(model.get("frame"), order.length - 1)]];
    if (image) canvas.getContext("2d").drawImage(image, 0, 0);
  };
  const decoded = model.get("pictures").map((picture) => createImageBitmap(new Blob([bytesOf(picture)], { type: "image/png" })));
  const ready = Promise.all(decoded).then((made) => {
    images = made;
    [canvas.width, canvas.height] = [made[0].width, made[0].height];
    draw();
  });
  return { canvas, draw, ready, free: () => images.forEach((image) => image.close()) };
}

/** The buttons for one frame back and one on; they stop the film. */
function stepButtons(model) {
  const count = model.get("order").length;
  const step = (by) => () => {
    put(model, "playing", false);
    put(model, "frame", (model.get("frame") + by + count) % count);
  };
  return [
    make("button", { type: "button", textContent: "◀ step", "aria-label": "one frame back", onclick: step(-1) }),
    make("button", { type: "button", textContent: "step ▶", "aria-label": "one frame on", onclick: step(1) }),
  ];
}

/** The menu of speeds, each a time between two frames. */
function speedMenu(model, watches) {
  const options = Object.entries(model.get("speeds")).map(([name, interval]) => make("option", { value: interval, textContent: name }));
  const menu = make("select", { onchange: () => put(model, "interval", Number(menu.value)) }, ...options);
  watch(model, watches, ["interval"], () => (menu.value = model.get("interval")));
  return make("label", {}, "speed", menu);
}

/** What a page without ipywidgets needs besides, and the clock that moves the film. */
function playControls(model, watches) {
  const last = model.get("order").length - 1;
  let timer = null;
  const wait = () => {
    clearTimeout(timer);
    const rests = model.get("frame") === last ? model.get("rest") : 0;
    if (model.get("playing")) timer = setTimeout(advance, model.get("interval") * (1 + rests));
  };
  const advance = () => {
    const frame = model.get("frame");
    if (frame === last && !loop.checked) return put(model, "playing", false);
    put(model, "frame", frame === last ? 0 : frame + 1);
    return wait();
  };
  const toggle = () => {
    if (!model.get("playing") && model.get("frame") === last) put(model, "frame", 0);
    put(model, "playing", !model.get("playing"));
  };
  const seek = () => {
    put(model, "playing", false);
    put(model, "frame", Number(slider.value));
  };
  const button = make("button", { type: "button", className: "play", onclick: toggle });
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "frame", oninput: seek });
  const loop = make("input", { type: "checkbox", checked: true });
  watch(model, watches, ["frame"], () => {
    slider.value = model.get("frame");
    slider.setAttribute("aria-valuetext", model.get("captions")[model.get("frame")]);
  });
  watch(model, watches, ["playing"], () => {
    button.textContent = model.get("playing") ? "❚❚ pause" : "▶ play";
    wait();
  });
  return { before: [button], after: [slider, make("label", {}, loop, "loop")] };
}

export function render({ model, el }) {
  const watches = [];
  const view = screen(model);
  const words = make("span", { className: "words" });
  const own = model.get("alone") ? playControls(model, watches) : { before: [], after: [] };
  const controls = make("div", { className: "controls", role: "group", "aria-label": "film" });
  controls.append(...own.before, ...stepButtons(model), ...own.after, speedMenu(model, watches), words);
  watch(model, watches, ["frame"], () => {
    view.draw();
    words.textContent = model.get("captions")[model.get("frame")];
  });
  // a screen reader hears of a frame that was stepped to, and not of each that passes
  watch(model, watches, ["playing"], () => words.setAttribute("aria-live", model.get("playing") ? "off" : "polite"));
  el.append(make("style", { textContent: CSS }), make("div", { className: "stn-film" }, view.canvas, controls));
  if (model.get("alone")) { // it plays by itself, unless the reader wants pages to be calm
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    calm.addEventListener("change", () => calm.matches && put(model, "playing", false));
    view.ready.then(() => put(model, "playing", !calm.matches));
  }
  return () => {
    watches.forEach((end) => end());
    view.free();
  };
}

export default { render };
