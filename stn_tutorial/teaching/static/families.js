// What each kind of family does with theta: where points look, and how theta follows a dragged corner. One entry a kind, in KINDS.
//
// A family comes from Python as a plain object, its `description()`: {kind, handles, names, ranges, identity} and its own options.
// The entry of a family of matrices has
//   matrix(family, theta)       the 3x3 matrix, row by row: normalised output coordinates to input coordinates
//   drag(family, theta, hand)   theta after a corner was dragged, or null where there is none; hand is {k, at, to, arm}: the
//                               corner's number, its place in the output, where it shall look, and that as seen from the centre,
//                               which stays. (Dragging the centre changes t_x and t_y, whatever the kind.)
//   rows, problem(theta)        3 if the last row is worth showing; a sentence while corners cannot be dragged
// Others say where points look, looks(family, theta), and perhaps how a whole grid moves at once, grid(...).

import { flowMap, splineGrid, splineMap } from "./lattices.js";
import { CORNERS, toNormalized } from "./warp.js";

const HORIZON = 1e-6; // depths up to here count as behind the camera
export const BEHIND = 1e6; // where a point behind the camera looks
const NEAR = 0.02; // the smallest depth that a corner is dragged to

const KINDS = {
  Translation: {
    matrix: (family, [x, y]) => [1, 0, x, 0, 1, y, 0, 0, 1],
    drag: (family, theta, { at, to }) => [to[0] - at[0], to[1] - at[1]],
  },
  Attention: {
    matrix: (family, [first, x, y]) => {
      const s = family.log_scale ? Math.exp(first) : first;
      return [s, 0, x, 0, s, y, 0, 0, 1];
    },
    drag: (family, [, x, y], { at, arm }) => {
      const s = Math.max(0.01, (arm[0] * at[0] + arm[1] * at[1]) / 2);
      return [family.log_scale ? Math.log(s) : s, x, y];
    },
  },
  Rotation: {
    matrix: (family, [angle]) => turned(family.aspect, angle, 1, 0, 0),
    drag: (family, [angle], hand) => [angleTo(family.aspect, angle, hand)],
  },
  Similarity: {
    matrix: (family, [angle, logScale, x, y]) => turned(family.aspect, angle, Math.exp(logScale), x, y),
    drag: ({ aspect }, [angle, , x, y], hand) => {
      const scale = Math.hypot(hand.arm[0] * aspect, hand.arm[1]) / Math.hypot(hand.at[0] * aspect, hand.at[1]);
      return [angleTo(aspect, angle, hand), Math.log(Math.max(0.01, scale)), x, y];
    },
  },
  Affine: {
    matrix: (family, theta) => [...theta, 0, 0, 1],
    drag: affineThrough,
  },
  Projective: {
    matrix: (family, theta) => [...theta, 1],
    drag: projectiveThrough,
    rows: 3,
    problem: (theta) =>
      CORNERS.some(([x, y]) => depthOf(theta, x, y) <= NEAR)
        ? "A corner lies behind the camera, or nearly: bring g and h nearer to 0, or reset, to drag again."
        : "",
  },
  ThinPlateSpline: { looks: splineMap, grid: splineGrid },
  Diffeomorphic: { looks: flowMap },
};

/** The entry of a family's kind; an Error for one that is not known here. */
export function kindOf({ kind }) {
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind];
  const known = Object.keys(KINDS).join(", ");
  throw new Error(`the family ${kind} is not known to the browser (static/families.js), which knows ${known}`);
}

/** The 3x3 matrix of a matrix family, row by row; null for a family without. */
export function matrixOf(family, theta) {
  const { matrix } = kindOf(family);
  return matrix ? matrix(family, theta) : null;
}

/** A function (x, y, out) that writes where a point of the output looks, for one theta. */
export function pointMap(family, theta) {
  const { looks } = kindOf(family);
  if (looks) return looks(family, theta);
  const [a, b, c, d, e, f, g, h, i] = matrixOf(family, theta);
  return (x, y, out) => {
    const depth = g * x + h * y + i;
    out[0] = depth <= HORIZON ? BEHIND : (a * x + b * y + c) / depth;
    out[1] = depth <= HORIZON ? BEHIND : (d * x + e * y + f) / depth;
  };
}

/** The sampling grid: where each output pixel looks, normalised x and y in turn, Float64Array(2 * H * W). */
export function makeGrid(family, theta, height, width, align) {
  const grid = new Float64Array(2 * height * width);
  const atOnce = kindOf(family).grid;
  const looks = atOnce ? null : pointMap(family, theta);
  const point = [0, 0];
  for (let p = 0; p < height * width; p++) {
    point[0] = toNormalized(p % width, width, align);
    point[1] = toNormalized(Math.floor(p / width), height, align);
    if (looks) looks(point[0], point[1], point);
    grid[2 * p] = point[0];
    grid[2 * p + 1] = point[1];
  }
  if (atOnce) atOnce(family, theta, grid, height, width, align);
  return grid;
}

/** A turn with scale and shift where pixels are as they are: x in units of the half width, times the aspect. */
function turned(aspect, angle, scale, x, y) {
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  return [cos, -sin / aspect, x, sin * aspect, cos, y, 0, 0, 1];
}

/** The angle that turns a corner to where it shall look, the shorter way round from `angle`. */
function angleTo(aspect, angle, { at, arm }) {
  const turn = Math.atan2(arm[1], arm[0] * aspect) - Math.atan2(at[1], at[0] * aspect);
  return angle + Math.atan2(Math.sin(turn - angle), Math.cos(turn - angle));
}

/** The affine theta that moves corner k; centre and neighbouring corner on the next side stay, and so does the one opposite to it. */
function affineThrough(family, theta, { k, at, arm }) {
  const [p, q] = CORNERS[(k + 1) % 4];
  const stays = [theta[0] * p + theta[1] * q, theta[3] * p + theta[4] * q];
  const first = solve([at, [p, q]], [arm[0], stays[0]]);
  const second = solve([at, [p, q]], [arm[1], stays[1]]);
  return [first[0], first[1], theta[2], second[0], second[1], theta[5]];
}

/** Depth of a point of the output under a projective theta: what its coordinates are divided by. */
const depthOf = (theta, x, y) => theta[6] * x + theta[7] * y + 1;

/** The projective theta that moves corner k and keeps the other three; null if a horizon would cross the frame. */
function projectiveThrough(family, theta, { k, to }) {
  const looks = pointMap(family, theta);
  const equations = [];
  const right = [];
  CORNERS.forEach(([p, q], i) => {
    const target = [...to];
    if (i !== k) looks(p, q, target);
    equations.push([p, q, 1, 0, 0, 0, -p * target[0], -q * target[0]], [0, 0, 0, p, q, 1, -p * target[1], -q * target[1]]);
    right.push(target[0], target[1]);
  });
  const found = solve(equations, right);
  return found && CORNERS.every(([p, q]) => depthOf(found, p, q) > NEAR) ? found : null;
}

/** Solve a square system of linear equations by elimination; null if it is singular. */
function solve(matrix, right) {
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
