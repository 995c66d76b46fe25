// What the site's data files hold, and how they are loaded: by script elements, as a page from a disk may fetch nothing.

/** @typedef {[first: number, last: number]} Range */
/**
 * @typedef {object} Layer
 * @property {string} path
 * @property {string} kind
 * @property {number} units
 * @property {[height: number, width: number]} size of its pictures
 * @property {[rows: number, columns: number] | null} positions
 * @property {string[] | null} names
 * @property {Range[]} shown units that have a place here
 * @property {Range[]} finished of these
 * @property {{ [unit: string]: string }} marks the statuses that are not "ok"
 */
/**
 * @typedef {object} Catalogue
 * @property {{ name: string, hash: string, size: number[], channels: number }} network
 * @property {string} version
 * @property {string} recipe
 * @property {number} steps
 * @property {string} precision
 * @property {boolean} photographs
 * @property {Layer[]} layers
 */
/** @typedef {{ counts: number[], ends: number[], mean: number, deviation: number, sparsity: number | null, views: number }} Activations */
/** @typedef {[photograph: number, value: number, box: number[]]} Patch */
/**
 * @typedef {object} Unit
 * @property {[seed: number, status: string, score: number | null, picture: boolean][]} seeds
 * @property {string} code
 * @property {[layer: number, unit: number, cosine: number][]} like
 * @property {Activations} [activations]
 * @property {Patch[]} [strongest]
 * @property {Patch[]} [weakest]
 */

/** What the data files assign to. */
const given = /** @type {any} */ (globalThis);

/** @returns {Catalogue | undefined} */
export const catalogue = () => given.nbfeatvizSite;

/** @type {Map<string, Promise<void>>} */
const loading = new Map();

/**
 * Runs a data file once.
 * @param {string} source
 * @returns {Promise<void>}
 */
function run(source) {
  const known = loading.get(source);
  if (known) return known;
  const begun = new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", () => resolve());
    script.addEventListener("error", () => {
      loading.delete(source);
      reject(new Error(`The file ${source} is missing: export the site again.`));
    });
    document.head.append(script);
  });
  loading.set(source, begun);
  return begun;
}

/**
 * The finished units of a layer.
 * @param {number} place
 * @returns {Promise<{ [unit: string]: Unit }>}
 */
export async function unitsOf(place) {
  await run(`data/layer-${place}.js`);
  return given.nbfeatvizLayers[place];
}

/**
 * The names of the photographs.
 * @returns {Promise<string[]>}
 */
export async function photographs() {
  await run("data/photographs.js");
  return given.nbfeatvizPhotographs;
}

/**
 * @param {Range[]} ranges
 * @param {number} unit
 */
export const within = (ranges, unit) => ranges.some(([first, last]) => first <= unit && unit <= last);

/** @param {Range[]} ranges */
export const count = (ranges) => ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);

/**
 * The units of some ranges, in order.
 * @param {Range[]} ranges
 * @param {number} [most]
 */
export function* each(ranges, most = Number.POSITIVE_INFINITY) {
  let left = most;
  for (const [first, last] of ranges) for (let unit = first; unit <= last && left-- > 0; unit++) yield unit;
}

/**
 * "ok", "dead", "not finite", or "not yet" of a unit that is not finished.
 * @param {Layer} layer
 * @param {number} unit
 */
export const statusOf = (layer, unit) => (within(layer.finished, unit) ? (layer.marks[unit] ?? "ok") : "not yet");

/**
 * The unit in words.
 * @param {Layer} layer
 * @param {number} unit
 */
export const called = (layer, unit) => `unit ${unit} of layer ${layer.path}`;
