// The explorer of a trained net: its input is moved by hand, or drawn; the net answers here, or in the kernel if it cannot be run here.

import { kindOf, makeGrid, matrixOf, pointMap } from "./families.js";
import { POSE, thetaOfPose } from "./handles.js";
import { makeHands } from "./hands.js";
import { answer, readNet, softmax, thetaOf } from "./net.js";
import { makeMoments } from "./moments.js";
import { LINES, MARGIN, bytesOf, draw, latticePath, listen, make, makeButton, makePane, makeSlider, matrixTable, paint, say } from "./page.js";
import { makePicks } from "./picks.js";
import { sample, toPixel } from "./warp.js";

const QUIET = 700; // milliseconds of rest before a screen reader is told
const SWING = [75, 6000]; // degrees to each side, milliseconds to and fro

/** Bytes of a model's value, decoded anew only where it is another one. */
function keeping() {
  let last, bytes;
  return (value) => {
    if (value !== last) [last, bytes] = [value, bytesOf(value)];
    return bytes;
  };
}

/** The turn in a theta of a matrix family, in degrees counter-clockwise as the picture is seen; null for other families. */
function turnOf(family, theta) {
  const matrix = matrixOf(family, theta);
  return matrix && (Math.atan2(matrix[3] - matrix[1], matrix[0] + matrix[4]) * -180) / Math.PI;
}

const shortest = (degrees) => degrees - 360 * Math.round(degrees / 360);
const signed = (degrees) => `${degrees < -0.5 ? "\u2212" : "+"}${Math.abs(degrees).toFixed(0)}\u00b0`;

/** The weights of a net at a moment of its training: those of its localiser, which come first, were others before. */
function weightsAt(model, k, moment) {
  const finished = bytesOf(model.get("weights")[k]);
  const earlier = model.get("localizers")?.[k]?.[moment];
  if (!earlier) return finished;
  const weights = finished.slice();
  weights.set(bytesOf(earlier));
  return weights;
}

/** Nets that run in this page: a function of an image, its pose, and a way to see it in another pose. */
function answersHere(model) {
  const nets = {};
  let [known, upright] = ["", null];
  return (seen, pose, picture, inPose) => {
    const [k, moment] = [model.get("net"), model.get("moment")];
    const net = (nets[[k, moment]] ??= readNet(model.get("nets")[k], weightsAt(model, k, moment))); // once it is wanted
    const { theta, output, logits } = answer(net, seen);
    const key = [net, picture, ...pose.slice(1)];
    if (key.some((value, i) => value !== known[i])) [known, upright] = [key, thetaOf(net, inPose([0, ...pose.slice(1)]))];
    const turns = [theta, upright].map((numbers) => turnOf(net.family, numbers));
    return {
      family: net.family,
      align: net.align,
      theta,
      output: { ...output, data: output.data.map((value) => 255 * value) },
      probabilities: softmax(logits),
      back: turns[0] === null ? null : shortest(turns[0] - turns[1]),
      late: false,
    };
  };
}

/** The kernel's answers, which may be those to an older question. */
function answersOfKernel(model) {
  return () => {
    const [height, width, channels] = model.get("output_shape");
    return {
      family: model.get("family"),
      align: model.get("align_corners"),
      theta: model.get("theta"),
      output: { data: bytesOf(model.get("output")), height, width, channels },
      probabilities: model.get("probabilities"),
      back: null,
      late: String(model.get("answered")) !== String([model.get("net"), model.get("moment"), model.get("index"), ...model.get("pose")]),
    };
  };
}

/** The bars of the classes, standing where their names are short; returns {element, show}. */
function makeBars(names) {
  const standing = names.every((name) => name.length < 3);
  const classes = make("div", { className: standing ? "classes standing" : "classes", role: "img" });
  const rows = names.map((name, k) => {
    const row = [make("span", { className: "name", textContent: name }), make("div", { className: "bar" }), make("span", { className: "percent" })];
    if (standing) for (const part of row) part.style.gridColumn = k + 1;
    classes.append(...row);
    return row;
  });
  const show = (probabilities, best, words) => {
    rows.forEach((row, k) => {
      row[1].style.setProperty("--share", `${100 * probabilities[k]}%`);
      row[2].textContent = `${Math.round(100 * probabilities[k])} %`;
      for (const part of row) part.classList.toggle("best", k === best);
    });
    classes.setAttribute("aria-label", `probabilities of the classes; the highest: ${words}`);
  };
  return { element: classes, show };
}

