// Grad-CAM on any photograph: which places of EfficientNet's last feature maps speak for a class?

import { choice, element, newestOnly, picture, softmax } from "./parts.js";

// Larger photographs are first made smaller by the browser: not every phone draws 50 megapixels.
const LARGEST_SIDE = 2048;
const SHOWN_CLASSES = 5;

export async function start(root, assets) {
  const [model, data, head] = await Promise.all([
    assets.model("model.onnx"),
    assets.json("gradcam.json"),
    assets.bytes("head.bin"),
  ]);
  // All samples at once: after the start nothing is loaded any more.
  const files = await Promise.all(data.samples.map(({ file }) => assets.bytes(file)));
  const samples = data.samples.map((one, i) => ({ ...one, blob: new Blob([files[i]]) }));
  const parts = { model, data: { ...data, samples }, head: readHead(head, data), say: assets.say };
  const demo = new GradCamDemo(root, parts);
  await demo.look(samples[0]);
}

// --- the arithmetic ---------------------------------------------------------------------------

/** The last layer: kernel (channels, classes) in 16 bits, bias (classes) in 32. */
function readHead(bytes, { channels, classes }) {
  const size = channels * classes.length;
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, size);
  const bias = bytes.slice(2 * size);
  return { kernel: Float32Array.from(halves, halfToNumber), bias: new Float32Array(bias.buffer) };
}

/** IEEE 754's binary16: a bit of sign, five of exponent, ten of fraction. */
function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (!exponent) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Global mean and a dense layer: logits[c] = bias[c] + Σ over k of mean(A[k]) · kernel[k, c]. */
function logitsOf(maps, { kernel, bias }, places) {
  const channels = maps.length / places;
  const logits = Float64Array.from(bias);
  for (let k = 0; k < channels; k += 1) {
    let mean = 0;
    for (let place = 0; place < places; place += 1) mean += maps[place * channels + k] / places;
    for (let c = 0; c < logits.length; c += 1) logits[c] += mean * kernel[k * logits.length + c];
  }
  return logits;
}

/**
 * What each place adds to the logit of class c. Behind the maps there are only their means and a
 * dense layer, so ∂ logit / ∂ A[k] is kernel[k, c] / places at every place: Grad-CAM's gradient
 * needs no differentiation here, and the places sum to the logit without its bias.
 */
function contributions(maps, { kernel, bias }, c, places) {
  const channels = maps.length / places;
  return Float64Array.from({ length: places }, (_, place) => {
    let sum = 0;
    for (let k = 0; k < channels; k += 1) {
      sum += kernel[k * bias.length + c] * maps[place * channels + k];
    }
    return sum / places;
  });
}

/** For each of `to` numbers, which of the `from` it is made of: a triangle around its place. */
function triangles(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1); // made smaller, a number is the mean of all that it covers
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale - 0.5;
    const first = Math.max(Math.ceil(centre - reach), 0);
    const last = Math.min(Math.floor(centre + reach), from - 1);
    const weights = [];
    for (let j = first; j <= last; j += 1) weights.push(1 - Math.abs(j - centre) / reach);
    const sum = weights.reduce((a, b) => a + b);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** A square picture in another size: tf.image.resize, bilinear, with antialias=True. */
function resized(values, side, size, channels) {
  const spans = triangles(side, size);
  const width = size * channels;
  const narrow = new Float32Array(side * width);
  for (let i = 0; i < narrow.length; i += 1) {
    const { first, weights } = spans[Math.floor((i % width) / channels)];
    const start = (Math.floor(i / width) * side + first) * channels + (i % channels);
    narrow[i] = weights.reduce((sum, weight, j) => sum + weight * values[start + j * channels], 0);
  }
  return Float32Array.from({ length: size * width }, (_, i) => {
    const { first, weights } = spans[Math.floor(i / width)];
    const start = first * width + (i % width);
    return weights.reduce((sum, weight, j) => sum + weight * narrow[start + j * width], 0);
  });
}

// --- the photograph ---------------------------------------------------------------------------

/** The square in the middle of a picture file, `size` pixels wide, as numbers in [0, 1]. */
async function readPhotograph(blob, size) {
  let bitmap = await createImageBitmap(blob);
  const shrink = LARGEST_SIDE / Math.max(bitmap.width, bitmap.height);
  if (shrink < 1) {
    bitmap = await createImageBitmap(bitmap, {
      resizeWidth: Math.round(shrink * bitmap.width),
      resizeHeight: Math.round(shrink * bitmap.height),
      resizeQuality: "high",
    });
  }
  const side = Math.min(bitmap.width, bitmap.height);
  const context = new OffscreenCanvas(side, side).getContext("2d");
  const left = Math.floor((bitmap.width - side) / 2);
  const top = Math.floor((bitmap.height - side) / 2);
  context.drawImage(bitmap, -left, -top);
  const { data } = context.getImageData(0, 0, side, side);
  // Red, green and blue of every pixel; the fourth number, its opacity, is dropped.
  const pixel = (i) => data[4 * Math.floor(i / 3) + (i % 3)] / 255;
  const values = Float32Array.from({ length: 3 * side * side }, (_, i) => pixel(i));
  return resized(values, side, size, 3);
}

// --- what is seen -----------------------------------------------------------------------------

class GradCamDemo {
  constructor(root, parts) {
    Object.assign(this, { root, ...parts });
    this.look = newestOnly((photograph) => this.lookNow(photograph));
    this.build();
  }

