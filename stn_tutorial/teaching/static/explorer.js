// Theta by hand: the grid generator and the sampler once more, in the browser, and the panes in which one drags them.
//
// The first half is mathematics and equal to stn_tutorial/geometry (a test compares them); it touches no
// document and runs in node too. The second half draws. A family comes from Python as a plain object:
//   {kind, names, ranges, identity, aspect, log_scale, lattice, controls, solution, squarings, iterations}
// A pose is what a hand does to a picture: [degrees counter-clockwise, times as large, right, down], the last two in shares
// of half the width and half the height.

// ---------------------------------------------------------------------------------------------------- mathematics

const HORIZON = 1e-6; // depths up to here count as behind the camera
const BEHIND = 1e6; // where a point behind the camera looks
const NEAR = 0.02; // the smallest depth that a corner is dragged to

/** Pixel coordinate of a normalised one, along an axis of `length` pixels. */
export const toPixel = (x, length, align) => (align ? ((x + 1) / 2) * (length - 1) : ((x + 1) * length - 1) / 2);

/** Normalised coordinate of a pixel coordinate; 0 for the only pixel of an aligned axis. */
export function toNormalized(pixel, length, align) {
  if (!align) return (2 * pixel + 1) / length - 1;
  return length > 1 ? (2 * pixel) / (length - 1) - 1 : 0;
}

export const isLattice = (family) => family.kind === "ThinPlateSpline" || family.kind === "Diffeomorphic";

/** The 3x3 matrix of a matrix family, row by row: normalised output coordinates to input coordinates. */
export function matrixOf(family, theta) {
  if (family.kind === "Projective") return [...theta, 1];
  if (family.kind === "Affine") return [...theta, 0, 0, 1];
  if (family.kind === "Translation") return [1, 0, theta[0], 0, 1, theta[1], 0, 0, 1];
  if (family.kind === "Attention") {
    const s = family.log_scale ? Math.exp(theta[0]) : theta[0];
    return [s, 0, theta[1], 0, s, theta[2], 0, 0, 1];
  }
  const turned = family.kind === "Similarity" ? theta : [theta[0], 0, 0, 0]; // a Rotation is one without scale and shift
  const cos = Math.cos(turned[0]) * Math.exp(turned[1]);
  const sin = Math.sin(turned[0]) * Math.exp(turned[1]);
  return [cos, -sin / family.aspect, turned[2], sin * family.aspect, cos, turned[3], 0, 0, 1];
}

/** r^2 log r, the spline's radial function of a squared distance. */
const radial = (squared) => (squared > 0 ? (squared * Math.log(squared)) / 2 : 0);

/** How far a point of the output follows each control point of a spline: one share for each, written into `row`. */
function shares(family, x, y, row) {
  const { controls, solution } = family;
  const k = controls.length;
  row.fill(0);
  for (let i = 0; i < k + 3; i++) {
    const term = i < k ? radial((x - controls[i][0]) ** 2 + (y - controls[i][1]) ** 2) : [1, x, y][i - k];
    for (let j = 0; j < k; j++) row[j] += term * solution[i][j];
  }
}

/** Velocity of a flow at a point, bilinear between the lattice's points and zero one spacing outside: written into `out`. */
function velocityAt(family, theta, x, y, out) {
  const [rows, columns] = family.lattice;
  const px = toPixel(x, columns, true);
  const py = toPixel(y, rows, true);
  const left = Math.floor(px);
  const top = Math.floor(py);
  out[0] = out[1] = 0;
  for (let r = top; r <= top + 1; r++) {
    for (let c = left; c <= left + 1; c++) {
      if (r < 0 || r >= rows || c < 0 || c >= columns) continue;
      const weight = (1 - Math.abs(px - c)) * (1 - Math.abs(py - r));
      out[0] += weight * theta[2 * (r * columns + c)];
      out[1] += weight * theta[2 * (r * columns + c) + 1];
    }
  }
}

