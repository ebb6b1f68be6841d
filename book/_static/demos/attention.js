// Attention between patches: which patches of a garment does each of them look at, in every block
// and head of the course's vision Transformer?

import { bars, choice, element, paint, picture, softmax } from "./parts.js";

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export async function start(root, assets) {
  const [model, data] = await Promise.all([
    assets.model("model.onnx"),
    assets.json("attention.json"),
  ]);
  const demo = new AttentionDemo(root, model, data, assets.say);
  await demo.look(0);
}

class AttentionDemo {
  constructor(root, model, data, say) {
    Object.assign(this, { root, model, data, say });
    // Tokens: the class token is number 0, the patches follow row by row.
    this.state = { image: 0, block: 0, head: 0, query: 0 };
    this.build();
  }

  build() {
    const { data } = this;
    const image = choice("Picture", data.images.map((one) => one.title), (i) => this.look(i));
    const blocks = data.blocks.map((_, i) => `${i + 1}`);
    const heads = Array.from({ length: data.heads }, (_, i) => `${i + 1}`);
    const block = choice("Block", blocks, (i) => this.change({ block: i }));
    const head = choice("Head", [...heads, "mean"], (i) => this.change({ head: i }));
    this.canvas = picture(data.side, data.side, "");
    this.bars = bars("What the network says", data.classes);
    this.words = element("p", { class: "demo-words" });
    this.root.append(
      element("div", { class: "demo-row" }, image.box, block.box, head.box),
      element(
        "div",
        { class: "demo-row" },
        element("div", { class: "demo-attention" }, this.buildTokens(), this.words),
        this.bars.box,
      ),
    );
  }

  /** Every token is a radio button; those of the patches lie over the picture. */
  buildTokens() {
    const { grid } = this.data;
    this.tokens = Array.from({ length: 1 + grid ** 2 }, (_, i) =>
      element("button", {
        type: "button",
        role: "radio",
        class: "demo-token",
        onclick: () => this.ask(i),
        onfocus: () => this.ask(i),
        onpointerenter: ({ pointerType }) => pointerType === "mouse" && this.ask(i),
      }),
    );
    const [first, ...patches] = this.tokens;
    const group = element(
      "div",
      { role: "radiogroup", "aria-label": "Who looks?", onkeydown: (event) => this.move(event) },
      ...patches,
      first,
    );
    group.style.gridTemplateColumns = `repeat(${grid}, 1fr)`;
    return element("div", { class: "demo-tokens" }, this.canvas, group);
  }

  /** Run the network on another picture. */
  async look(image) {
    this.state.image = image;
    const pixels = Float32Array.from(this.data.images[image].pixels, (pixel) => pixel / 255);
    const values = await this.model.run(pixels);
    if (this.state.image !== image) return; // the reader has chosen another one meanwhile
    this.values = values;
    const [logits] = this.part("logits");
    this.probabilities = softmax(logits);
    this.bars.update(this.probabilities);
    paint(this.canvas, pixels);
    const { title } = this.data.images[image];
    this.canvas.setAttribute("aria-label", `The picture: ${title}`);
    this.show();
    const best = this.probabilities.indexOf(Math.max(...this.probabilities));
    this.say(`${title}: the network says ${this.data.classes[best]}.`);
  }

  ask(query) {
    if (query !== this.state.query) this.change({ query });
  }

  change(changes) {
    Object.assign(this.state, changes);
    this.show();
  }

  move(event) {
    const { query } = this.state;
    const { grid } = this.data;
    if (!(event.key in ARROWS)) return;
    event.preventDefault();
    const [down, right] = ARROWS[event.key];
    // The class token lies below the last row of patches.
    const row = query ? Math.floor((query - 1) / grid) : grid;
    const column = query ? (query - 1) % grid : 0;
    const next = Math.min(Math.max(row + down, 0), grid);
    const beside = Math.min(Math.max(column + right, 0), grid - 1);
    this.tokens[next === grid ? 0 : 1 + next * grid + beside].focus();
  }

  /** One output of the model: the rows of its last axis. */
  part(name) {
    const { shape, offset } = this.data.outputs.find((output) => output.name === name);
    const width = shape.at(-1);
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    return Array.from({ length: rows }, (_, i) =>
      this.values.subarray(offset + i * width, offset + (i + 1) * width),
    );
  }

  /** How much the asking token looks at each token: they sum to 1. */
  weights() {
    const { block, head, query } = this.state;
    const count = this.tokens.length;
    const rows = this.part(this.data.blocks[block]); // heads · tokens of them
    if (head < this.data.heads) return [...rows[head * count + query]];
    const ofHeads = Array.from({ length: this.data.heads }, (_, h) => rows[h * count + query]);
    const mean = (i) => ofHeads.reduce((sum, row) => sum + row[i], 0) / ofHeads.length;
    return this.tokens.map((_, i) => mean(i));
  }

  show() {
    const { query } = this.state;
    const weights = this.weights();
    const most = Math.max(...weights);
    this.tokens.forEach((token, i) => {
      // The strongest is drawn in full colour, whatever its weight: the numbers tell that.
      token.style.setProperty("--share", weights[i] / most);
      token.setAttribute("aria-checked", i === query);
      token.tabIndex = i === query ? 0 : -1;
      const text = percent(weights[i]);
      token.replaceChildren(element("span", {}, i ? text : `class token ${text}`));
      token.setAttribute("aria-label", `${this.nameOf(i)}: ${text}`);
    });
    this.words.textContent = this.inWords(weights);
    this.root.output = { ...this.state, weights, probabilities: this.probabilities };
  }

  inWords(weights) {
    const { block, head, query } = this.state;
    const order = weights.map((_, i) => i).sort((a, b) => weights[b] - weights[a]);
    const looked = order.slice(0, 3).map((i) => `${this.nameOf(i)} (${percent(weights[i])})`);
    const who = head < this.data.heads ? `head ${head + 1}` : "the mean of the heads";
    return (
      `In block ${block + 1}, ${who}, the ${this.nameOf(query)} looks most at the ` +
      `${looked.slice(0, -1).join(", the ")} and the ${looked.at(-1)}. Each of the ` +
      `${weights.length} tokens would get ${percent(1 / weights.length)} if it looked evenly.`
    );
  }

  nameOf(token) {
    if (!token) return "class token";
    const { grid } = this.data;
    const row = Math.floor((token - 1) / grid) + 1;
    return `patch in row ${row}, column ${((token - 1) % grid) + 1}`;
  }
}

function percent(share) {
  return `${(100 * share).toFixed(1)}\u00a0%`;
}
