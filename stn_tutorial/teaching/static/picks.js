// Which picture is held: small ones to click, a slider where there are many, and a pad for one of your own.

import { PAPER, makePad, pictureOf } from "./pad.js";
import { bytesOf, make, makeButton, makeSlider, paint } from "./page.js";

const FEW = 24; // pictures of which each gets a button

/** Pictures as buttons or as a slider, and the pad; returns {element, show}. `pictures` are the bytes of all, or of none. */
export function makePicks({ model, guarded, put, here, shape: [height, width, channels], pictures }) {
  const element = make("div", { className: "picks", role: "group", "aria-label": "the picture" });
  const count = model.get("count");
  const choose = (k) => {
    model.set("drawing", new DataView(new ArrayBuffer(0)));
    put("index", Math.min(Math.max(Math.round(k), 0), count - 1));
  };
  const isDrawn = () => bytesOf(model.get("drawing")).length > 0;
  const parts = [pictures.length && count <= FEW ? makeButtons() : makeImageSlider()];
  if (here && height === PAPER && width === PAPER && channels === 1) parts.push(makeDrawing());
  const show = () => parts.forEach((part) => part());

  /** A button for each picture; returns what brings them in line with the model. */
  function makeButtons() {
    const titles = model.get("titles");
    const buttons = titles.map((title, k) => {
      const canvas = make("canvas", { width, height });
      paint(canvas, pictures.subarray(k * height * width * channels, (k + 1) * height * width * channels), channels);
      const button = makeButton("", title, guarded, () => choose(k));
      button.setAttribute("aria-label", title);
      button.append(canvas);
      return button;
    });
    element.append(...buttons);
    return () => buttons.forEach((button, k) => button.setAttribute("aria-pressed", k === model.get("index") && !isDrawn()));
  }

  /** A slider over the pictures; returns what brings it in line with the model. */
  function makeImageSlider() {
    if (count < 2) return () => {};
    const slider = makeSlider("image", [0, count - 1], guarded, { begin: () => {}, move: choose, end: () => slider.show(model.get("index")) });
    slider.row.querySelectorAll("input").forEach((control) => (control.step = 1));
    element.append(slider.row);
    return () => slider.show(model.get("index"));
  }

  /** The button that opens the pad, and the pad; returns what brings them in line with the model. */
  function makeDrawing() {
    const give = (strokes) => put("drawing", new DataView(pictureOf(strokes).buffer));
    const pad = makePad(guarded, give);
    const button = makeButton("draw one", "draw a digit of your own", guarded, () => (isDrawn() ? choose(model.get("index")) : give(pad.strokes)));
    element.append(button, pad.figure);
    return () => {
      button.setAttribute("aria-pressed", isDrawn());
      pad.figure.hidden = !isDrawn();
    };
  }
  return { element, show };
}