/** A choice among several, of which one is taken; returns {element, show}. */
function makeSwitch(legend, names, guarded, choose) {
  const group = `stn-${Math.random().toString(36).slice(2)}`;
  const radios = names.map((name, k) => {
    const radio = make("input", { type: "radio", name: group });
    radio.addEventListener("change", guarded(() => choose(k)));
    return radio;
  });
  const labels = names.map((name, k) => make("label", {}, [radios[k], ` ${name}`]));
  const element = make("div", { className: "switch", role: "radiogroup", "aria-label": legend }, [make("span", { textContent: legend }), ...labels]);
  return { element, show: (chosen) => radios.forEach((radio, k) => (radio.checked = k === chosen)) };
}

/** Lets the picture turn to and fro until a hand takes it; returns {button, follow, away}, `follow` brings it in line with the model. */
function makeSwing({ model, input, guarded, put }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let [frame, before, phase, visible] = [0, 0, 0, true];
  const step = guarded((time) => {
    frame = requestAnimationFrame(step);
    if (visible) phase += (2 * Math.PI * Math.min(time - before, 100)) / SWING[1];
    before = time;
    if (visible) model.set("pose", [SWING[0] * Math.sin(phase), ...model.get("pose").slice(1)]); // Python hears of it at the end
  });
  const button = makeButton("", "the picture turns to and fro", guarded, () => put("swing", !model.get("swing")));
  const follow = () => {
    const swings = model.get("swing");
    button.textContent = swings ? "stop turning" : "turn by itself";
    if (swings && !frame) {
      phase = Math.asin(Math.min(Math.max(model.get("pose")[0] / SWING[0], -1), 1));
      before = performance.now();
      frame = requestAnimationFrame(step);
    } else if (!swings) {
      cancelAnimationFrame(frame);
      frame = 0;
    }
  };
  const stop = () => model.get("swing") && put("swing", false);
  const watching = new IntersectionObserver((entries) => (visible = entries.at(-1).isIntersecting));
  const calmer = () => calm.matches && stop();
  watching.observe(input.figure);
  input.svg.addEventListener("pointerdown", guarded(stop));
  calm.addEventListener("change", calmer);
  calmer(); // nothing moves by itself where the reader wants no motion
  const away = () => {
    cancelAnimationFrame(frame);
    watching.disconnect();
    calm.removeEventListener("change", calmer);
  };
  return { button, follow, away };
}

