// Drag a kernel over a photograph: what a convolution multiplies and adds at one place, and what
// comes out when it has been at all places. No model: the arithmetic is this file.

import { choice, element, paint, picture } from "./parts.js";

const SIZES = [3, 5];
const PADDINGS = ["valid", "same"];
const STRIDES = [1, 2];
const OWN = "your own";

export async function start(root, assets) {
  const { side, pixels } = await assets.json("photograph.json");
  const values = Float32Array.from(pixels, (pixel) => pixel / 255);
  new KernelDemo(root, { rows: side, columns: side, values }, assets.say);
}

// --- the arithmetic ---------------------------------------------------------------------------

/**
 * What Keras calls a convolution: the kernel is not turned round (mathematics turns it). Every
 * number of the result is a sum over one window, `size` pixels wide and high.
 */
export function convolve(photo, kernel, { size, stride, padding }) {
  const rows = outputLength(photo.rows, size, stride, padding);
  const columns = outputLength(photo.columns, size, stride, padding);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const patch = patchAt(photo, { size, stride, padding, row, column });
      values[row * columns + column] = dot(patch, kernel);
    }
  }
  return { rows, columns, values };
}

function outputLength(length, size, stride, padding) {
  return Math.ceil((padding === "same" ? length : length - size + 1) / stride);
}

/** Zeros before the first pixel. Where their number is odd, the larger part comes at the end. */
function paddingBefore(length, size, stride, padding) {
  if (padding === "valid") return 0;
  const reach = (outputLength(length, size, stride, padding) - 1) * stride + size;
  return Math.floor(Math.max(reach - length, 0) / 2);
}

/** First row and column of the photograph under the window; negative ones lie in the padding. */
function cornerOf(photo, { size, stride, padding, row, column }) {
  return {
    top: row * stride - paddingBefore(photo.rows, size, stride, padding),
    left: column * stride - paddingBefore(photo.columns, size, stride, padding),
  };
}

function patchAt(photo, place) {
  const { top, left } = cornerOf(photo, place);
  return Array.from({ length: place.size ** 2 }, (_, i) => {
    const row = top + Math.floor(i / place.size);
    const column = left + (i % place.size);
    const outside = row < 0 || column < 0 || row >= photo.rows || column >= photo.columns;
    return outside ? 0 : photo.values[row * photo.columns + column];
  });
}

function dot(a, b) {
  return a.reduce((sum, number, i) => sum + number * b[i], 0);
}

// --- kernels to begin with --------------------------------------------------------------------

const SMOOTH = { 3: [1, 2, 1], 5: [1, 4, 6, 4, 1] };
const SLOPE = { 3: [-1, 0, 1], 5: [-1, -2, 0, 2, 1] };
const PRESETS = {
  identity: (size) => only(size, 1),
  "blur (mean)": (size) => Array(size ** 2).fill(1 / size ** 2),
  "blur (binomial)": (size) => toSumOne(outer(SMOOTH[size], SMOOTH[size])),
  sharpen: (size) => minus(only(size, 2), PRESETS["blur (binomial)"](size)),
  "Sobel, left to right": (size) => outer(SMOOTH[size], SLOPE[size]),
  "Sobel, top to bottom": (size) => outer(SLOPE[size], SMOOTH[size]),
  Laplacian: (size) => minus(cross(size), only(size, 4 * ((size - 1) / 2))),
  // Light from the upper left: a slope along the diagonal, added to the photograph itself.
  emboss: (size) => diagonalSlope(size),
};

function kernelOf({ preset, size }) {
  // Rounded as it is shown: what the reader sees is what is computed with.
  return Object.values(PRESETS)[preset](size).map((weight) => Number(weight.toFixed(4)));
}

function only(size, weight) {
  return Array.from({ length: size ** 2 }, (_, i) => (i === (size ** 2 - 1) / 2 ? weight : 0));
}

function outer(column, row) {
  return column.flatMap((a) => row.map((b) => a * b));
}

function minus(a, b) {
  return a.map((number, i) => number - b[i]);
}