/** A function (x, y, out) that writes where a point of the output looks, for one theta. */
export function pointMap(family, theta) {
  if (family.kind === "ThinPlateSpline") {
    const row = new Float64Array(family.controls.length);
    return (x, y, out) => {
      shares(family, x, y, row);
      out[0] = x;
      out[1] = y;
      row.forEach((share, i) => {
        out[0] += share * theta[2 * i];
        out[1] += share * theta[2 * i + 1];
      });
    };
  }
  if (family.kind === "Diffeomorphic") {
    const steps = 2 ** family.squarings;
    const drift = [0, 0];
    return (x, y, out) => {
      for (let step = 0; step < steps; step++) {
        let [nextX, nextY] = [x, y];
        for (let round = 0; round < family.iterations; round++) {
          velocityAt(family, theta, (x + nextX) / 2, (y + nextY) / 2, drift); // the implicit midpoint rule
          nextX = x + drift[0] / steps;
          nextY = y + drift[1] / steps;
        }
        [x, y] = [nextX, nextY];
      }
      out[0] = x;
      out[1] = y;
    };
  }
  const [a, b, c, d, e, f, g, h, i] = matrixOf(family, theta);
  return (x, y, out) => {
    const depth = g * x + h * y + i;
    out[0] = depth <= HORIZON ? BEHIND : (a * x + b * y + c) / depth;
    out[1] = depth <= HORIZON ? BEHIND : (d * x + e * y + f) / depth;
  };
}

const tables = new WeakMap(); // the shares of all pixels, by family: they do not depend on theta

/** Shares of all output pixels of a spline, (K, H * W), made once for a size. */
function tableOf(family, height, width, align) {
  const key = `${height} ${width} ${align}`;
  const known = tables.get(family) ?? tables.set(family, new Map()).get(family);
  if (!known.has(key)) {
    const row = new Float64Array(family.controls.length);
    const columns = family.controls.map(() => new Float64Array(height * width));
    for (let p = 0; p < height * width; p++) {
      const x = toNormalized(p % width, width, align);
      shares(family, x, toNormalized(Math.floor(p / width), height, align), row);
      columns.forEach((column, i) => (column[p] = row[i]));
    }
    known.set(key, columns);
  }
  return known.get(key);
}

/** The sampling grid: where each output pixel looks, normalised x and y in turn, Float64Array(2 * H * W). */
export function makeGrid(family, theta, height, width, align) {
  const grid = new Float64Array(2 * height * width);
  const looks = family.kind === "ThinPlateSpline" ? null : pointMap(family, theta);
  const point = [0, 0];
  for (let p = 0; p < height * width; p++) {
    point[0] = toNormalized(p % width, width, align);
    point[1] = toNormalized(Math.floor(p / width), height, align);
    if (looks) looks(point[0], point[1], point);
    grid[2 * p] = point[0];
    grid[2 * p + 1] = point[1];
  }
  if (looks) return grid;
  tableOf(family, height, width, align).forEach((column, i) => {
    const [dx, dy] = [theta[2 * i], theta[2 * i + 1]];
    if (dx === 0 && dy === 0) return;
    for (let p = 0; p < column.length; p++) {
      grid[2 * p] += column[p] * dx;
      grid[2 * p + 1] += column[p] * dy;
    }
  });
  return grid;
}

