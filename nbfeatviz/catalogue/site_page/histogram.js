// How a unit answers photographs, drawn: a histogram in which the answer to its own picture is marked.

import { draw, figure, make, whole } from "./elements.js";

/** @import { Activations } from "./catalogue.js" */

const WIDTH = 480;
const HEIGHT = 96;

/**
 * @param {Activations} seen
 * @param {number | null} score of the unit's own picture
 */
export function histogram(seen, score) {
  const { counts, mean, deviation, views } = seen;
  const [low, high] = seen.ends;
  const top = Math.max(1, ...counts);
  const wide = WIDTH / counts.length;
  const bars = counts.map((many, bin) => {
    const tall = many ? Math.max(1, (many / top) * (HEIGHT - 4)) : 0;
    return draw("rect", { x: bin * wide + 0.5, y: HEIGHT - tall, width: wide - 1, height: tall });
  });
  const inside = score != null && high > low && low <= score && score <= high;
  const at = inside ? ((score - low) / (high - low)) * WIDTH : 0;
  const mark = inside ? [draw("line", { x1: at, x2: at, y1: 0, y2: HEIGHT, class: "own" })] : [];
  const own = score == null ? "" : ownWords(seen, score, inside);
  const words = `On ${whole(views)} views of photographs from ${figure(low)} to ${figure(high)}, mean ${figure(mean)}, standard deviation ${figure(deviation)}.`;
  const attributes = {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `Histogram of activations. ${words} ${own}`,
  };
  return make(
    "figure",
    { class: "histogram" },
    draw("svg", attributes, ...bars, ...mark),
    make("div", { class: "axis faint" }, make("span", { text: figure(low) }), make("span", { text: figure(high) })),
    make("figcaption", { class: "faint", text: `${words} ${own}` }),
  );
}

/**
 * @param {Activations} seen
 * @param {number} score
 * @param {boolean} inside
 */
function ownWords({ mean, deviation }, score, inside) {
  const away =
    deviation > 0
      ? `, ${figure(Math.round(((score - mean) / deviation) * 10) / 10)} standard deviations from the mean`
      : "";
  return inside
    ? `The line is its own picture (${figure(score)}${away}).`
    : `Its own picture is beyond them (${figure(score)}${away}).`;
}
