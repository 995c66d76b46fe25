// The page's half of flow control: it tells the kernel which frame it has drawn.

/**
 * Every message to the kernel makes the whole page show a busy and then an idle kernel, which costs as much as a
 * frame: while frames travel fast, one acknowledgement stands for several.
 */
export class Acknowledgement {
  #send;
  #sequence = 0;
  #drawnAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(content: { sequence: number, held: number }) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * A frame is drawn, or given up.
   * @param {{ sequence: number, hold: number }} frame its number, and how many ms its acknowledgement may wait
   */
  drawn({ sequence, hold }) {
    this.#sequence = sequence;
    this.#drawnAt = performance.now();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#send({ sequence: this.#sequence, held: performance.now() - this.#drawnAt });
    }, hold);
  }

  close() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