/** Halves go to the even number, as in torch. */
function roundEven(x) {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** A pixel coordinate brought back into the image, unless outside is to be background. */
function padded(x, length, padding, align) {
  if (padding === "zeros") return x;
  if (padding === "reflection") {
    const low = align ? 0 : -0.5;
    const span = align ? length - 1 : length;
    if (span === 0) return 0;
    const distance = Math.abs(x - low);
    const lap = Math.floor(distance / span);
    const rest = distance - lap * span;
    x = (lap % 2 === 0 ? rest : span - rest) + low;
  }
  return Math.min(Math.max(x, 0), length - 1);
}

/** The cubic convolution kernel of torch (a = -0.75) at a distance of 0 to 2 pixels. */
function cubicWeight(distance) {
  const a = -0.75;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance ** 2 + 1;
  return ((distance - 5) * distance + 8) * distance * a - 4 * a;
}

/** The pixels along one axis that a point is made of, as [pixel, weight]; a pixel outside the image counts as background. */
export function neighbours(x, length, kernel, padding, align) {
  if (kernel !== "bicubic") x = padded(x, length, padding, align);
  if (kernel === "nearest") return [[roundEven(x), 1]];
  const left = Math.floor(x);
  const t = x - left;
  if (kernel === "bilinear") return [[left, 1 - t], [left + 1, t]];
  return [-1, 0, 1, 2].map((k) => [padded(left + k, length, padding, align), cubicWeight(Math.abs(t - k))]);
}

/** Sample an image {data, height, width, channels}, pixel by pixel and channel by channel, at a grid: Float64Array. */
export function sample(image, grid, { kernel, padding, align }) {
  const { data, height, width, channels } = image;
  const out = new Float64Array((grid.length / 2) * channels);
  for (let p = 0; p < grid.length / 2; p++) {
    let x = toPixel(grid[2 * p], width, align);
    let y = toPixel(grid[2 * p + 1], height, align);
    if (Number.isNaN(x + y)) {
      out.fill(NaN, p * channels, (p + 1) * channels);
      continue;
    }
    if (kernel === "bilinear") { // the common case, without lists: many times as fast
      x = padded(x, width, padding, align);
      y = padded(y, height, padding, align);
      const left = Math.floor(x);
      const top = Math.floor(y);
      const tx = x - left;
      const ty = y - top;
      const inLeft = left >= 0 && left < width;
      const inRight = left >= -1 && left < width - 1;
      const inTop = top >= 0 && top < height;
      const inBottom = top >= -1 && top < height - 1;
      const at = (top * width + left) * channels;
      const below = at + width * channels;
      for (let c = 0; c < channels; c++) {
        let value = 0;
        if (inTop && inLeft) value += (1 - tx) * (1 - ty) * data[at + c];
        if (inTop && inRight) value += tx * (1 - ty) * data[at + channels + c];
        if (inBottom && inLeft) value += (1 - tx) * ty * data[below + c];
        if (inBottom && inRight) value += tx * ty * data[below + channels + c];
        out[p * channels + c] = value;
      }
      continue;
    }
    const across = neighbours(x, width, kernel, padding, align);
    for (const [py, weightY] of neighbours(y, height, kernel, padding, align)) {
      for (const [px, weightX] of across) {
        if (px < 0 || px >= width || py < 0 || py >= height) continue;
        const at = (py * width + px) * channels;
        for (let c = 0; c < channels; c++) out[p * channels + c] += weightY * weightX * data[at + c];
      }
    }
  }
  return out;
}

/** Solve a square system of linear equations by elimination; null if it is singular. */
export function solve(matrix, right) {
  const rows = matrix.map((row, i) => [...row, right[i]]);
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows.slice(i).reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + k : best), i);
    if (Math.abs(rows[pivot][i]) < 1e-9) return null;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (const row of rows.slice(i + 1)) {
      const factor = row[i] / rows[i][i];
      for (let k = i; k < row.length; k++) row[k] -= factor * rows[i][k];
    }
  }
  const found = Array(rows.length).fill(0);
  for (let i = rows.length - 1; i >= 0; i--) {
    found[i] = rows[i].at(-1);
    for (let k = i + 1; k < rows.length; k++) found[i] -= rows[i][k] * found[k];
    found[i] /= rows[i][i];
  }
  return found;
}

// ---------------------------------------------------------------------------------------------------- handles

const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]]; // in turn around the frame
const POSE = [[-180, 180], [0.3, 3], [-1, 1], [-1, 1]]; // the sliders' ranges
const CORNER_NAMES = ["top left corner", "top right corner", "bottom right corner", "bottom left corner"];

/** What can be dragged: [{label, at, x, y, behind}]: the place in the output, where it looks, and whether that is behind the camera. */
export function handlesOf(family, theta) {
  if (isLattice(family)) {
    return family.controls.map(([x, y], i) => {
      const [row, column] = [Math.floor(i / family.lattice[1]) + 1, (i % family.lattice[1]) + 1];
      return { label: `point in row ${row}, column ${column}`, at: [x, y], x: x + theta[2 * i], y: y + theta[2 * i + 1] };
    });
  }
  const looks = pointMap(family, theta);
  const places = CORNERS.map((at, i) => ({ label: CORNER_NAMES[i], at }));
  if (!["Projective", "Rotation"].includes(family.kind)) places.push({ label: "centre", at: [0, 0] });
  return places.map((place) => {
    const out = [0, 0];
    looks(...place.at, out);
    return { ...place, x: out[0], y: out[1], behind: out[0] === BEHIND && out[1] === BEHIND };
  });
}

