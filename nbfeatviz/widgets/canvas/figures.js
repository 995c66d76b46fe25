// What a run has reached, in numbers.

import { make } from "../comm/dom.js";
import { digits } from "../comm/numbers.js";

/** @typedef {import("../comm/traits.js").Measures} Measures */
/** @typedef {import("../comm/traits.js").Prediction} Prediction */
/** @typedef {import("../comm/traits.js").Rises} Rises */
/** @typedef {import("./run_table.js").Row} Row */

/** @param {number} value */
const share = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;

/**
 * The class of the picture, with its probability, or its value where a head gives no probabilities.
 * @param {Prediction | null} prediction
 */
export function predictionInWords(prediction) {
  if (!prediction) return "–";
  const [index, name, value, probable = true] = prediction;
  return `${name} (#${index}) ${probable ? `${(value * 100).toFixed(1)} %` : digits(value)}`;
}

/**
 * @param {Measures} measures of the latest picture
 * @param {number} [photographs] the share of fine detail that photographs have
 */
export function pictureInWords({ saturation, high_frequency: fine }, photographs) {
  if (saturation === undefined || fine === undefined) return "–";
  const usual = photographs ? ` (${(fine / photographs).toFixed(1)} × photographs)` : "";
  return `${share(saturation)} saturated · ${share(fine)} fine detail${usual}`;
}

/** @param {Partial<Rises>} found */
export function unitInWords({ percentile, selectivity }) {
  if (percentile === undefined) return "–";
  const named = selectivity == null ? "" : ` · selectivity ${selectivity.toFixed(1).replace("-", "−")}`;
  return `percentile ${Math.round(percentile)}${named}`;
}

export class Figures {
  loss = make("dd");
  gradient = make("dd");
  size = make("dd");
  prediction = make("dd");
  picture = make("dd", {
    class: "nbfeatviz-several",
    title: "of the latest picture: values within 1 % of black or white; spectral energy above 0.25 cycles a pixel",
  });
  unit = make("dd", {
    class: "nbfeatviz-several",
    title:
      "percentile: how many parts of photographs activate the unit less; selectivity: its z-score among them minus the best other unit's",
  });
  el = make("dl");

  constructor() {
    const places = {
      loss: this.loss,
      gradient: this.gradient,
      "step size": this.size,
      prediction: this.prediction,
      picture: this.picture,
      unit: this.unit,
    };
    for (const [name, place] of Object.entries(places))
      this.el.append(make("div", {}, make("dt", { text: name }), place));
  }

  /**
   * Says which readings are not of the picture that is replayed, but of the last one.
   * @param {boolean} replaying
   */
  mark(replaying) {
    this.el.classList.toggle("nbfeatviz-replayed", replaying);
    for (const reading of [this.prediction, this.picture, this.unit])
      if (replaying && reading.textContent !== "–") reading.append(" · of the last step");
  }

  /**
   * @param {Row | undefined} row
   * @param {Prediction | null} prediction
   * @param {Measures} measures
   * @param {Partial<Rises>} found
   */
  show(row, prediction, measures, found) {
    const prior = row && row.distance > 0 ? row : null;
    this.loss.textContent = row ? digits(row.loss) + (prior ? ` · ${digits(prior.score)} with the prior` : "") : "–";
    this.loss.title = prior
      ? `the objective, and what is left of it less the penalties, at a distance of ${digits(prior.distance)} from what is natural`
      : "";
    this.gradient.textContent = row ? `${digits(row.gradientMin)} … ${digits(row.gradientMax)}` : "–";
    this.size.textContent = digits(row?.stepSize);
    this.prediction.textContent = predictionInWords(prediction);
    this.picture.textContent = pictureInWords(measures, found.photographs);
    this.unit.textContent = unitInWords(found);
  }
}
