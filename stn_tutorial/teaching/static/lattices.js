// The two families that bend along a lattice of points: thin plate spline and flow. Equal to stn_tutorial/geometry; runs in node too.

import { toNormalized, toPixel } from "./warp.js";

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

/** Where points look under a spline: a function (x, y, out) for one theta. */
export function splineMap(family, theta) {
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

/** Move every point of a grid as a spline does: the table of shares serves all thetas. */
export function splineGrid(family, theta, grid, height, width, align) {
  tableOf(family, height, width, align).forEach((column, i) => {
    const [dx, dy] = [theta[2 * i], theta[2 * i + 1]];
    if (dx === 0 && dy === 0) return;
    for (let p = 0; p < column.length; p++) {
      grid[2 * p] += column[p] * dx;
      grid[2 * p + 1] += column[p] * dy;
    }
  });
}

/** Where points look along a flow: a function (x, y, out) for one theta. A step is the implicit midpoint rule. */
export function flowMap(family, theta) {
  const steps = 2 ** family.squarings;
  const velocity = [0, 0];
  return (x, y, out) => {
    velocityAt(family, theta, x, y, velocity);
    let [driftX, driftY] = [velocity[0] / steps, velocity[1] / steps];
    let [beforeX, beforeY] = [driftX, driftY];
    for (let step = 0; step < steps; step++) {
      [driftX, beforeX] = [2 * driftX - beforeX, driftX]; // a guess: as the last two steps would go on
      [driftY, beforeY] = [2 * driftY - beforeY, driftY];
      for (let round = 0; round < family.iterations; round++) {
        velocityAt(family, theta, x + driftX / 2, y + driftY / 2, velocity);
        [driftX, driftY] = [velocity[0] / steps, velocity[1] / steps];
      }
      x += driftX;
      y += driftY;
    }
    out[0] = x;
    out[1] = y;
  };
}
