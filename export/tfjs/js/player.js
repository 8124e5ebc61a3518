/**
 * Plays films on canvases, all by one clock and from their first frames on.
 */
export class Player {
  /** @param {(number: number) => void} onFrame called with the number of every frame that is shown. */
  constructor(onFrame) {
    this.interval = Infinity;
    this.onFrame = onFrame;
    this.films = [];
    this.playing = true;
    this.number = 0;
    this.shownAt = 0;
    requestAnimationFrame((now) => this.tick(now));
  }

  set fps(value) {
    this.interval = 1000 / value;
  }

  /** @param {{canvas: HTMLCanvasElement, frames: ImageData[] | null}[]} films with equally many frames, where they have any. */
  show(films) {
    this.films = films;
    this.draw();
  }

  restart() {
    this.number = 0;
    this.shownAt = performance.now();
    this.draw();
  }

  toggle() {
    this.playing = !this.playing;
    return this.playing;
  }

  tick(now) {
    requestAnimationFrame((next) => this.tick(next));
    const due = Math.floor((now - this.shownAt) / this.interval);
    if (due < 1) {
      return;
    }
    // Frames that a hidden tab missed are skipped.
    this.shownAt = due > 2 ? now : this.shownAt + due * this.interval;
    if (this.playing && this.films.length) {
      this.number += 1;
      this.draw();
    }
  }

  draw() {
    for (const { canvas, frames } of this.films) {
      if (frames) {
        const frame = frames[this.number % frames.length];
        if (canvas.width !== frame.width || canvas.height !== frame.height) {
          [canvas.width, canvas.height] = [frame.width, frame.height];
        }
        canvas.getContext('2d').putImageData(frame, 0, 0);
      }
    }
    if (this.films[0]?.frames) {
      this.onFrame(this.number % this.films[0].frames.length);
    }
  }
}
