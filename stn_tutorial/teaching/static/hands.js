// A picture in the hand: its frame, its corners and a knob, moved by mouse, fingers, wheel and keys.

import { CORNER_NAMES, POSE, cornersOfPose, knobOfPose, poseWithCorner, poseWithFingers, poseWithKnob, withinPose } from "./handles.js";
import { draggable, draw, round } from "./page.js";
import { toNormalized, toPixel } from "./warp.js";

const COARSE = 12; // radius of a handle in CSS pixels under a finger
const FINE = 7;

/** What moves a picture of width x height pixels that lies in a pane; returns {show, speak}, which bring it in line with a pose. */
export function makeHands(input, guarded, { width, height, pose, setPose }) {
  const aspect = width / height;
  const outOf = (x, y) => [toPixel(x, width, false), toPixel(y, height, false)];
  const into = (column, row) => [toNormalized(column, width, false), toNormalized(row, height, false)];
  const change = (turn, times) => {
    const [degrees, scale, ...place] = pose();
    setPose(withinPose([degrees + turn, scale * times, ...place]));
  };

  const held = draw("path", { class: "held", role: "img" });
  held.setAttribute("aria-label", "the picture; arrow keys move it, q and e turn it, plus and minus scale it");
  draggable(held, input, guarded, {
    begin: () => {},
    move: (column, row) => setPose(withinPose([...pose().slice(0, 2), ...into(column, row)])),
    where: () => outOf(...pose().slice(2)),
  });
  onKeys(held, guarded, { q: () => change(5, 1), e: () => change(-5, 1), "+": () => change(0, 1.05), "-": () => change(0, 1 / 1.05) });

  const stalk = draw("path", { class: "stalk" });
  const circle = (name, label) => {
    const made = draw("circle", { class: name, r: FINE / input.scale, role: "slider" });
    made.setAttribute("aria-label", label);
    made.setAttribute("aria-valuemin", POSE[0][0]);
    made.setAttribute("aria-valuemax", POSE[0][1]);
    return made;
  };
  const corners = CORNER_NAMES.map((name, k) => {
    const corner = circle(k === 0 ? "handle pose first" : "handle pose", `${name} of the picture; arrow keys turn and scale it`);
    draggable(corner, input, guarded, {
      begin: () => {},
      move: (column, row) => setPose(poseWithCorner(pose(), k, ...into(column, row), aspect)),
      where: () => outOf(...cornersOfPose(pose(), aspect)[k]),
    });
    return corner;
  });
  const knob = circle("handle pose knob", "knob; arrow keys turn the picture");
  const turns = { ArrowRight: 2, ArrowUp: 2, ArrowLeft: -2, ArrowDown: -2 };
  onKeys(knob, guarded, Object.fromEntries(Object.entries(turns).map(([key, turn]) => [key, (shift) => change(turn * (shift ? 5 : 1), 1)])));
  draggable(knob, input, guarded, {
    begin: () => {},
    move: (column, row) => setPose(poseWithKnob(pose(), ...into(column, row), aspect)),
    where: () => outOf(...knobOfPose(pose(), aspect)),
  });
  input.svg.append(held, stalk, ...corners, knob);

  // a wheel scrolls the page unless the picture was touched before
  input.svg.addEventListener("wheel", guarded((event) => {
    if (!input.svg.contains(input.svg.getRootNode().activeElement)) return;
    event.preventDefault();
    const way = -Math.sign(event.deltaY || event.deltaX);
    if (event.shiftKey || event.ctrlKey) change(0, 1.04 ** way);
    else change(3 * way, 1);
  }), { passive: false });
  twoFingers(input, guarded, (before, after) => setPose(poseWithFingers(pose(), before, after, outOf, into)));

  // handles stay as large as a finger, or a pointer, wants them, however small the pane is shown
  const fit = () => {
    const shown = input.svg.getBoundingClientRect().width / input.units; // CSS pixels in a pixel of the picture
    const radius = matchMedia("(pointer: coarse)").matches ? COARSE : FINE;
    for (const handle of [...corners, knob]) handle.setAttribute("r", radius / (shown || input.scale));
  };
  const fitting = new ResizeObserver(guarded(() => {
    fit();
    show(pose());
  }));
  fitting.observe(input.svg);

  /** Bring frame and handles in line with a pose. */
  function show(now) {
    const places = cornersOfPose(now, aspect).map(([x, y]) => outOf(x, y));
    held.setAttribute("d", `M${places.join("L")}Z`);
    places.forEach(([x, y], k) => input.place(corners[k], x, y));
    input.place(knob, ...outOf(...knobOfPose(now, aspect)));
    const top = [0, 1].map((i) => (places[0][i] + places[1][i]) / 2);
    stalk.setAttribute("d", `M${top}L${knob.getAttribute("cx")} ${knob.getAttribute("cy")}`);
  }

  /** Bring what a screen reader hears of the handles in line with a pose. */
  function speak(now) {
    for (const handle of [...corners, knob]) {
      handle.setAttribute("aria-valuenow", round(now[0], 1));
      handle.setAttribute("aria-valuetext", `${now[0].toFixed(0)} degrees, ${now[1].toFixed(2)} times as large`);
    }
  }
  return { show, speak, away: () => fitting.disconnect() };
}

/** Let keys act on an element before it is moved by arrows; an action hears whether Shift is down. */
function onKeys(element, guarded, actions) {
  element.addEventListener("keydown", guarded((event) => {
    if (!Object.hasOwn(actions, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    actions[event.key](event.shiftKey);
  }));
}

/** Hear of two fingers in a pane, from where to where they went, before anything that one finger drags. */
function twoFingers(pane, guarded, moved) {
  const fingers = new Map();
  let both = false; // until all have left: what one finger dragged would jump
  const hear = (type, action) => pane.svg.addEventListener(type, guarded(action), { capture: true });
  hear("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, pane.pixelAt(event));
    if (fingers.size > 1) both = true;
    if (both) event.stopPropagation();
  });
  hear("pointermove", (event) => {
    if (both) event.stopPropagation();
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()].slice(0, 2);
    fingers.set(event.pointerId, pane.pixelAt(event));
    if (fingers.size === 2) moved(before, [...fingers.values()]);
  });
  for (const type of ["pointerup", "pointercancel"]) {
    hear(type, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) both = false;
    });
  }
}
