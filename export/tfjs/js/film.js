/**
 * Films: frames of equal size, as RGBA pixels.
 */

const SMALLEST_DOWNLOAD = 256;

/** A clip [T, H, W, C] in [-1, 1], C 1 or 3, as RGBA bytes; rounded to the nearest, like to_uint8 in Python. */
export function toPixels(clip, channels) {
  const pixels = new Uint8ClampedArray((clip.length / channels) * 4);
  for (let pixel = 0; pixel * channels < clip.length; pixel += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      // A clamped array limits to 0 to 255 and rounds halves to even by itself.
      pixels[4 * pixel + colour] = (clip[channels * pixel + (channels === 1 ? 0 : colour)] + 1) * 127.5;
    }
    pixels[4 * pixel + 3] = 255;
  }
  return pixels;
}

/** The frames of a clip's RGBA pixels. */
export function toFrames(pixels, size) {
  const length = size * size * 4;
  return Array.from(
    { length: pixels.length / length },
    (_, index) => new ImageData(pixels.slice(index * length, (index + 1) * length), size, size),
  );
}

/** Films side by side as one, in rows of so many columns; places without a film are white. */
export function tile(films, columns) {
  const { width, height } = films[0][0];
  const rows = Math.ceil(films.length / columns);
  return films[0].map((_, time) => {
    const grid = new ImageData(width * columns, height * rows);
    grid.data.fill(255);
    films.forEach((film, index) => {
      const [top, left] = [Math.floor(index / columns) * height, (index % columns) * width];
      for (let row = 0; row < height; row += 1) {
        const line = film[time].data.subarray(4 * width * row, 4 * width * (row + 1));
        grid.data.set(line, 4 * (grid.width * (top + row) + left));
      }
    });
    return grid;
  });
}

/** The whole factor that brings a frame to a size that eyes can judge. */
export function viewingFactor({ width, height }) {
  return Math.max(1, Math.ceil(SMALLEST_DOWNLOAD / Math.max(width, height)));
}
