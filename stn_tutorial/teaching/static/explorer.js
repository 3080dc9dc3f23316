// The explorer: the input with its lattice and handles, the output, and the controls that move theta.

import { kindOf, makeGrid } from "./families.js";
import { dragged, handlesOf, isLattice } from "./handles.js";
import { makeInspector } from "./inspector.js";
import { LINES, MARGIN, blank, bytesOf, draggable, draw, latticePath, listen, make, makeButton, makePane, makeSlider, matrixTable, paint, round, say } from "./page.js";
import { sample, toNormalized, toPixel } from "./warp.js";

/** Theta by hand: the input with the lattice and its handles, the output, the inspector and the controls. */
export function buildExplorer({ model, root, problem, guarded }) {
  const family = model.get("family");
  const kind = kindOf(family);
  const lattice = isLattice(family);
  const [height, width, channels] = model.get("shape");
  const image = { data: bytesOf(model.get("image")), height, width, channels };
  const remote = model.get("remote");
  const input = makePane(width, height, MARGIN, "input, and where the output looks");
  const output = makePane(width, height, 0, "output");
  const undo = [];
  let chosen = 0; // the lattice point whose sliders are shown
  let grid = null;

  const options = () => ({ kernel: model.get("kernel"), padding: model.get("padding"), align: model.get("align_corners") });
  const remember = () => {
    undo.push([...model.get("theta")]);
    if (undo.length > 100) undo.shift();
  };
  const setTheta = (theta) => {
    model.set("theta", theta);
    model.save_changes();
  };

  // what is drawn over the input
  const lines = draw("path", { class: "lattice" });
  const frame = draw("path", { class: "frame" });
  const looked = draw("g", {});
  input.svg.append(lines, frame, looked);
  const radius = (lattice ? 5.5 : 7) / input.scale;
  const handles = handlesOf(family, family.identity).map((handle, k) => {
    const circle = draw("circle", { class: k === 0 ? "handle first" : "handle", r: radius, role: "slider" });
    circle.setAttribute("aria-valuemin", -2);
    circle.setAttribute("aria-valuemax", 2);
    draggable(circle, input, guarded, {
      begin: remember,
      move: (column, row) => moveHandle(k, column, row),
      where: () => {
        const now = handlesOf(family, model.get("theta"))[k];
        const { align } = options();
        return [toPixel(now.x, width, align), toPixel(now.y, height, align)];
      },
    });
    circle.addEventListener("focus", guarded(() => {
      chosen = k;
      refresh();
    }));
    input.svg.append(circle);
    return circle;
  });
  const moveHandle = (k, column, row) => {
    const { align } = options();
    const theta = dragged(family, model.get("theta"), k, toNormalized(column, width, align), toNormalized(row, height, align));
    if (theta) setTheta(theta);
  };

  const inspector = makeInspector({ model, output, image, looked, options, guarded, gridNow: () => grid });

  // sliders with number fields, two for the chosen point of a lattice or one for each parameter
  const controls = make("div", { className: "controls" });
  const sliders = (lattice ? family.names.slice(0, 2) : family.names).map((name, i) => {
    const label = lattice ? name.split("_")[0] : name;
    const index = () => (lattice ? 2 * chosen + i : i);
    const move = (value) => {
      const theta = [...model.get("theta")];
      theta[index()] = value;
      setTheta(theta);
    };
    const slider = makeSlider(label, family.ranges[i], guarded, { begin: remember, move, end: refresh });
    controls.append(slider.row);
    return { ...slider, index };
  });
  const numbers = make("div");
  controls.append(numbers);

  // choices and buttons
  const choices = make("div", { className: "wrap" });
  const menu = (name, values) => {
    const select = make("select", { "aria-label": name }, values.map((value) => make("option", { value, textContent: value })));
    select.addEventListener("change", guarded(() => {
      model.set(name, select.value);
      model.save_changes();
    }));
    choices.append(make("label", {}, [`${name} `, select]));
    return select;
  };
  const kernel = menu("kernel", ["bilinear", "nearest", "bicubic"]);
  const padding = menu("padding", ["zeros", "border", "reflection"]);
  const align = make("input", { type: "checkbox" });
  align.addEventListener("change", guarded(() => {
    model.set("align_corners", align.checked);
    model.save_changes();
  }));
  choices.append(make("label", {}, [align, " align_corners"]));
  if (remote) choices.hidden = true; // a learner's own sampler has the kernel and padding it was given
  const share = make("input", { className: "share", type: "text", readOnly: true, hidden: true, "aria-label": "theta as text" });
  const buttons = make("div", { className: "wrap" }, [
    makeButton("reset", "back to the identity", guarded, () => {
      remember();
      setTheta([...family.identity]);
    }),
    makeButton("undo", "take the last move back", guarded, () => {
      const now = String(model.get("theta"));
      while (undo.length && String(undo.at(-1)) === now) undo.pop();
      if (undo.length) setTheta(undo.pop());
    }),
    makeButton("share", "theta as a line of Python, also on the clipboard", guarded, () => {
      share.hidden = false;
      share.select();
      navigator.clipboard?.writeText(share.value).catch(() => {}); // not allowed everywhere: the text is selected, too
    }),
    share,
  ]);
  controls.append(choices, buttons);

  let waiting = false; // whether the words will be refreshed at the next frame already

  /** Bring the pictures in line with the model at once, and the words at the next frame. */
  function refresh() {
    const theta = model.get("theta");
    const now = options();
    grid = makeGrid(family, theta, height, width, now.align);
    if (!remote) paint(output.canvas, sample(image, grid, now), channels);
    else if (model.get("output").byteLength) paint(output.canvas, bytesOf(model.get("output")), channels);
    else blank(output.canvas); // the sampler failed: what it made before belongs to another theta
    lines.setAttribute("d", latticePath(family, LINES, theta, width, height, now.align));
    frame.setAttribute("d", latticePath(family, 2, theta, width, height, now.align));
    handlesOf(family, theta).forEach((handle, k) => {
      input.place(handles[k], toPixel(handle.x, width, now.align), toPixel(handle.y, height, now.align));
      handles[k].setAttribute("visibility", handle.behind ? "hidden" : "visible");
    });
    if (!waiting) requestAnimationFrame(guarded(refreshWords));
    waiting = true;
  }

  /** Bring numbers, controls and labels in line with the model. */
  function refreshWords() {
    waiting = false;
    const theta = model.get("theta");
    const now = options();
    const handlesNow = handlesOf(family, theta);
    say(problem, model.get("problem") || (kind.problem?.(theta) ?? ""));
    handlesNow.forEach((handle, k) => {
      const where = handle.behind ? "behind the camera" : `x ${handle.x.toFixed(2)}, y ${handle.y.toFixed(2)}`;
      handles[k].setAttribute("aria-label", `${handle.label}; arrow keys move it by a pixel`);
      handles[k].setAttribute("aria-valuenow", round(handle.x, 2));
      handles[k].setAttribute("aria-valuetext", where);
    });
    for (const { show, index } of sliders) show(theta[index()]);
    kernel.value = now.kernel;
    padding.value = now.padding;
    align.checked = now.align;
    share.value = `explorer.theta = [${theta.map((value) => round(value, 4)).join(", ")}]`;
    numbers.replaceChildren(lattice ? make("p", { textContent: handlesOf(family, theta)[chosen].label }) : matrixTable(family, theta));
    inspector.inspect();
  }

  paint(input.canvas, image.data, channels);
  root.append(make("div", { className: "panes" }, [input.figure, output.figure]), controls, inspector.words);
  refresh();

  // one scalar for each parameter, so that any slider can be joined to it without Python
  const follow = guarded(refresh);
  const byTheta = guarded(() => {
    const theta = model.get("theta");
    family.names.forEach((name, i) => {
      if (model.get(name) !== theta[i]) model.set(name, theta[i]);
    });
    refresh();
  });
  const byName = family.names.map((name, i) => guarded(() => {
    const theta = [...model.get("theta")];
    if (theta[i] === model.get(name)) return;
    theta[i] = model.get(name);
    setTheta(theta);
  }));
  const listens = [["change:theta", byTheta], ...family.names.map((name, i) => [`change:${name}`, byName[i]])];
  for (const name of ["kernel", "padding", "align_corners", "output", "problem"]) listens.push([`change:${name}`, follow]);
  return listen(model, listens);
}
