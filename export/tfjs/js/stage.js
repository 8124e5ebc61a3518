/**
 * Where films are seen: a cell each, in columns. Cells are laid out first and filled as their films arrive.
 */

function make(name, className, text = '') {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function makeCell({ label, caption }, onChoose) {
  const canvas = document.createElement('canvas');
  if (!onChoose) {
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', label);
    return canvas;
  }
  const button = make('button', 'cell');
  button.type = 'button';
  button.setAttribute('aria-label', label);
  button.append(canvas, make('span', 'caption', caption));
  button.addEventListener('click', onChoose);
  return button;
}

export class Stage {
  constructor(place, player) {
    this.place = place;
    this.player = player;
    this.films = [];
    this.key = '';
  }

  /**
   * Arranges cells; what a cell showed before stays, paler, until it is filled.
   * @param {{label: string, caption: string}[]} cells
   * @param {number} columns
   * @param {string[]} headings of the columns, or none.
   * @param {string} name of all together.
   * @param {(index: number) => void} onChoose called when a cell is chosen; without it none can be.
   */
  lay({ cells, columns, headings = [], name }, onChoose = null) {
    Object.assign(this, { name, columns, positions: null });
    const key = JSON.stringify([cells.map(({ label }) => label), columns]);
    if (this.key !== key) {
      this.key = key;
      const places = cells.map((cell, index) => makeCell(cell, onChoose && (() => onChoose(index))));
      this.place.replaceChildren(...headings.map((heading) => make('div', 'heading', heading)), ...places);
      const style = { columns, rows: Math.ceil(cells.length / columns), headings: Math.min(headings.length, 1), captions: onChoose ? 1 : 0 };
      Object.entries(style).forEach(([property, value]) => this.place.style.setProperty(`--${property}`, value));
      const same = cells.length === 1 && this.films.length === 1; // the old video stays until the new one is there
      const canvases = this.place.querySelectorAll('canvas');
      this.films = [...canvases].map((canvas) => ({ canvas, frames: same ? this.films[0].frames : null }));
    }
    for (const film of this.films) {
      film.filled = false;
      film.canvas.classList.add('waiting');
    }
    this.player.show(this.films);
  }

  /** Shows a film in its cell, with weights of the morph for its frames where it is one. */
  fill(index, frames, positions = null) {
    const film = this.films[index];
    Object.assign(film, { frames, filled: true });
    film.canvas.classList.remove('waiting');
    this.positions = positions;
    if (positions) {
      this.player.restart(); // such a film begins at its first frame
    } else {
      this.player.draw();
    }
  }

  get full() {
    return this.films.length > 0 && this.films.every(({ filled }) => filled);
  }
}
