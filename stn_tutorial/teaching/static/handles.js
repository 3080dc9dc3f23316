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
  return [degrees - 360 * Math.round(degrees / 360), Math.min(Math.max(scale, POSE[1][0]), POSE[1][1]), right, down];
}
