// What can be dragged, and what theta or a pose becomes by it. Touches no document; runs in node too.
//
// A pose is what a hand does to a picture: [degrees counter-clockwise, times as large, right, down], the last two in shares
// of half the width and half the height.

import { BEHIND, kindOf, matrixOf, pointMap } from "./families.js";
import { CORNERS } from "./warp.js";

export const POSE = [[-180, 180], [0.3, 3], [-1, 1], [-1, 1]]; // the sliders' ranges
export const CORNER_NAMES = ["top left corner", "top right corner", "bottom right corner", "bottom left corner"];

const CORNER_HANDLES = CORNERS.map((at, i) => ({ label: CORNER_NAMES[i], at }));
const HANDLES = { corners: CORNER_HANDLES, "corners and centre": [...CORNER_HANDLES, { label: "centre", at: [0, 0] }], lattice: [] };

/** Whether a family has two numbers for each point of a lattice; an Error for handles that are not known here. */
export function isLattice({ handles }) {
  if (!Object.hasOwn(HANDLES, handles)) throw new Error(`handles must be one of ${Object.keys(HANDLES).join(", ")}, got ${handles}`);
  return handles === "lattice";
}

/** What can be dragged: [{label, at, x, y, behind}]: the place in the output, where it looks, and whether that is behind the camera. */
export function handlesOf(family, theta) {
  if (isLattice(family)) {
    return family.controls.map(([x, y], i) => {
      const [row, column] = [Math.floor(i / family.lattice[1]) + 1, (i % family.lattice[1]) + 1];
      return { label: `point in row ${row}, column ${column}`, at: [x, y], x: x + theta[2 * i], y: y + theta[2 * i + 1] };
    });
  }
  const looks = pointMap(family, theta);
  return HANDLES[family.handles].map((place) => {
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
  const { at } = HANDLES[family.handles][k];
  if (k === CORNERS.length) {
    next[family.names.indexOf("t_x")] = x;
    next[family.names.indexOf("t_y")] = y;
    return next;
  }
  const matrix = matrixOf(family, theta);
  return kindOf(family).drag(family, theta, { k, at, to: [x, y], arm: [x - matrix[2], y - matrix[5]] });
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
  return withinPose([degrees, scale, right, down]);
}

const KNOB = 1.25; // how far the knob stands from the picture's centre, in halves of its height

/** Where the knob stands that turns a picture: above it, as the picture lies. */
export function knobOfPose([degrees, , right, down], aspect) {
  const angle = (degrees * Math.PI) / 180;
  return [right - (Math.sin(angle) * KNOB) / aspect, down - Math.cos(angle) * KNOB];
}

/** The pose in which the knob lies in the direction of (x, y). */
export function poseWithKnob([, scale, right, down], x, y, aspect) {
  return withinPose([(Math.atan2((right - x) * aspect, down - y) * 180) / Math.PI, scale, right, down]);
}

/** A pose whose angle is the shorter way round, and its other numbers within their ranges. */
export function withinPose([degrees, ...rest]) {
  const kept = rest.map((value, i) => Math.min(Math.max(value, POSE[i + 1][0]), POSE[i + 1][1]));
  return [degrees - 360 * Math.round(degrees / 360), ...kept];
}

/** The pose after two fingers went from places to other places; all four are [x, y] where pixels are square, as in `square`. */
export function poseWithFingers([degrees, scale, right, down], before, after, square, back) {
  const [[a, b], [c, d]] = [before, after];
  const [from, to] = [[b[0] - a[0], b[1] - a[1]], [d[0] - c[0], d[1] - c[1]]];
  const turn = Math.atan2(to[1], to[0]) - Math.atan2(from[1], from[0]);
  const times = Math.hypot(...to) / Math.max(Math.hypot(...from), 1e-6);
  const centre = square(right, down);
  const arm = [centre[0] - (a[0] + b[0]) / 2, centre[1] - (a[1] + b[1]) / 2];
  const [cos, sin] = [Math.cos(turn) * times, Math.sin(turn) * times];
  const place = [(c[0] + d[0]) / 2 + cos * arm[0] - sin * arm[1], (c[1] + d[1]) / 2 + sin * arm[0] + cos * arm[1]];
  return withinPose([degrees - (turn * 180) / Math.PI, scale * times, ...back(...place)]);
}
