// The fast gradient sign method (Goodfellow et al. 2015, arXiv:1412.6572) under a slider: every
// pixel moves by ε in the direction that raises the loss. The directions, −1, 0 or 1, were taken
// by Keras when the site was built; the classifiers run here. The control is noise of the same
// size.

import { bars, choice, element, newestOnly, paint, picture, slider, softmax } from "./parts.js";

const KINDS = { fgsm: "FGSM", noise: "Noise of the same size" };
// In full, because the style sheet is cleared of classes that no script names.
const STYLES = { fgsm: "demo-fgsm", noise: "demo-noise" };
const MODELS = { usual: "trained as usual", hardened: "trained against attacks" };
const DIGITS = [...Array(10).keys()].map(String);
const STEP = 0.005;
const EPSILONS = [...Array(61).keys()].map((i) => STEP * i); // 0 to 0.3
const PIXELS = 28 * 28;

export async function start(root, assets) {
  const names = Object.keys(MODELS);
  const [data, ...loaded] = await Promise.all([
    assets.json("epsilon.json"),
    ...names.map((name) => assets.model(`${name}.onnx`)),
  ]);
  const models = Object.fromEntries(names.map((name, i) => [name, loaded[i]]));
  const now = { name: names[0], index: 4, epsilon: 0 };
  const panels = Object.entries(KINDS).map(([kind, title]) => panel(title));
  const curves = chart();
  const verdict = element("p", { class: "demo-verdict" });

  const change = (kind, epsilon) =>
    moved(data.images[now.index], directionsOf(data, kind, now), epsilon);

  const show = newestOnly(async () => {
    const { name, index, epsilon } = now;
    const pictures = Object.keys(KINDS).map((kind) => change(kind, epsilon));
    const logits = rows(await models[name].run(Float32Array.from(pictures.flat())));
    panels.forEach((one, i) => one.update(pictures[i], softmax(logits[i])));
    curves.mark(epsilon);
    root.output = { ...root.output, name, index, epsilon, pictures, logits };
  });

  // The whole range of ε, one batch a kind: where the prediction first becomes another one.
  const measure = newestOnly(async () => {
    const { name, index } = now;
    const lines = {};
    for (const kind of Object.keys(KINDS)) {
      const pictures = EPSILONS.flatMap((epsilon) => change(kind, epsilon));
      lines[kind] = rows(await models[name].run(Float32Array.from(pictures)));
    }
    if (name !== now.name || index !== now.index) return; // the reader has moved on
    const label = data.labels[index];
    const flips = Object.values(lines).map(firstFlip);
    curves.draw(Object.values(lines).map((line) => line.map((row) => softmax(row)[label])), flips);
    verdict.textContent = inWords(label, Object.values(lines), flips);
    root.output = { ...root.output, flips };
  });

  const epsilon = slider({
    label: "ε, the most that a pixel changes",
    min: 0,
    max: EPSILONS.at(-1),
    step: STEP,
    value: 0,
    format: (value) => value.toFixed(3),
    onInput: (value) => {
      now.epsilon = value;
      show();
    },
  });
  const showAnother = () => Promise.all([show(), measure()]);
  const which = choice("Network", Object.values(MODELS), (i) => {
    now.name = names[i];
    showAnother();
  });
  const examples = data.images.map((image, i) => {
    const small = element("canvas", { width: 28, height: 28, class: "demo-picture" });
    paint(small, image, 255);
    const choose = () => {
      now.index = i;
      examples.forEach((one, j) => one.setAttribute("aria-pressed", i === j));
      return showAnother();
    };
    return element(
      "button",
      {
        type: "button",
        class: "demo-button demo-example",
        "aria-label": `Test image: a ${data.labels[i]}`,
        "aria-pressed": String(i === now.index),
        onclick: choose,
      },
      small,
    );
  });

  root.append(
    which.box,
    element("div", { class: "demo-buttons" }, ...examples),
    epsilon.box,
    element("div", { class: "demo-pair" }, ...panels.map(({ box }) => box)),
    curves.box,
    verdict,
  );
  await showAnother();
}

function directionsOf(data, kind, { name, index }) {
  return kind === "fgsm" ? data.signs[name][index] : data.noise[index];
}

