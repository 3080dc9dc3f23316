// The inspector: which input pixels an output pixel is made of, in words and framed in the input.

import { BEHIND } from "./families.js";
import { draw, make, say } from "./page.js";
import { neighbours, toPixel } from "./warp.js";

/** Watch the output for a pointer or arrow keys; returns its {words}, an element, and {inspect}, which brings them up to date. */
export function makeInspector({ model, output, image, looked, options, guarded, gridNow }) {
  const { width, height, channels } = image;
  let eye = null; // the inspected output pixel, [column, row]
  const spot = draw("rect", { class: "looked", width: 1, height: 1, visibility: "hidden" });
  const surface = draw("rect", { class: "eye", x: -0.5, y: -0.5, width, height, fill: "transparent", tabindex: 0, role: "img" });
  surface.setAttribute("aria-label", "output: arrow keys choose a pixel to inspect");
  output.svg.append(surface, spot);
  const words = make("div", { className: "inspector", "aria-live": "polite" });

  const within = (place) => place.map((value, i) => Math.min(Math.max(value, 0), [width, height][i] - 1));
  surface.addEventListener("pointermove", guarded((event) => {
    eye = within(output.pixelAt(event).map(Math.round));
    inspect();
  }));
  surface.addEventListener("keydown", guarded((event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    eye = eye ?? [Math.floor(width / 2), Math.floor(height / 2)];
    eye = within(eye.map((value, i) => value + way[i]));
    inspect();
  }));

  /** What a learner's own sampler made of the pixel: it keeps its reasons to itself. */
  function made() {
    if (!model.get("output").byteLength) return "your sampler made nothing of it";
    const { data } = output.canvas.getContext("2d").getImageData(eye[0], eye[1], 1, 1);
    return `your sampler made it ${Array.from(data.slice(0, channels)).join("/")}`;
  }

  /** The shares of the input's pixels, the largest first, each framed in the input. */
  function sharesAt(x, y) {
    const { kernel, padding, align } = options();
    const found = [];
    for (const [row, weightY] of neighbours(y, height, kernel, padding, align)) {
      for (const [column, weightX] of neighbours(x, width, kernel, padding, align)) {
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        const at = (row * width + column) * channels;
        const value = inside ? Array.from(image.data.slice(at, at + channels)).join("/") : "background";
        found.push([weightY * weightX, `${value} at (${column}, ${row})`]);
        looked.append(draw("rect", { class: "looked", x: column - 0.5, y: row - 0.5, width: 1, height: 1 }));
      }
    }
    found.sort((one, other) => Math.abs(other[0]) - Math.abs(one[0]));
    const parts = found.slice(0, 4).map(([weight, what]) => `${weight.toFixed(2)} \u00d7 ${what}`);
    if (found.length > 4) parts.push(`${found.length - 4} smaller shares`);
    return parts.join(" + ");
  }

  /** Name the input pixels that the inspected output pixel is made of, and frame them. */
  function inspect() {
    looked.replaceChildren();
    if (!eye) {
      say(words, "Point at the output to see which input pixels a pixel is made of.");
      return;
    }
    const { align } = options();
    const p = eye[1] * width + eye[0];
    const [x, y] = [toPixel(gridNow()[2 * p], width, align), toPixel(gridNow()[2 * p + 1], height, align)];
    spot.setAttribute("x", eye[0] - 0.5);
    spot.setAttribute("y", eye[1] - 0.5);
    spot.setAttribute("visibility", "visible");
    const start = `Output pixel (${eye}), column and row, looks at (${x.toFixed(2)}, ${y.toFixed(2)})`;
    const seen = Math.abs(x) < BEHIND / 2 && Math.abs(y) < BEHIND / 2;
    if (model.get("remote")) say(words, `${start}; ${made()}`);
    else say(words, seen ? `${start} = ${sharesAt(x, y)}` : `${start}: behind the camera, background`);
  }

  return { words, inspect };
}
