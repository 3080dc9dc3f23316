// A pad to draw a digit on, and how strokes become a picture like those of MNIST. A stroke is a list of [x, y], in pixels.

import { draw, make, makeButton, makePane, round, say } from "./page.js";

export const PAPER = 28; // side of the pad and of the picture, in pixels
const BOX = 20; // MNIST's digits fill a box of so many pixels, and their centre of mass lies in the middle
const RADIUS = 1.1; // of the pen, in pixels of the picture
const LARGEST = 4; // times that a small drawing is enlarged at most

/** The ink of strokes on a square of PAPER pixels, values 0 to 255; each point is moved to scale * (point - from) + to. */
function inked(strokes, scale, from, to) {
  const data = new Uint8ClampedArray(PAPER ** 2);
  const placed = ([x, y]) => [scale * (x - from[0]) + to[0], scale * (y - from[1]) + to[1]];
  for (const stroke of strokes) {
    const points = stroke.map(placed);
    points.forEach(([x, y], k) => {
      const [endX, endY] = points[k + 1] ?? [x, y];
      const [dx, dy] = [endX - x, endY - y];
      const span = (one, other) => {
        const reach = [Math.ceil(Math.min(one, other) - RADIUS - 0.5), Math.floor(Math.max(one, other) + RADIUS + 0.5)];
        return reach.map((value) => Math.min(Math.max(value, 0), PAPER - 1));
      };
      const [[top, bottom], [left, right]] = [span(y, endY), span(x, endX)];
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) {
          const share = ((column - x) * dx + (row - y) * dy) / (dx ** 2 + dy ** 2 || 1);
          const along = Math.min(Math.max(share, 0), 1);
          const distance = Math.hypot(column - x - along * dx, row - y - along * dy);
          const value = 255 * (RADIUS + 0.5 - distance);
          if (value > data[row * PAPER + column]) data[row * PAPER + column] = value; // clamped to 255
        }
      }
    });
  }
  return data;
}

/** A drawing as MNIST would have it: fitted into its box, its centre of mass in the middle; Uint8ClampedArray, row by row. */
export function pictureOf(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Uint8ClampedArray(PAPER ** 2);
  const ends = [0, 1].map((axis) => points.map((point) => point[axis])).map((all) => [Math.min(...all), Math.max(...all)]);
  const extent = Math.max(...ends.map(([low, high]) => high - low));
  const scale = Math.min((BOX - 2 * RADIUS) / extent, LARGEST); // of a dot, whose extent is 0, as well
  const from = ends.map(([low, high]) => (low + high) / 2);
  const middle = [(PAPER - 1) / 2, (PAPER - 1) / 2];
  const first = inked(strokes, scale, from, middle);
  const [total, across, down] = first.reduce(([t, a, d], value, p) => [t + value, a + value * (p % PAPER), d + value * Math.floor(p / PAPER)], [0, 0, 0]);
  return inked(strokes, scale, from, [2 * middle[0] - across / total, 2 * middle[1] - down / total]);
}

/** A pad for mouse, finger and keys. `drawn` hears its strokes whenever they change; returns its {figure, strokes}. */
export function makePad(guarded, drawn) {
  const pane = makePane(PAPER, PAPER, 0, "");
  const strokes = [];
  const [pen, lines] = [[PAPER / 2, PAPER / 2], draw("path", { class: "ink" })];
  let down = false; // whether the pen that keys move is on the paper
  const paper = draw("rect", { class: "paper", x: -0.5, y: -0.5, width: PAPER, height: PAPER, tabindex: 0, role: "application" });
  paper.setAttribute("aria-label", "drawing pad: arrow keys move the pen, space puts it down and lifts it");
  const tip = draw("circle", { class: "tip", r: 0.9, visibility: "hidden" });
  const words = make("span", { "aria-live": "polite", textContent: "draw a digit here" });
  const refresh = () => {
    lines.setAttribute("d", strokes.map((stroke) => `M${[...stroke, stroke.at(-1)].map(([x, y]) => `${round(x, 2)} ${round(y, 2)}`).join("L")}`).join(""));
    tip.setAttribute("cx", pen[0]);
    tip.setAttribute("cy", pen[1]);
    drawn(strokes);
  };
  paper.addEventListener("pointerdown", guarded((event) => {
    if (!event.isPrimary) return; // a second finger draws nothing
    strokes.push([pane.pixelAt(event)]);
    paper.setPointerCapture(event.pointerId);
    paper.focus({ preventScroll: true });
    event.preventDefault();
    tip.setAttribute("visibility", "hidden");
    refresh();
  }));
  paper.addEventListener("pointermove", guarded((event) => {
    if (!paper.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    strokes.at(-1).push(...(passed.length ? passed : [event]).map(pane.pixelAt));
    refresh();
  }));
  paper.addEventListener("keydown", guarded((event) => {
    const step = event.shiftKey ? 3 : 1;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step], " ": [0, 0] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === " ") down = !down;
    pen.forEach((value, i) => (pen[i] = Math.min(Math.max(value + way[i], 0), PAPER - 1)));
    if (down && event.key === " ") strokes.push([[...pen]]);
    else if (down) strokes.at(-1).push([...pen]);
    tip.setAttribute("visibility", "visible");
    say(words, down ? "the pen is down" : "the pen is up");
    refresh();
  }));
  pane.svg.append(paper, lines, tip);
  pane.svg.classList.add("dragged");
  const clear = makeButton("clear", "an empty sheet", guarded, () => {
    strokes.length = 0;
    down = false;
    say(words, "draw a digit here");
    refresh();
  });
  pane.figure.querySelector("figcaption").append(words, " ", clear);
  return { figure: pane.figure, strokes };
}