function toSumOne(kernel) {
  const sum = kernel.reduce((a, b) => a + b);
  return kernel.map((weight) => weight / sum);
}

function cross(size) {
  const middle = (size - 1) / 2;
  return Array.from({ length: size ** 2 }, (_, i) => {
    const row = Math.floor(i / size);
    const column = i % size;
    return (row === middle) !== (column === middle) ? 1 : 0;
  });
}

function diagonalSlope(size) {
  const middle = (size - 1) / 2;
  return Array.from({ length: size ** 2 }, (_, i) => {
    const across = Math.floor(i / size) + (i % size) - 2 * middle;
    return i === (size ** 2 - 1) / 2 ? 1 : across;
  });
}

// --- what is seen -----------------------------------------------------------------------------

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class KernelDemo {
  /** `say` tells the place to those who move by keys; a drag would be a stream of words. */
  constructor(root, photo, say) {
    Object.assign(this, { root, photo, say });
    this.state = { preset: 4, size: 3, padding: "valid", stride: 1, row: 16, column: 25 };
    this.build();
    this.begin({});
  }

  build() {
    const names = Object.keys(PRESETS);
    const preset = choice("Kernel", [...names, OWN], (i) => {
      if (i < names.length) this.begin({ preset: i });
    });
    // Nobody knows the reader's own kernel in another size: the last preset takes its place.
    const sizes = SIZES.map((size) => `${size} × ${size}`);
    const size = choice("Size", sizes, (i) => this.begin({ size: SIZES[i] }));
    const padding = choice("Padding", PADDINGS, (i) => this.change({ padding: PADDINGS[i] }));
    const stride = choice("Stride", STRIDES, (i) => this.change({ stride: STRIDES[i] }));
    this.preset = preset.select;
    this.source = frame(this.photo, {
      tabindex: 0,
      role: "application",
      "aria-label":
        `Photograph of ${this.photo.columns} by ${this.photo.rows} pixels. The arrow keys move ` +
        "the window, with Shift by eight places.",
      onkeydown: (event) => this.moveByKey(event),
      onpointerdown: (event) => this.follow(event),
    });
    this.result = frame(this.photo, {});
    this.table = element("table", { class: "demo-kernel" });
    this.sum = element("p", { class: "demo-sum" });
    this.range = element("p", { class: "demo-range" });
    paint(this.source.canvas, this.photo.values);
    this.root.append(
      element("div", { class: "demo-row" }, preset.box, size.box, padding.box, stride.box),
      element(
        "div",
        { class: "demo-row demo-squares" },
        square("Photograph: drag the window", this.source.box),
        square("Pixel × weight = product", this.table, this.sum),
        square("Filtered photograph", this.result.box, this.range),
      ),
    );
  }

  change(changes) {
    Object.assign(this.state, changes);
    this.show();
  }

  begin(changes) {
    Object.assign(this.state, changes);
    this.preset.value = this.state.preset;
    this.fillTable();
    this.show();
  }

  fillTable() {
    const { size } = this.state;
    const cells = kernelOf(this.state).map((weight, i) => {
      const label = `weight in row ${Math.floor(i / size) + 1}, column ${(i % size) + 1}`;
      const input = element("input", { type: "number", step: "any", "aria-label": label });
      input.value = weight;
      input.addEventListener("input", () => {
        this.preset.value = Object.keys(PRESETS).length;
        this.show();
      });
      return element("td", {}, element("span"), input, element("span"));
    });
    const rows = Array.from({ length: size }, (_, row) =>
      element("tr", {}, ...cells.slice(row * size, (row + 1) * size)),
    );
    this.table.replaceChildren(element("tbody", {}, ...rows));
  }

  show() {
    const { photo, state } = this;
    // An empty cell counts as 0.
    const kernel = [...this.table.querySelectorAll("input")].map((input) => Number(input.value));
    const filtered = convolve(photo, kernel, state);
    state.row = Math.min(Math.max(state.row, 0), filtered.rows - 1);
    state.column = Math.min(Math.max(state.column, 0), filtered.columns - 1);
    const patch = patchAt(photo, state);
    this.showProducts(patch, kernel);
    this.showResult(filtered);
    const { top, left } = cornerOf(photo, state);
    place(this.source.lens, left, top, state.size, photo);
    place(this.result.lens, state.column, state.row, 1, filtered);
    this.root.output = { ...filtered, kernel, patch, sum: dot(patch, kernel), at: { ...state } };
  }

  showProducts(patch, kernel) {
    [...this.table.querySelectorAll("td")].forEach((cell, i) => {
      cell.firstChild.textContent = decimal(patch[i]);
      cell.lastChild.textContent = decimal(patch[i] * kernel[i]);
    });
    const { row, column } = this.state;
    this.sum.textContent =
      `Sum of the products: ${decimal(dot(patch, kernel))}, the result in row ${row + 1}, ` +
      `column ${column + 1}.`;
  }

  showResult({ rows, columns, values }) {
    const least = Math.min(...values);
    const most = Math.max(...values);
    // Where numbers are negative, 0 is drawn as the grey in the middle.
    const signed = least < -1e-6;
    const white = signed ? Math.max(-least, most) : Math.max(most, 1);
    const black = signed ? -white : 0;
    const { canvas, box } = this.result;
    Object.assign(canvas, { width: columns, height: rows });
    box.style.width = `${(100 * columns) / this.photo.columns}%`;
    paint(canvas, values.map((value) => (value - black) / (white - black)));
    this.range.textContent =
      `${rows} × ${columns} numbers from ${decimal(least)} to ${decimal(most)}. Black is ` +
      `${decimal(black)}, ${signed ? "the grey in the middle 0, " : ""}white ${decimal(white)}.`;
    canvas.setAttribute("aria-label", `Filtered photograph: ${this.range.textContent}`);
  }

  moveByKey(event) {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    const [down, right] = STEPS[event.key].map((step) => step * (event.shiftKey ? 8 : 1));
    this.change({ row: this.state.row + down, column: this.state.column + right });
    this.say(this.sum.textContent);
  }

  follow(event) {
    const { canvas } = this.source;
    const stop = new AbortController();
    const { signal } = stop;
    const listen = (name, listener) => canvas.addEventListener(name, listener, { signal });
    canvas.setPointerCapture(event.pointerId);
    listen("pointermove", (moved) => this.moveTo(moved));
    listen("pointerup", () => stop.abort());
    listen("pointercancel", () => stop.abort());
    this.moveTo(event);
  }

  /** The pointer holds the middle of the window. */
  moveTo({ clientX, clientY }) {
    const { size, stride, padding } = this.state;
    const box = this.source.canvas.getBoundingClientRect();
    const index = (share, length) => {
      const first = Math.floor(share * length) - (size - 1) / 2;
      return Math.round((first + paddingBefore(length, size, stride, padding)) / stride);
    };
    this.change({
      row: index((clientY - box.top) / box.height, this.photo.rows),
      column: index((clientX - box.left) / box.width, this.photo.columns),
    });
  }
}

function square(title, ...children) {
  const heading = element("p", { class: "demo-title" }, title);
  return element("div", { class: "demo-square" }, heading, ...children);
}

/** A picture with a window over it. */
function frame({ rows, columns }, attributes) {
  const canvas = picture(columns, rows, "");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) canvas.addEventListener(name.slice(2), value);
    else canvas.setAttribute(name, value);
  }
  const lens = element("div", { class: "demo-lens" });
  return { canvas, lens, box: element("div", { class: "demo-frame" }, canvas, lens) };
}

function place(lens, left, top, size, { rows, columns }) {
  Object.assign(lens.style, {
    left: `${(100 * left) / columns}%`,
    top: `${(100 * top) / rows}%`,
    width: `${(100 * size) / columns}%`,
    height: `${(100 * size) / rows}%`,
  });
}

/** A minus sign, not a hyphen; and no "−0.00". */
function decimal(number) {
  return number.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−");
}
