// Coordinates and the sampler once more, in the browser: equal to stn_tutorial/geometry (a test compares them); runs in node too.

export const CORNERS = [[-1, -1], [1, -1], [1, 1], [-1, 1]]; // of the normalised square, in turn around it

/** Pixel coordinate of a normalised one, along an axis of `length` pixels. */
export const toPixel = (x, length, align) => (align ? ((x + 1) / 2) * (length - 1) : ((x + 1) * length - 1) / 2);

/** Normalised coordinate of a pixel coordinate; 0 for the only pixel of an aligned axis. */
export function toNormalized(pixel, length, align) {
  if (!align) return (2 * pixel + 1) / length - 1;
  return length > 1 ? (2 * pixel) / (length - 1) - 1 : 0;
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
