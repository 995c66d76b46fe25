// Numbers as the panel writes them.

/** @param {number | null | undefined} value */
export function digits(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  const far = value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 100000);
  return far ? value.toExponential(2) : Number(value.toPrecision(4)).toString();
}

/** @param {number} number */
export const grouped = (number) => Math.round(number).toLocaleString("en-US");

/** @param {number} fraction */
export const percent = (fraction) => `${100 * fraction}%`;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * The index of a class name or number, or the words themselves, which the kernel answers with the nearest names.
 * @param {string[]} classes
 * @param {string} text
 */
export function classOf(classes, text) {
  const found = classes.findIndex((name) => name.toLowerCase() === text.toLowerCase());
  return found >= 0 ? found : /^\d+$/.test(text) ? Number(text) : text;
}