  build() {
    const { samples, size } = this.data;
    const titles = samples.map(({ title }) => title);
    const sample = choice("Photograph", titles, (i) => this.lookAtSample(samples[i]));
    const file = element("input", { type: "file", accept: "image/*" });
    file.addEventListener("change", () => this.lookAtFile(file.files[0]));
    Object.assign(this, { sample: sample.select, file });
    const invitation = "or your own, which you can also drop here:";
    const own = element("label", { class: "demo-file" }, invitation, file);
    this.canvas = picture(size, size, "");
    this.credit = element("p", { class: "demo-credit" });
    this.classes = element("fieldset", { class: "demo-classes" });
    this.words = element("p", { class: "demo-words" });
    this.root.append(
      element("div", { class: "demo-row" }, sample.box, own),
      element(
        "div",
        { class: "demo-row" },
        element("div", { class: "demo-photograph" }, this.canvas, this.credit),
        element("div", { class: "demo-reason" }, this.classes, this.words),
      ),
    );
    this.root.addEventListener("dragover", (event) => event.preventDefault());
    this.root.addEventListener("drop", (event) => {
      event.preventDefault();
      this.lookAtFile(event.dataTransfer.files[0]);
    });
  }

  lookAtSample(sample) {
    this.file.value = "";
    this.look(sample);
  }

  /** The reader's own photograph: read by the browser, and by nobody else. */
  async lookAtFile(file) {
    if (!file) return;
    try {
      await this.look({ blob: file, title: file.name, credit: "Your photograph." });
      this.sample.selectedIndex = -1;
    } catch {
      this.say(`${file.name} is no picture that this browser can read: try a JPEG or a PNG file.`);
    }
  }

  async lookNow({ blob, title, credit }) {
    this.pixels = await readPhotograph(blob, this.data.size);
    this.title = title;
    this.maps = await this.model.run(this.pixels);
    this.logits = logitsOf(this.maps, this.head, this.data.grid ** 2);
    this.credit.textContent = credit;
    this.listClasses();
    this.explain(this.likeliest[0]);
    this.say(`${title}: most likely ${this.data.classes[this.likeliest[0]]}.`);
  }

  /** The likeliest classes as radio buttons. */
  listClasses() {
    const shares = softmax(this.logits);
    const order = shares.map((_, c) => c).sort((a, b) => shares[b] - shares[a]);
    this.likeliest = order.slice(0, SHOWN_CLASSES);
    const rows = this.likeliest.map((c, i) => {
      const input = element("input", { type: "radio", name: "demo-gradcam-class", value: c });
      input.checked = i === 0;
      input.addEventListener("change", () => this.explain(c));
      const percent = `${(100 * shares[c]).toFixed(1)}\u00a0%`;
      const share = element("span", { class: "demo-number" }, percent);
      return element("label", {}, input, element("span", {}, this.data.classes[c]), share);
    });
    const legend = element("legend", {}, "Show what speaks for");
    this.classes.replaceChildren(legend, ...rows);
  }

  /** Compute the map of class c and lay it over the photograph. */
  explain(c) {
    const { grid, size } = this.data;
    const added = contributions(this.maps, this.head, c, grid ** 2);
    const map = added.map((number) => Math.max(number, 0)); // what speaks against c is cut off
    const enlarged = resized(map, grid, size, 1);
    this.paint(enlarged);
    const name = this.data.classes[c];
    this.canvas.setAttribute("aria-label", `${this.title}, bright where it speaks for ${name}`);
    this.words.textContent = `${this.placeInWords(map, enlarged)} ${this.sumInWords(c, added)}`;
    const { pixels, logits, likeliest } = this;
    this.root.output = { pixels, logits, likeliest, chosen: c, map, enlarged };
  }

  /** The photograph, dark where the map is low: that can be seen without seeing colours. */
  paint(enlarged) {
    const most = Math.max(...enlarged);
    const context = this.canvas.getContext("2d");
    const image = context.createImageData(this.canvas.width, this.canvas.height);
    enlarged.forEach((value, i) => {
      const light = 0.2 + (most ? (0.8 * value) / most : 0);
      const colours = this.pixels.subarray(3 * i, 3 * i + 3).map((part) => 255 * part * light);
      image.data.set([...colours, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  }

  placeInWords(map, enlarged) {
    const { grid, size } = this.data;
    const most = Math.max(...map);
    if (!most) return "No place speaks for this class.";
    const strongest = map.indexOf(most);
    const place = `row ${Math.floor(strongest / grid) + 1}, column ${(strongest % grid) + 1}`;
    const quarters = [0, 0, 0, 0];
    enlarged.forEach((value, i) => {
      const low = Math.floor(i / size) >= size / 2;
      quarters[2 * low + (i % size >= size / 2)] += value;
    });
    const total = quarters.reduce((a, b) => a + b);
    const [a, b, c, d] = quarters.map((quarter) => `${Math.round((100 * quarter) / total)}\u00a0%`);
    return (
      `Of ${grid} × ${grid} places, the one in ${place} speaks most for it. ${a} of the map lies ` +
      `in the upper left quarter, ${b} in the upper right, ${c} in the lower left, ${d} in the ` +
      "lower right."
    );
  }

  sumInWords(c, added) {
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const [logit, all, bias] = [this.logits[c], sum(added), this.head.bias[c]].map(decimal);
    const against = decimal(sum(added.filter((number) => number < 0)));
    return (
      `All places add up to ${all} (those that speak against it: ${against}); with the bias, ` +
      `${bias}, that is the logit, ${logit}.`
    );
  }
}

/** A minus sign, not a hyphen; and no "−0.00". */
function decimal(number) {
  return number.toFixed(2).replace(/^-0\.00$/, "0.00").replace("-", "−");
}