/** Theta after handle k was dragged to (x, y), or null where the family has no such theta. */
export function dragged(family, theta, k, x, y) {
  const next = [...theta];
  if (isLattice(family)) {
    next[2 * k] = x - family.controls[k][0];
    next[2 * k + 1] = y - family.controls[k][1];
    return next;
  }
  if (family.kind === "Projective") return projectiveThrough(theta, k, x, y);
  const at = k < 4 ? CORNERS[k] : [0, 0];
  const matrix = matrixOf(family, theta);
  if (k === 4 || family.kind === "Translation") {
    const start = { Translation: [0, 1], Attention: [1, 2], Similarity: [2, 3], Affine: [2, 5] }[family.kind];
    next[start[0]] = x - at[0];
    next[start[1]] = y - at[1];
    return next;
  }
  const [u, v] = [x - matrix[2], y - matrix[5]]; // from the centre, which stays
  if (family.kind === "Affine") { // the neighbouring corner on the next side stays too, and so does the one opposite to it
    const [p, q] = CORNERS[(k + 1) % 4];
    const stays = [matrix[0] * p + matrix[1] * q, matrix[3] * p + matrix[4] * q];
    const first = solve([at, [p, q]], [u, stays[0]]);
    const second = solve([at, [p, q]], [v, stays[1]]);
    return [first[0], first[1], theta[2], second[0], second[1], theta[5]];
  }
  if (family.kind === "Attention") {
    const s = Math.max(0.01, (u * at[0] + v * at[1]) / 2);
    next[0] = family.log_scale ? Math.log(s) : s;
    return next;
  }
  const aspect = family.aspect; // a turn is a turn where pixels are square: x in units of the half width, times the aspect
  const turn = Math.atan2(v, u * aspect) - Math.atan2(at[1], at[0] * aspect);
  next[0] = theta[0] + Math.atan2(Math.sin(turn - theta[0]), Math.cos(turn - theta[0])); // the shorter way round
  if (family.kind === "Similarity") {
    next[1] = Math.log(Math.max(0.01, Math.hypot(u * aspect, v) / Math.hypot(at[0] * aspect, at[1])));
  }
  return next;
}

/** Depth of a point of the output under a projective theta: what its coordinates are divided by. */
const depthOf = (theta, x, y) => theta[6] * x + theta[7] * y + 1;

/** The projective theta that moves corner k and keeps the other three; null if a horizon would cross the frame. */
function projectiveThrough(theta, k, x, y) {
  const looks = pointMap({ kind: "Projective" }, theta);
  const equations = [];
  const right = [];
  CORNERS.forEach(([p, q], i) => {
    const target = [x, y];
    if (i !== k) looks(p, q, target);
    equations.push([p, q, 1, 0, 0, 0, -p * target[0], -q * target[0]], [0, 0, 0, p, q, 1, -p * target[1], -q * target[1]]);
    right.push(target[0], target[1]);
  });
  const found = solve(equations, right);
  return found && CORNERS.every(([p, q]) => depthOf(found, p, q) > NEAR) ? found : null;
}

/** The similarity's theta that moves a picture into a pose. */
export function thetaOfPose([degrees, scale, right, down], aspect) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
  return [angle, -Math.log(scale), -cos * right + (sin / aspect) * down, -sin * aspect * right - cos * down];
}

/** Where the corners of a picture in a pose lie, in turn around it. */
export function cornersOfPose([degrees, scale, right, down], aspect) {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  return CORNERS.map(([x, y]) => [cos * x + (sin / aspect) * y + right, -sin * aspect * x + cos * y + down]);
}

/** The pose in which corner k of the picture lies at (x, y) and its centre where it was. */
export function poseWithCorner([, , right, down], k, x, y, aspect) {
  const [fromX, fromY] = [CORNERS[k][0] * aspect, CORNERS[k][1]];
  const [toX, toY] = [(x - right) * aspect, y - down];
  const degrees = ((Math.atan2(fromY, fromX) - Math.atan2(toY, toX)) * 180) / Math.PI;
  const scale = Math.hypot(toX, toY) / Math.hypot(fromX, fromY);
  return [degrees - 360 * Math.round(degrees / 360), Math.min(Math.max(scale, POSE[1][0]), POSE[1][1]), right, down];
}