/** A trained net by hand: its input, to be turned, scaled, shifted and drawn, what it then sees, and what it takes it for. */
export function buildModelExplorer({ model, root, problem, guarded }) {
  root.classList.add("model");
  const here = model.get("nets").length > 0;
  const family = model.get("family");
  kindOf(family); // refuses what it does not know
  const [height, width, channels] = model.get("shape");
  const aspect = width / height;
  const similarity = { kind: "Similarity", aspect };
  const input = makePane(width, height, MARGIN, "input: turn it by its knob");
  const output = makePane(...model.get("output_shape").slice(0, 2).reverse(), 0, "what its classifier sees");
  const ask = here ? answersHere(model) : answersOfKernel(model);
  const put = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const setPose = (pose) => {
    model.set("swing", false); // a hand has taken it
    put("pose", pose);
  };

  // the picture that is held: a drawing, one of those that came along, or the one that the kernel sent
  const [present, all, drawing] = [keeping(), keeping(), keeping()];
  const length = height * width * channels;
  const held = () => {
    const drawn = drawing(model.get("drawing"));
    if (drawn.length) return drawn;
    const pictures = all(model.get("pictures"));
    if (!pictures.length) return present(model.get("image"));
    return pictures.subarray(length * model.get("index"), length * (model.get("index") + 1));
  };
  const inPose = (pose) => {
    const grid = makeGrid(similarity, thetaOfPose(pose, aspect), height, width, false);
    const data = sample({ data: held(), height, width, channels }, grid, { kernel: "bilinear", padding: "zeros", align: false });
    return { data, height, width, channels };
  };
  const asInput = (image) => ({ ...image, data: Float32Array.from(image.data, (value) => value / 255) });

  const [lines, frame] = [draw("path", { class: "lattice" }), draw("path", { class: "frame" })];
  const [corner, first] = [draw("circle", { class: "corner", r: 5 / input.scale }), draw("circle", { class: "corner", r: 5 / output.scale })];
  input.svg.append(lines, frame, corner);
  output.svg.append(first);
  output.place(first, -0.5, -0.5);
  const hands = makeHands(input, guarded, { width, height, pose: () => model.get("pose"), setPose });
  const bars = makeBars(model.get("classes"));
  const verdict = make("div", { className: "verdict" });
  const angles = make("div", { className: "angles" });
  const spoken = make("div", { className: "spoken", role: "status" });
  const choice = makeSwitch("the net was trained", model.get("names"), guarded, (k) => put("net", k));
  choice.element.hidden = model.get("names").length < 2;
  const moments = makeMoments({ model, guarded, put });
  const picks = makePicks({ model, guarded, put, here, shape: [height, width, channels], pictures: all(model.get("pictures")) });

  const controls = make("div", { className: "controls" });
  const sliders = ["degrees", "scale", "right", "down"].map((name, i) => {
    const move = (value) => {
      const pose = [...model.get("pose")];
      pose[i] = Math.min(Math.max(value, POSE[i][0]), POSE[i][1]);
      setPose(pose);
    };
    const slider = makeSlider(name, POSE[i], guarded, { begin: () => {}, move, end: () => refreshWords() });
    controls.append(slider.row);
    return slider;
  });
  const swing = makeSwing({ model, input, guarded, put });
  swing.button.hidden = !here;
  const reset = makeButton("reset", "back to where it began", guarded, () => setPose([...model.get("start")]));
  const numbers = make("div");
  const hint = make("div", { className: "inspector" });
  hint.textContent = "Blue, dashed: the picture as you hold it. Drag the knob to turn it, a corner to scale it too, its middle to move it; two fingers do all "
    + "three, and the wheel turns it once it was touched (with Shift it scales). Orange: where the net looks; the filled corner is the output's top left."
    + (here ? "" : " What is pale awaits the net's answer.");
  controls.append(numbers, make("div", { className: "wrap" }, [reset, swing.button]), hint);

  let waiting = false; // whether the words will be refreshed at the next frame already
  let timer = null;
  let now = null; // the answer that is shown

  /** Bring the input in line with its pose at once, and what the net answers. */
  function refresh() {
    const pose = model.get("pose");
    const image = inPose(pose);
    paint(input.canvas, image.data, channels);
    hands.show(pose);
    now = ask(here ? asInput(image) : image, pose, held(), (other) => asInput(inPose(other)));
    for (const part of [lines, frame, corner, output.canvas, verdict, bars.element]) part.classList.toggle("late", now.late);
    lines.setAttribute("d", latticePath(now.family, LINES, now.theta, width, height, now.align));
    frame.setAttribute("d", latticePath(now.family, 2, now.theta, width, height, now.align));
    const looks = [0, 0];
    pointMap(now.family, now.theta)(-1, -1, looks);
    input.place(corner, toPixel(looks[0], width, now.align), toPixel(looks[1], height, now.align));
    if (output.canvas.width !== now.output.width) Object.assign(output.canvas, { width: now.output.width, height: now.output.height });
    paint(output.canvas, now.output.data, now.output.channels);
    if (!waiting) requestAnimationFrame(guarded(refreshWords));
    waiting = true;
  }

  /** Bring numbers, controls and labels in line with the model. */
  function refreshWords() {
    waiting = false;
    const pose = model.get("pose");
    const { probabilities, back } = now;
    say(problem, model.get("problem"));
    picks.show();
    choice.show(model.get("net"));
    moments.show();
    sliders.forEach(({ show }, i) => show(pose[i]));
    hands.speak(pose);
    const best = probabilities.indexOf(Math.max(...probabilities));
    const empty = here && held().every((value) => value === 0);
    const words = empty ? "nothing, for nothing is there" : `${model.get("classes")[best]}, ${Math.round(100 * probabilities[best])} %`;
    say(verdict, `the net says: ${words}`);
    bars.show(probabilities.map((value) => (empty ? 0 : value)), empty ? -1 : best, words);
    say(angles, back === null ? "" : `turned by ${signed(pose[0])}, taken back ${signed(back)}`);
    numbers.replaceChildren(matrixTable(now.family, now.theta));
    clearTimeout(timer);
    const told = `The net says ${words}. ${angles.textContent}`;
    if (!model.get("swing")) timer = setTimeout(() => say(spoken, told), QUIET);
  }

  const panes = make("div", { className: "panes" }, [input.figure, output.figure]);
  const said = make("div", { className: "said" }, [verdict, angles]);
  const stage = make("div", { className: "stage" }, [choice.element, moments.element, panes, said, bars.element, picks.element]);
  root.append(stage, controls, spoken);
  refresh();
  swing.follow();
  const listens = ["pose", "index", "image", "answered", "problem", "net", "moment", "drawing"].map((name) => [`change:${name}`, guarded(refresh)]);
  const silence = listen(model, [...listens, ["change:swing", guarded(swing.follow)]]);
  return () => {
    silence();
    swing.away();
    hands.away();
    clearTimeout(timer);
  };
}
