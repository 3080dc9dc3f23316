// A trained net without a kernel: a plain forward pass from the numbers that networks/portable.py wrote; runs in node too.
//
// A map is {data, height, width, channels}: Float32Array, row by row, pixel by pixel, channel by channel.

import { makeGrid } from "./families.js";
import { sample } from "./warp.js";

const WORD = new Uint32Array(1);
const NUMBER = new Float32Array(WORD.buffer);

/** A number in float16, from its sixteen bits: moved to where float32 has them, and its exponent corrected. */
function fromHalf(bits) {
  WORD[0] = (bits & 0x7fff) << 13;
  return (bits & 0x8000 ? -1 : 1) * NUMBER[0] * 2 ** 112;
}

/** A net ready to run, from its description and the bytes of its weights. */
export function readNet(description, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const floats = (count) => Float32Array.from({ length: count }, () => view.getFloat32((at += 4) - 4, true));
  const read = (layer) => {
    if (layer.kind !== "conv") return layer;
    const length = layer.kernel[0] * layer.kernel[1] * layer.inputs;
    const scale = floats(layer.outputs);
    const bias = floats(layer.outputs);
    const weights = new Float32Array(layer.outputs * length);
    scale.forEach((factor, o) => {
      for (let k = 0; k < length; k++, at += 2) weights[o * length + k] = factor * fromHalf(view.getUint16(at, true));
    });
    return { ...layer, length, bias, weights, patch: new Float32Array(length) };
  };
  const net = { ...description, localizer: description.localizer.map(read), classifier: description.classifier.map(read) };
  if (at !== bytes.byteLength) throw new Error(`the weights must have ${at} bytes, got ${bytes.byteLength}`);
  return net;
}

/** What the pixels under a kernel add up to, for each output in turn; four at a time, so that a pixel is fetched once for them. */
function products({ weights, bias, length, outputs, patch }, out, to) {
  let o = 0;
  for (; o + 4 <= outputs; o += 4) {
    const first = o * length;
    const second = first + length;
    const third = second + length;
    const fourth = third + length;
    let a = bias[o], b = bias[o + 1], c = bias[o + 2], d = bias[o + 3];
    for (let k = 0; k < length; k++) {
      const value = patch[k];
      a += value * weights[first + k];
      b += value * weights[second + k];
      c += value * weights[third + k];
      d += value * weights[fourth + k];
    }
    out[to + o] = a;
    out[to + o + 1] = b;
    out[to + o + 2] = c;
    out[to + o + 3] = d;
  }
  for (; o < outputs; o++) {
    let sum = bias[o];
    for (let k = 0; k < length; k++) sum += patch[k] * weights[o * length + k];
    out[to + o] = sum;
  }
}

/** A convolution without padding, stride 1. */
function convolve(layer, map) {
  const { kernel: [rows, columns], outputs, patch } = layer;
  const [height, width] = [map.height - rows + 1, map.width - columns + 1];
  const run = columns * map.channels; // what lies under one row of the kernel lies together
  const data = new Float32Array(height * width * outputs);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += outputs) {
      for (let r = 0, k = 0; r < rows; r++) {
        const from = ((y + r) * map.width + x) * map.channels;
        for (let i = 0; i < run; i++) patch[k++] = map.data[from + i];
      }
      products(layer, data, to);
    }
  }
  return { data, height, width, channels: outputs };
}

/** The largest value, or the mean, of each square of side x side pixels; what is left over at the edge is left out. */
function pool({ kind, side }, map) {
  const { channels } = map;
  const [height, width] = [Math.floor(map.height / side), Math.floor(map.width / side)];
  const data = new Float32Array(height * width * channels).fill(kind === "max" ? -Infinity : 0);
  for (let y = 0; y < height * side; y++) {
    for (let x = 0; x < width * side; x++) {
      const from = (y * map.width + x) * channels;
      const to = (Math.floor(y / side) * width + Math.floor(x / side)) * channels;
      for (let c = 0; c < channels; c++) {
        const value = map.data[from + c];
        if (kind === "mean") data[to + c] += value / side ** 2;
        else if (value > data[to + c]) data[to + c] = value;
      }
    }
  }
  return { data, height, width, channels };
}

const KINDS_OF_LAYER = {
  conv: convolve,
  max: pool,
  mean: pool,
  relu: (layer, map) => ({ ...map, data: map.data.map((value) => Math.max(value, 0)) }),
};

/** A map through layers in turn. */
const through = (layers, map) => layers.reduce((now, layer) => KINDS_OF_LAYER[layer.kind](layer, now), map);

/** The theta that a net chooses for an image, values in [0, 1]: an array of P numbers. */
export const thetaOf = (net, image) => Array.from(through(net.localizer, image).data);

/** What a net makes of an image, values in [0, 1]: its theta, what its classifier then sees ({data, ...}), and the logits. */
export function answer(net, image) {
  const theta = thetaOf(net, image);
  const [height, width] = net.size;
  const grid = makeGrid(net.family, theta, height, width, net.align);
  const data = Float32Array.from(sample(image, grid, net));
  const output = { data, height, width, channels: image.channels };
  return { theta, output, logits: Array.from(through(net.classifier, output).data) };
}

/** Probabilities from logits. */
export function softmax(logits) {
  const top = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((value) => value / sum);
}
