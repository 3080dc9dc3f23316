// Along a training: a slider over what a net was at moments of it.

import { make, say } from "./page.js";

const counted = (steps) => steps.toLocaleString("en");

/** A slider over the moments of the net's training, where some came along; returns {element, show}. */
export function makeMoments({ model, guarded, put }) {
  const steps = () => model.get("steps")?.[model.get("net")] ?? [0]; // of a notebook saved before there were any: one moment
  const last = steps().length - 1;
  const range = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "moment of its training" });
  range.addEventListener("input", guarded(() => put("moment", Number(range.value))));
  range.addEventListener("keydown", (event) => event.stopPropagation());
  const words = make("span", { className: "moment" });
  const note = make("div", { textContent: "Its localiser as it was then, in front of its classifier as it became." });
  const element = make("div", { className: "along", hidden: last < 1 }, [make("label", {}, ["along its training", range]), words, note]);
  const show = () => {
    const [moment, end] = [model.get("moment") ?? 0, counted(steps()[last])];
    range.value = moment;
    range.setAttribute("aria-valuetext", moment === last ? `at its end, after ${end} steps` : `after ${counted(steps()[moment])} of ${end} steps`);
    say(words, range.getAttribute("aria-valuetext"));
    note.style.visibility = moment === last ? "hidden" : "visible"; // its place is kept: nothing jumps under the hand
  };
  return { element, show };
}
