// The explorer of a trained net: its input is dragged, the net answers in the kernel.

import { kindOf, makeGrid } from "./families.js";
import { CORNER_NAMES, POSE, cornersOfPose, poseWithCorner, thetaOfPose } from "./handles.js";
import { LINES, MARGIN, bytesOf, draggable, draw, latticePath, listen, make, makeButton, makePane, makeSlider, matrixTable, paint, round, say } from "./page.js";
import { sample, toNormalized, toPixel } from "./warp.js";

/** A trained net by hand: its input, to be turned, scaled and shifted, what it then sees, and what it takes it for. */
export function buildModelExplorer({ model, root, problem, guarded }) {
  const family = model.get("family");
  kindOf(family); // refuses what it does not know
  const [height, width, channels] = model.get("shape");
  const [outHeight, outWidth, outChannels] = model.get("output_shape");
  const aspect = width / height;
  const similarity = { kind: "Similarity", aspect };
  const input = makePane(width, height, MARGIN, "input: drag it, or a corner of it");
  const output = makePane(outWidth, outHeight, 0, "what it then sees");

  /** Ask for a pose: the input follows at once, the net's answer when the kernel has time. */
  const setPose = (pose) => {
    model.set("pose", pose);
    model.save_changes();
  };
  const outOf = (x, y) => [toPixel(x, width, false), toPixel(y, height, false)];
  const into = (column, row) => [toNormalized(column, width, false), toNormalized(row, height, false)];

  const lines = draw("path", { class: "lattice" });
  const frame = draw("path", { class: "frame" });
  const held = draw("path", { class: "held", role: "img" });
  held.setAttribute("aria-label", "the picture; arrow keys move it by a pixel");
  draggable(held, input, guarded, {
    begin: () => {},
    move: (column, row) => {
      const [degrees, scale] = model.get("pose");
      const [x, y] = into(column, row);
      setPose([degrees, scale, Math.min(Math.max(x, -1), 1), Math.min(Math.max(y, -1), 1)]);
    },
    where: () => outOf(...model.get("pose").slice(2)),
  });
  input.svg.append(lines, frame, held);
  const corners = CORNER_NAMES.map((name, k) => {
    const circle = draw("circle", { class: k === 0 ? "handle pose first" : "handle pose", r: 7 / input.scale, role: "slider" });
    circle.setAttribute("aria-label", `${name} of the picture; arrow keys turn and scale it`);
    circle.setAttribute("aria-valuemin", POSE[0][0]);
    circle.setAttribute("aria-valuemax", POSE[0][1]);
    draggable(circle, input, guarded, {
      begin: () => {},
      move: (column, row) => setPose(poseWithCorner(model.get("pose"), k, ...into(column, row), aspect)),
      where: () => outOf(...cornersOfPose(model.get("pose"), aspect)[k]),
    });
    input.svg.append(circle);
    return circle;
  });

  const percents = [];
  const classes = make("div", { className: "classes", role: "img" });
  const bars = model.get("classes").map((name) => {
    const bar = make("div", { className: "bar" });
    percents.push(make("span", { className: "percent" }));
    classes.append(make("span", { textContent: name }), bar, percents.at(-1));
    return bar;
  });
  const verdict = make("div", { className: "verdict", "aria-live": "polite" });
  const hint = make("div", { className: "inspector", textContent: "Blue: the picture as you hold it. Orange: where the net looks. What is pale awaits the net's answer." });

  const controls = make("div", { className: "controls" }, [verdict, classes]);
  const images = makeSlider("image", [0, model.get("count") - 1], guarded, {
    begin: () => {},
    move: (value) => {
      model.set("index", Math.min(Math.max(Math.round(value), 0), model.get("count") - 1));
      model.save_changes();
    },
    end: () => refreshWords(),
  });
  controls.append(images.row);
  images.row.querySelectorAll("input").forEach((control) => (control.step = 1));
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
  const numbers = make("div");
  controls.append(numbers, make("div", { className: "wrap" }, [
    makeButton("reset", "back to where it began", guarded, () => setPose([...model.get("start")])),
  ]));

  let waiting = false; // whether the words will be refreshed at the next frame already

  /** Bring the input in line with its pose at once, and what the net answered. */
  function refresh() {
    const pose = model.get("pose");
    const image = { data: bytesOf(model.get("image")), height, width, channels };
    const grid = makeGrid(similarity, thetaOfPose(pose, aspect), height, width, false);
    paint(input.canvas, sample(image, grid, { kernel: "bilinear", padding: "zeros", align: false }), channels);
    const places = cornersOfPose(pose, aspect).map(([x, y]) => outOf(x, y));
    held.setAttribute("d", `M${places.join("L")}Z`);
    places.forEach(([x, y], k) => input.place(corners[k], x, y));
    const late = String(model.get("answered")) !== String([model.get("index"), ...pose]);
    for (const part of [lines, frame, output.canvas, verdict, classes]) part.classList.toggle("late", late);
    const [theta, align] = [model.get("theta"), model.get("align_corners")];
    lines.setAttribute("d", latticePath(family, LINES, theta, width, height, align));
    frame.setAttribute("d", latticePath(family, 2, theta, width, height, align));
    paint(output.canvas, bytesOf(model.get("output")), outChannels);
    if (!waiting) requestAnimationFrame(guarded(refreshWords));
    waiting = true;
  }

  /** Bring numbers, controls and labels in line with the model. */
  function refreshWords() {
    waiting = false;
    const [pose, theta, probabilities] = [model.get("pose"), model.get("theta"), model.get("probabilities")];
    say(problem, model.get("problem"));
    images.show(model.get("index"));
    sliders.forEach(({ show }, i) => show(pose[i]));
    corners.forEach((circle) => {
      circle.setAttribute("aria-valuenow", round(pose[0], 1));
      circle.setAttribute("aria-valuetext", `${pose[0].toFixed(0)} degrees, ${pose[1].toFixed(2)} times as large`);
    });
    const best = probabilities.indexOf(Math.max(...probabilities));
    bars.forEach((bar, k) => {
      bar.style.width = `${100 * probabilities[k]}%`;
      bar.classList.toggle("best", k === best);
      percents[k].textContent = `${Math.round(100 * probabilities[k])} %`;
    });
    const words = `${model.get("classes")[best]}, ${Math.round(100 * probabilities[best])} %`;
    say(verdict, `the net says: ${words}`);
    classes.setAttribute("aria-label", `probabilities of the classes; the highest: ${words}`);
    numbers.replaceChildren(matrixTable(family, theta));
  }

  root.append(make("div", { className: "panes" }, [input.figure, output.figure]), controls, hint);
  refresh();
  const listens = ["pose", "index", "image", "answered", "problem"].map((name) => [`change:${name}`, guarded(refresh)]);
  return listen(model, listens);
}