// ---------------------------------------------------------------------------------------------------- drawing

const MARGIN = 0.2; // room around the input, in shares of its longer side, for handles that look outside
const SIDE = 240; // longer side of an image on the page, in CSS pixels
const LINES = 9; // of the drawn lattice, each way
const SVG = "http://www.w3.org/2000/svg";

const CSS = `
.stn { --line: color-mix(in srgb, currentColor 30%, transparent); color: var(--jp-ui-font-color1, var(--vscode-foreground, inherit));
  font: 13px/1.4 system-ui, sans-serif; display: flex; flex-wrap: wrap; gap: 8px 20px; align-items: flex-start; padding: 4px; }
.stn figure { margin: 0; } .stn figcaption { text-align: center; }
.stn .panes { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.stn .pane { position: relative; } .stn canvas { position: absolute; image-rendering: pixelated; outline: 1px solid var(--line); }
.stn svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: hidden; }
.stn .handle, .stn .held { touch-action: none; }
.stn .lattice { fill: none; stroke: #f76707; stroke-width: 1.2; vector-effect: non-scaling-stroke; opacity: .85; }
.stn .frame { fill: none; stroke: #f76707; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.stn .handle { fill: #fff; stroke: #d9480f; stroke-width: 2; vector-effect: non-scaling-stroke; cursor: grab; }
.stn .handle.first { fill: #f76707; } .stn .handle:active { cursor: grabbing; }
.stn .handle:focus-visible, .stn .eye:focus-visible { outline: none; stroke: #1c7ed6; stroke-width: 5; vector-effect: non-scaling-stroke; }
.stn .looked { fill: none; stroke: #15aabf; stroke-width: 2; vector-effect: non-scaling-stroke; }
.stn .controls { flex: 1 1 280px; max-width: 400px; }
.stn .row { display: grid; grid-template-columns: 5.5em 1fr 5.5em; gap: 8px; align-items: center; }
.stn input[type=number], .stn select, .stn button, .stn .share { font: inherit; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 4px; padding: 1px 5px; min-width: 0; }
.stn option { color: #000; background: #fff; } .stn input[type=number] { width: 100%; box-sizing: border-box; }
.stn input[type=range] { width: 100%; min-width: 0; accent-color: #f76707; }
.stn .wrap { display: flex; flex-wrap: wrap; gap: 6px 12px; margin-top: 6px; align-items: center; }
.stn .matrix { border-left: 2px solid; border-right: 2px solid; border-radius: 5px; padding: 0 6px; margin: 6px 0; border-spacing: 8px 0;
  font-variant-numeric: tabular-nums; text-align: right; background: none; display: inline-table; }
.stn .share { flex: 1 1 100%; font-family: monospace; }
.stn .inspector { flex: 1 1 100%; min-height: 2.8em; font-variant-numeric: tabular-nums; }
.stn [hidden] { display: none; }
.stn .held { fill: transparent; stroke: #1c7ed6; stroke-width: 1.5; stroke-dasharray: 5 4; vector-effect: non-scaling-stroke; cursor: move; }
.stn .handle.pose { stroke: #1c7ed6; } .stn .held:focus-visible { outline: none; stroke-width: 4; }
.stn .late { opacity: .3; }
.stn .classes { display: grid; grid-template-columns: auto 1fr 3.5em; gap: 1px 8px; align-items: center; margin: 2px 0 10px;
  max-height: 260px; overflow-y: auto; }
.stn .classes .bar { height: 11px; background: #868e96; min-width: 1px; } .stn .classes .best { background: #f76707; }
.stn .classes .percent { text-align: right; font-variant-numeric: tabular-nums; } .stn .verdict { font-weight: 600; }
.stn .problem { flex: 1 1 100%; color: #e03131; font-weight: 600; } .stn .problem:empty { display: none; }
`;