/** clip(x + ε · direction, 0, 1), as course_utils.attacks.fgsm does it. */
function moved(greys, directions, epsilon) {
  return greys.map((grey, i) => Math.min(1, Math.max(0, grey / 255 + epsilon * directions[i])));
}

function rows(numbers) {
  const count = numbers.length / DIGITS.length;
  return Array.from({ length: count }, (_, i) =>
    Array.from(numbers.subarray(i * DIGITS.length, (i + 1) * DIGITS.length)),
  );
}

function best(values) {
  return values.indexOf(Math.max(...values));
}

/** Index of the first ε at which the prediction is not that of ε = 0; −1 if there is none. */
function firstFlip(line) {
  return line.findIndex((row) => best(row) !== best(line[0]));
}

function inWords(label, lines, flips) {
  const before = best(lines[0][0]);
  const isRight = before === label;
  const start = isRight ? "" : `Wrong before any change: this ${label} is read as ${before}. `;
  const sentences = Object.values(KINDS).map((title, i) =>
    flips[i] < 0
      ? `${title}: no flip up to ε = ${EPSILONS.at(-1)}.`
      : `${title}: flips at ε = ${EPSILONS[flips[i]].toFixed(3)}, from ${before} to ` +
        `${best(lines[i][flips[i]])}.`,
  );
  return start + sentences.join(" ");
}

/** The changed picture and what the network makes of it. */
function panel(title) {
  const canvas = picture(28, 28, `The digit, changed by: ${title}`);
  const answer = bars(`Answers: ${title}`, DIGITS);
  const update = (values, probabilities) => {
    paint(canvas, values);
    answer.update(probabilities);
  };
  return { box: element("div", { class: "demo-panel" }, canvas, answer.box), update };
}

/** Probability of the true digit against ε, a line a kind, with a mark where each flips. */
function chart() {
  const [width, height, left, bottom] = [320, 130, 34, 28];
  const x = (epsilon) => left + ((width - left - 8) * epsilon) / EPSILONS.at(-1);
  const y = (share) => 8 + (height - bottom - 8) * (1 - share);
  const text = (content, attributes) => svg("text", attributes, content);
  const axes = svg("path", { d: `M${left} 8V${y(0)}H${width - 8}`, class: "demo-axis" });
  const ticks = [0, 0.1, 0.2, 0.3].map((at) =>
    text(String(at), { x: x(at), y: height - 14, "text-anchor": "middle" }),
  );
  const levels = [0, 1].map((at) =>
    text(`${100 * at} %`, { x: left - 4, y: y(at) + 4, "text-anchor": "end" }),
  );
  const name = text("ε", { x: x(0.25), y: height - 14, "text-anchor": "middle" });
  const marker = svg("line", { class: "demo-marker", y1: 8, y2: y(0) });
  const styles = Object.values(STYLES);
  const lines = styles.map((style) => svg("polyline", { class: `demo-line ${style}` }));
  const dots = styles.map((style) => svg("circle", { class: `demo-dot ${style}`, r: 5 }));
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "demo-chart", "aria-hidden": "true" },
    axes,
    ...ticks,
    ...levels,
    name,
    marker,
    ...lines,
    ...dots,
  );
  const keyOf = (kind) => element("span", { class: STYLES[kind] }, KINDS[kind]);
  const legend = element("p", { class: "demo-legend" }, ...Object.keys(KINDS).map(keyOf));
  const title = "Probability of the true digit; a dot marks the flip";
  const draw = (shares, flips) => {
    lines.forEach((line, i) => {
      const points = shares[i].map((share, j) => `${x(EPSILONS[j])},${y(share)}`);
      line.setAttribute("points", points.join(" "));
      dots[i].setAttribute("visibility", flips[i] < 0 ? "hidden" : "visible");
      if (flips[i] < 0) return;
      dots[i].setAttribute("cx", x(EPSILONS[flips[i]]));
      dots[i].setAttribute("cy", y(shares[i][flips[i]]));
    });
  };
  const mark = (epsilon) => {
    marker.setAttribute("x1", x(epsilon));
    marker.setAttribute("x2", x(epsilon));
  };
  const box = element("div", {}, element("p", { class: "demo-title" }, title), drawing, legend);
  return { box, draw, mark };
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
