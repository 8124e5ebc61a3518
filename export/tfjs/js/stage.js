/**
 * Where films are seen: one canvas each, in columns.
 */

function makeCanvas(label) {
  const canvas = document.createElement('canvas');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', label);
  return canvas;
}

function makeButton(label, onClick) {
  const button = document.createElement('button');
  button.type = 'button';
  button.title = label;
  button.append(makeCanvas(label));
  button.addEventListener('click', onClick);
  return button;
}

export class Stage {
  constructor(place, player) {
    this.place = place;
    this.player = player;
    this.films = [];
  }

  /**
   * Shows films; canvases stay where they are while only their content changes.
   * @param {{label: string, frames: ImageData[]}[]} films with the same number of frames.
   * @param {string} name of all together.
   * @param {number} columns
   * @param {(index: number) => void} onChoose called when a film is chosen; without it they cannot be.
   * @param {number[]} positions of a slider, one a frame; such a film begins at its first frame.
   */
  show(films, { name, columns = 1, onChoose = null, positions = null }) {
    Object.assign(this, { films, name, columns, positions });
    const key = JSON.stringify([films.map(({ label }) => label), columns]);
    if (this.key !== key) {
      this.key = key;
      this.place.style.setProperty('--columns', columns);
      this.place.replaceChildren(
        ...films.map(({ label }, index) => (onChoose ? makeButton(label, () => onChoose(index)) : makeCanvas(label))),
      );
    }
    const canvases = this.place.querySelectorAll('canvas');
    this.player.show(
      films.map(({ frames }, index) => ({ canvas: canvases[index], frames })),
      { restart: positions !== null },
    );
  }
}