/** An element with properties (or attributes, for those with a dash) and children. */
function make(tag, properties = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** An SVG element with attributes. */
function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Bytes as anywidget hands them over: a DataView from a kernel, base64 text in a page of its own. */
function bytesOf(value) {
  if (typeof value === "string") return Uint8Array.from(atob(value), (letter) => letter.charCodeAt(0));
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Grey or colour values, 0 to 255, onto a canvas; what is no number is red. */
function paint(canvas, data, channels) {
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

/** Write a text only where it changed: a live region that is rewritten is read out again. */
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const round = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;

/** One pane: a canvas of the image, and over it an SVG drawing in pixel coordinates, `margin` shares wider on each side. */
function makePane(width, height, margin, caption) {
  const scale = SIDE / Math.max(width, height);
  const room = margin * Math.max(width, height);
  const canvas = make("canvas", { width, height });
  canvas.style.cssText = `left:${room * scale}px;top:${room * scale}px;width:${width * scale}px;height:${height * scale}px`;
  const svg = draw("svg", { viewBox: `${-0.5 - room} ${-0.5 - room} ${width + 2 * room} ${height + 2 * room}` });
  const pane = make("div", { className: "pane" }, [canvas, svg]);
  pane.style.cssText = `width:${(width + 2 * room) * scale}px;height:${(height + 2 * room) * scale}px`;
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
  return { figure, canvas, svg, scale, pixelAt, place };
}

/** Draw an explorer for a model {get, set, save_changes, on, off} into an element; returns what takes it away again. */
function render({ model, el }) {
  const root = make("div", { className: "stn" });
  // keys are ours and not JupyterLab's, except with Ctrl or Command: Ctrl+S shall save. A window hears before the document does
  const claimKeys = (event) => root.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  window.addEventListener("keydown", claimKeys, true);
  const problem = make("div", { className: "problem", role: "alert" });
  el.append(make("style", { textContent: CSS }), root);
  const guarded = (action) => (...values) => {
    try {
      return action(...values);
    } catch (error) {
      problem.textContent = `JavaScript: ${error.name}: ${error.message}`;
      console.error(error);
    }
  };
  let takeAway = () => {};
  const build = model.get("pose") ? buildModelExplorer : buildExplorer;
  guarded(() => (takeAway = build({ model, root, problem, guarded })))();
  root.append(problem);
  return () => {
    window.removeEventListener("keydown", claimKeys, true);
    takeAway();
  };
}

/** Let an element be dragged, and moved by the arrow keys: `begin` hears that a move begins, `move` where it leads. */
function draggable(element, pane, guarded, { begin, move, where }) {
  let offset = [0, 0]; // from the pointer to what is held: it does not jump when it is taken
  element.setAttribute("tabindex", 0);
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
function makeSlider(label, [low, high], guarded, { begin, move, end }) {
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
    if (number.getRootNode().activeElement !== number) number.value = round(value, 3);
  };
  return { row: make("label", { className: "row" }, [label, range, number]), show };
}

/** A button that does something. */
function makeButton(text, title, guarded, action) {
  const button = make("button", { textContent: text, title, type: "button" });
  button.addEventListener("click", guarded(action));
  return button;
}

/** The sampling lattice over an input of width x height pixels as an SVG path: n lines each way, bent as the grid is. */
function latticePath(family, n, theta, width, height, align) {
  const looks = pointMap(family, theta);
  const straight = !isLattice(family) && family.kind !== "Projective";
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

/** The matrix of the paper's equations, as a table. */
function matrixTable(family, theta) {
  const matrix = matrixOf(family, theta);
  const rows = family.kind === "Projective" ? 3 : 2;
  const table = make("table", { className: "matrix", "aria-label": "matrix of theta" });
  for (let row = 0; row < rows; row++) {
    const cells = matrix.slice(3 * row, 3 * row + 3).map((value) => make("td", { textContent: value.toFixed(2) }));
    table.append(make("tr", {}, cells));
  }
  return table;
}

/** Hear a model's changes, [event, action]; returns what stops it. */
function listen(model, listens) {
  for (const [event, action] of listens) model.on(event, action);
  return () => {
    for (const [event, action] of listens) model.off(event, action);
  };
}

/** Theta by hand: the input with the lattice and its handles, the output, the inspector and the controls. */
function buildExplorer({ model, root, problem, guarded }) {
  const family = model.get("family");
  const [height, width, channels] = model.get("shape");
  const image = { data: bytesOf(model.get("image")), height, width, channels };
  const remote = model.get("remote");
  const input = makePane(width, height, MARGIN, "input, and where the output looks");
  const output = makePane(width, height, 0, "output");
  const undo = [];
  let chosen = 0; // the lattice point whose sliders are shown
  let eye = null; // the inspected output pixel, [column, row]
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
  const radius = (isLattice(family) ? 5.5 : 7) / input.scale;
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

  // the inspector
  const spot = draw("rect", { class: "looked", width: 1, height: 1, visibility: "hidden" });
  const surface = draw("rect", { class: "eye", x: -0.5, y: -0.5, width, height, fill: "transparent", tabindex: 0, role: "img" });
  surface.setAttribute("aria-label", "output: arrow keys choose a pixel to inspect");
  output.svg.append(surface, spot);
  const inspector = make("div", { className: "inspector", "aria-live": "polite" });
  surface.addEventListener("pointermove", guarded((event) => {
    eye = output.pixelAt(event).map((value, i) => Math.min(Math.max(Math.round(value), 0), [width, height][i] - 1));
    inspect();
  }));
  surface.addEventListener("keydown", guarded((event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    eye = eye ?? [Math.floor(width / 2), Math.floor(height / 2)];
    eye = eye.map((value, i) => Math.min(Math.max(value + way[i], 0), [width, height][i] - 1));
    inspect();
  }));

  /** Name the input pixels that the inspected output pixel is made of, and frame them. */
  function inspect() {
    looked.replaceChildren();
    if (!eye) {
      say(inspector, "Point at the output to see which input pixels a pixel is made of.");
      return;
    }
    const { kernel, padding, align } = options();
    const p = eye[1] * width + eye[0];
    const [x, y] = [toPixel(grid[2 * p], width, align), toPixel(grid[2 * p + 1], height, align)];
    spot.setAttribute("x", eye[0] - 0.5);
    spot.setAttribute("y", eye[1] - 0.5);
    spot.setAttribute("visibility", "visible");
    if (remote) {
      const { data } = output.canvas.getContext("2d").getImageData(eye[0], eye[1], 1, 1);
      const value = Array.from(data.slice(0, channels)).join("/");
      say(inspector, `Output pixel (${eye}), column and row, looks at (${x.toFixed(2)}, ${y.toFixed(2)}); your sampler made it ${value}`);
      return;
    }
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
    const parts = found.slice(0, 4).map(([weight, what]) => `${weight.toFixed(2)} × ${what}`);
    if (found.length > 4) parts.push(`${found.length - 4} smaller shares`);
    const place = `(${x.toFixed(2)}, ${y.toFixed(2)})`;
    const seen = Math.abs(x) < BEHIND / 2 && Math.abs(y) < BEHIND / 2;
    const made = seen ? ` = ${parts.join(" + ")}` : ": behind the camera, background";
    say(inspector, `Output pixel (${eye}), column and row, looks at ${place}${made}`);
  }

  // sliders with number fields, two for the chosen point of a lattice or one for each parameter
  const controls = make("div", { className: "controls" });
  const sliders = (isLattice(family) ? family.names.slice(0, 2) : family.names).map((name, i) => {
    const label = isLattice(family) ? name.split("_")[0] : name;
    const index = () => (isLattice(family) ? 2 * chosen + i : i);
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
    const stuck = family.kind === "Projective" && CORNERS.some(([x, y]) => depthOf(theta, x, y) <= NEAR);
    const way = "A corner lies behind the camera, or nearly: bring g and h nearer to 0, or reset, to drag again.";
    say(problem, model.get("problem") || (stuck ? way : ""));
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
    numbers.replaceChildren(isLattice(family) ? make("p", { textContent: handlesOf(family, theta)[chosen].label }) : matrixTable(family, theta));
    inspect();
  }

  paint(input.canvas, image.data, channels);
  root.append(make("div", { className: "panes" }, [input.figure, output.figure]), controls, inspector);
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

/** A trained net by hand: its input, to be turned, scaled and shifted, what it then sees, and what it takes it for. */
function buildModelExplorer({ model, root, problem, guarded }) {
  const family = model.get("family");
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
    numbers.replaceChildren(isLattice(family) ? "" : matrixTable(family, theta));
  }

  root.append(make("div", { className: "panes" }, [input.figure, output.figure]), controls, hint);
  refresh();
  const listens = ["pose", "index", "image", "answered", "problem"].map((name) => [`change:${name}`, guarded(refresh)]);
  return listen(model, listens);
}

export default { render };
