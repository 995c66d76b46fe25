// What a run has reached, in numbers.

import { make } from "../comm/dom.js";
import { explain } from "../comm/explanations.js";
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

/**
 * One sentence on what the picture does to the unit; "" where nothing is known of it.
 * @param {Partial<Rises>} found
 */
export function unitInASentence({ unit, percentile, higher, rises = [] }) {
  if (percentile === undefined) return "";
  const share = Math.round(percentile),
    more =
      share >= 100
        ? "more than any part of the photographs does"
        : share
          ? `more than ${share} % of all parts of photographs do`
          : "less than any part of the photographs does";
  const others = rises.length - 1,
    alone = higher ? `${higher} of ${others} others rose more` : `none of the ${others} others rose as much`;
  return `It excites unit ${unit} ${more}${others > 0 ? `; ${alone}` : ""}.`;
}

/** What each reading means. */
const MEANINGS = {
  loss: "What the run climbs: how strongly the picture excites what was chosen; with the prior, less the penalties.",
  prediction: "The class that the network sees in the picture, and how sure it is.",
  gradient: "The smallest and the largest value of the gradient at this step.",
  "step size": "How far the optimizer goes in this step, in units of the values that it changes.",
  picture: "Saturated: values within 1 % of black or white. Fine detail: spectral energy above 0.25 cycles a pixel.",
  unit: "Percentile: how many parts of photographs excite the unit less. Selectivity: its z-score among them minus the best other unit's.",
};

export class Figures {
  loss = make("dd");
  gradient = make("dd");
  size = make("dd");
  prediction = make("dd");
  picture = make("dd", { class: "nbfeatviz-several" });
  unit = make("dd", { class: "nbfeatviz-several" });
  sentence = make("p", { class: "nbfeatviz-sentence" });
  first = make("dl"); // what is read first
  more = make("dl");

  constructor() {
    this.#list(this.first, { loss: this.loss, prediction: this.prediction });
    this.#list(this.more, {
      gradient: this.gradient,
      "step size": this.size,
      picture: this.picture,
      unit: this.unit,
    });
  }

  /**
   * @param {HTMLElement} list
   * @param {Partial<Record<keyof typeof MEANINGS, HTMLElement>>} places
   */
  #list(list, places) {
    for (const [name, place] of Object.entries(places)) {
      const term = make("dt", { text: name, tabindex: "0" });
      explain(term, MEANINGS[/** @type {keyof typeof MEANINGS} */ (name)]);
      list.append(make("div", { "data-reading": name }, term, place));
    }
  }

  /**
   * Says which readings are not of the picture that is replayed, but of the last one.
   * @param {boolean} replaying
   */
  mark(replaying) {
    for (const list of [this.first, this.more]) list.classList.toggle("nbfeatviz-replayed", replaying);
    for (const reading of [this.prediction, this.picture, this.unit])
      if (replaying && reading.textContent !== "–") reading.append(" · of the last step");
    if (replaying && this.sentence.textContent) this.sentence.prepend("At the last step: ");
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
    this.loss.title = prior ? `at a distance of ${digits(prior.distance)} from what is natural` : "";
    this.gradient.textContent = row ? `${digits(row.gradientMin)} … ${digits(row.gradientMax)}` : "–";
    this.size.textContent = digits(row?.stepSize);
    this.prediction.textContent = predictionInWords(prediction);
    this.picture.textContent = pictureInWords(measures, found.photographs);
    this.unit.textContent = unitInWords(found);
    this.sentence.textContent = unitInASentence(found);
  }
}
