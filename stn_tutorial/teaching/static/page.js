// The parts of a page: elements, panes with an image and a drawing over it, things to drag, sliders, the lattice and the matrix.

import { kindOf, matrixOf, pointMap } from "./families.js";
import { toPixel } from "./warp.js";

export const MARGIN = 0.2; // room around the input, in shares of its longer side, for handles that look outside
const SIDE = 240; // longer side of an image on the page, in CSS pixels
export const LINES = 9; // of the drawn lattice, each way
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties (or attributes, for those with a dash) and children. */
export function make(tag, properties = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** An SVG element with attributes. */
export function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Bytes as anywidget hands them over: a DataView from a kernel, base64 text in a page of its own. */
export function bytesOf(value) {
  if (typeof value === "string") {
    const letters = atob(value);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
    return bytes;
  }
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Grey or colour values, 0 to 255, onto a canvas; what is no number is red. */
export function paint(canvas, data, channels) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = image.data; // rounds and clamps what is written to it
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  for (let p = 0, q = 0; p < data.length; p += channels, q += 4) {
    pixels[q] = data[p];
    pixels[q + 1] = data[p + green];
    pixels[q + 2] = data[p + blue];
    if (data[p] !== data[p]) pixels[q] = 255; // NaN
    pixels[q + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Nothing onto a canvas: what stood there is no longer true. */
export const blank = (canvas) => canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);

/** Write a text only where it changed: a live region that is rewritten is read out again. */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

export const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

/** One pane: a canvas of the image, and over it an SVG drawing in pixel coordinates, `margin` shares wider on each side. */
export function makePane(width, height, margin, caption) {
  const scale = SIDE / Math.max(width, height);
  const room = margin * Math.max(width, height);
  const canvas = make("canvas", { width, height });
  const [across, down] = [width + 2 * room, height + 2 * room].map((length) => 100 / length); // per cent in a pixel
  canvas.style.cssText = `left:${room * across}%;top:${room * down}%;width:${width * across}%;height:${height * down}%`;
  const svg = draw("svg", { viewBox: `${-0.5 - room} ${-0.5 - room} ${width + 2 * room} ${height + 2 * room}` });
  const pane = make("div", { className: "pane" }, [canvas, svg]);
  pane.style.cssText = `width:${(width + 2 * room) * scale}px;aspect-ratio:${width + 2 * room}/${height + 2 * room}`;
  const figure = make("figure", {}, [pane, make("figcaption", { textContent: caption })]);
  const pixelAt = (event) => {
    const box = svg.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * (width + 2 * room) - 0.5 - room,
      ((event.clientY - box.top) / box.height) * (height + 2 * room) - 0.5 - room,
    ];
  };
  /** Put a handle at a pixel; one that looks far outside waits at the edge of the pane. */
  const place = (circle, x, y) => {
    const edge = room - circle.getAttribute("r");
    circle.setAttribute("cx", Math.min(Math.max(x, -0.5 - edge), width - 0.5 + edge));
    circle.setAttribute("cy", Math.min(Math.max(y, -0.5 - edge), height - 0.5 + edge));
  };
  return { figure, canvas, svg, scale, units: width + 2 * room, pixelAt, place };
}

/** Let an element be dragged, and moved by the arrow keys: `begin` hears that a move begins, `move` where it leads. */
export function draggable(element, pane, guarded, { begin, move, where }) {
  let offset = [0, 0]; // from the pointer to what is held: it does not jump when it is taken
  element.setAttribute("tabindex", 0);
  pane.svg.classList.add("dragged"); // a finger drags and does not scroll; a shape in it cannot say so for itself
  element.addEventListener("pointerdown", guarded((event) => {
    const at = pane.pixelAt(event);
    offset = where().map((value, i) => value - at[i]);
    begin();
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    event.preventDefault();
  }));
  element.addEventListener("pointermove", guarded((event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const at = pane.pixelAt(event);
    move(at[0] + offset[0], at[1] + offset[1]);
  }));
  element.addEventListener("keydown", guarded((event) => {
    const step = event.shiftKey ? 5 : 1;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const [column, row] = where();
    begin();
    move(column + way[0], row + way[1]);
  }));
}

/** A slider with a number field: `begin` hears that a move begins, `move` each value, `end` that a field is left. */
export function makeSlider(label, [low, high], guarded, { begin, move, end }) {
  const properties = { min: low, max: high, step: high - low > 50 ? 1 : 0.01, title: label, "aria-label": label };
  const range = make("input", { type: "range", ...properties });
  const number = make("input", { type: "number", ...properties, min: "", max: "" });
  let begins = true;
  const changed = guarded((event) => {
    const value = Number(event.target.value);
    if (event.target.value === "" || !Number.isFinite(value)) return;
    if (begins) begin();
    begins = false;
    move(value);
  });
  for (const control of [range, number]) {
    control.addEventListener("input", changed);
    control.addEventListener("change", () => (begins = true));
    control.addEventListener("blur", guarded(end));
    control.addEventListener("keydown", (event) => event.stopPropagation());
  }
  const show = (value) => {
    range.value = value;
    if (number.getRootNode().activeElement !== number) number.value = round(value, properties.step < 1 ? 3 : 1); // as many digits as the field can show
  };
  return { row: make("label", { className: "row" }, [label, range, number]), show };
}

/** A button that does something. */
export function makeButton(text, title, guarded, action) {
  const button = make("button", { textContent: text, title, type: "button" });
  button.addEventListener("click", guarded(action));
  return button;
}

/** The sampling lattice over an input of width x height pixels as an SVG path: n lines each way, bent as the grid is. */
export function latticePath(family, n, theta, width, height, align) {
  const looks = pointMap(family, theta);
  const matrix = matrixOf(family, theta);
  const straight = matrix && matrix[6] === 0 && matrix[7] === 0; // its ends decide a line; a horizon may break it off
  const points = straight ? 2 : 25;
  const out = [0, 0];
  let path = "";
  for (let line = 0; line < n; line++) {
    for (const across of [true, false]) {
      let pen = "M";
      for (let p = 0; p < points; p++) {
        const along = (2 * p) / (points - 1) - 1;
        const fixed = (2 * line) / (n - 1) - 1;
        looks(across ? along : fixed, across ? fixed : along, out);
        if (Math.abs(out[0]) > 50 || Math.abs(out[1]) > 50) { // behind the camera, or as good as there
          pen = "M";
          continue;
        }
        path += `${pen}${round(toPixel(out[0], width, align), 3)} ${round(toPixel(out[1], height, align), 3)}`;
        pen = "L";
      }
    }
  }
  return path;
}

/** The matrix of the paper's equations, as a table; nothing for a family without. */
export function matrixTable(family, theta) {
  const matrix = matrixOf(family, theta);
  if (!matrix) return "";
  const rows = kindOf(family).rows ?? 2;
  const table = make("table", { className: "matrix", "aria-label": "matrix of theta" });
  for (let row = 0; row < rows; row++) {
    const cells = matrix.slice(3 * row, 3 * row + 3).map((value) => make("td", { textContent: value.toFixed(2) }));
    table.append(make("tr", {}, cells));
  }
  return table;
}

/** Hear a model's changes, [event, action]; returns what stops it. */
export function listen(model, listens) {
  for (const [event, action] of listens) model.on(event, action);
  return () => {
    for (const [event, action] of listens) model.off(event, action);
  };
}
