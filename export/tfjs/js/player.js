/**
 * Plays films on canvases, all by one clock and from their first frames on.
 */
export class Player {
  /** @param {number} fps frames per second; onFrame: called with the number of every frame that is shown. */
  constructor(fps, onFrame = () => {}) {
    this.interval = 1000 / fps;
    this.onFrame = onFrame;
    this.films = [];
    this.playing = true;
    this.number = 0;
    this.shownAt = 0;
    requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {{canvas: HTMLCanvasElement, frames: ImageData[]}[]} films with the same number of frames. */
  show(films, { restart = false } = {}) {
    this.films = films;
    for (const { canvas, frames } of films) {
      [canvas.width, canvas.height] = [frames[0].width, frames[0].height];
    }
    if (restart) {
      this.number = 0;
      this.shownAt = performance.now();
    }
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
      canvas.getContext('2d').putImageData(frames[this.number % frames.length], 0, 0);
    }
    if (this.films.length) {
      this.onFrame(this.number % this.films[0].frames.length);
    }
  }
}
