// The numbers of a run, as they arrive.

import { bytesOf } from "../comm/kernel.js";

const COLUMNS = 7; // as in LiveCanvas

/**
 * One step of a run.
 * @typedef {{ index: number, loss: number, gradientMin: number, gradientMax: number, stepSize: number, score: number, distance: number }} Row
 */

export class RunTable {
  /** @type {(Row | undefined)[]} one a step; undefined for what has not arrived yet */
  rows = [];
  received = 0;

  get length() {
    return this.rows.length;
  }

  /** Steps of the run that are done. */
  get done() {
    return (this.rows.at(-1)?.index ?? -1) + 1;
  }

  /**
   * The numbers of a step, or of the last one for what comes after it.
   * @param {number} place
   */
  at(place) {
    return this.rows[Math.min(place, this.rows.length - 1)];
  }

  /**
   * The first row that has not arrived though others after it have, or though there are so many; undefined for none.
   * @param {number} [rows]
   */
  firstMissing(rows = 0) {
    if (this.received >= Math.max(rows, this.length)) return undefined;
    const hole = this.rows.findIndex((row) => !row);
    return hole < 0 ? this.length : hole;
  }

  /**
   * Keeps rows; those that are there already are taken once.
   * @param {number} first place of the first
   * @param {DataView} buffer float32
   */
  keep(first, buffer) {
    const values = new Float32Array(bytesOf(buffer).buffer);
    for (let k = 0; k * COLUMNS < values.length; k++) {
      const [index, loss, gradientMin, gradientMax, stepSize, score, distance] = values.subarray(
        k * COLUMNS,
        (k + 1) * COLUMNS,
      );
      if (!this.rows[first + k]) this.received++;
      this.rows[first + k] = { index, loss, gradientMin, gradientMax, stepSize, score, distance };
    }
  }
}
