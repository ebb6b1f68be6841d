// Draw a digit; the course's classifier names it, and its convolutions show what they answer.

import { asMnist } from "./mnist.js";
import { bars, button, element, newestOnly, paint, picture, softmax } from "./parts.js";

const DIGITS = [...Array(10).keys()].map(String);
const FIELD = 280; // side of the drawing in its own pixels, ten for one of the network's
const PEN = 22; // near the width of MNIST's strokes, which are two to three of 28 pixels
const STEP = 10;

export async function start(root, assets) {
  const [model, { outputs, images, labels }] = await Promise.all([
    assets.model("model.onnx"),
    assets.json("digit.json"),
  ]);
  const input = picture(28, 28, "What the network sees: your digit in 28 × 28 pixels");
  const answer = bars("What the network answers", DIGITS);
  const layers = outputs.slice(1).map(showLayer);

  const classify = newestOnly(async (values) => {
    const numbers = await model.run(values);
    const parts = outputs.map((output) => partOf(numbers, output));
    const probabilities = softmax(parts[0]);
    paint(input, values);
    answer.update(probabilities);
    layers.forEach((layer, i) => layer.update(parts[i + 1]));
    root.output = { input: values, logits: parts[0], layers: parts.slice(1) };
  });
  const tell = () => {
    const probabilities = softmax(root.output.logits);
    const best = probabilities.indexOf(Math.max(...probabilities));
    assets.say(`The network says ${best}, with ${Math.round(100 * probabilities[best])} percent.`);
  };

  const pad = drawingPad({
    onChange: (drawing) => classify(asMnist(drawing) ?? new Float32Array(28 * 28)),
    onRest: async () => {
      await classify(asMnist(pad.read()) ?? new Float32Array(28 * 28));
      tell();
    },
    say: assets.say,
  });
  const showExample = async (i) => {
    const values = Float32Array.from(images[i], (grey) => grey / 255);
    pad.show(values);
    await classify(values);
  };
  const examples = labels.map((label, i) =>
    button(String(label), () => showExample(i).then(tell)),
  );
  examples.forEach((one, i) => one.setAttribute("aria-label", `Example: a ${labels[i]}`));

  root.append(
    element(
      "div",
      { class: "demo-row" },
      element("div", { class: "demo-draw" }, pad.box, button("Clear", pad.clear)),
      element(
        "div",
        { class: "demo-controls" },
        element("p", { class: "demo-title" }, "What the network sees"),
        input,
        answer.box,
      ),
    ),
    element("p", { class: "demo-title" }, "Or take a digit of the test set"),
    element("div", { class: "demo-buttons" }, ...examples),
    ...layers.map(({ box }) => box),
  );
  await showExample(7);
}

function partOf(numbers, { shape, offset }) {
  return numbers.slice(offset, offset + shape.reduce((product, size) => product * size, 1));
}

/** The answers of one convolution, a small picture for each of the channels shown. */
function showLayer({ name, shape: [height, width, count], channels, of, white }) {
  const canvases = channels.map(() => element("canvas", { width, height, class: "demo-picture" }));
  const title = `${name.replace("l", "L")}: ${height} × ${width}, ${count} of ${of} channels`;
  const row = element("div", { class: "demo-channels", role: "img" }, ...canvases);
  const update = (values) => {
    const means = canvases.map((canvas, channel) => {
      const own = values.filter((_, i) => i % count === channel);
      paint(canvas, own, white);
      return own.reduce((sum, value) => sum + value, 0) / own.length;
    });
    const loudest = channels[means.indexOf(Math.max(...means))];
    row.setAttribute("aria-label", `${title}; channel ${loudest} answers most.`);
  };
  return { box: element("div", {}, element("p", { class: "demo-title" }, title), row), update };
}

/**
 * A field to draw in, with a mouse, a finger, a pen, or the keyboard. `onChange` gets the drawing
 * while it grows, as grey values in [0, 1]; `onRest` is called when the reader pauses.
 */
function drawingPad({ onChange, onRest, say }) {
  const canvas = element("canvas", {
    width: FIELD,
    height: FIELD,
    class: "demo-field",
    tabindex: "0",
    role: "application",
    "aria-label": "Field to draw a digit in",
    "aria-describedby": "demo-digit-keys",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const cursor = element("span", { class: "demo-pen", "aria-hidden": "true" });
  const pen = { x: FIELD / 2, y: FIELD / 4, isDown: false };

  const read = () => {
    const { data } = context.getImageData(0, 0, FIELD, FIELD);
    return Float32Array.from({ length: FIELD * FIELD }, (_, i) => data[4 * i] / 255);
  };
  const wipe = () => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, FIELD, FIELD);
  };
  const moveTo = (x, y) => {
    const from = { ...pen };
    pen.x = Math.min(FIELD, Math.max(0, x));
    pen.y = Math.min(FIELD, Math.max(0, y));
    cursor.style.left = `${(100 * pen.x) / FIELD}%`;
    cursor.style.top = `${(100 * pen.y) / FIELD}%`;
    if (!pen.isDown) return;
    context.lineWidth = PEN;
    context.lineCap = "round";
    context.strokeStyle = "#fff";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(pen.x, pen.y);
    context.stroke();
    onChange(read());
  };
  const setDown = (isDown) => {
    pen.isDown = isDown;
    cursor.classList.toggle("demo-pen-down", isDown);
    if (isDown) moveTo(pen.x, pen.y);
  };
  const lift = () => {
    if (!pen.isDown) return;
    setDown(false);
    onRest();
  };
  const clear = () => {
    setDown(false);
    wipe();
    onChange(read());
    say("The field is empty.");
  };

  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    const scale = FIELD / frame.width;
    return [(event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    setDown(false);
    moveTo(...place(event));
    setDown(true);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) moveTo(...place(event));
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  const keys = {
    ArrowLeft: () => moveTo(pen.x - STEP, pen.y),
    ArrowRight: () => moveTo(pen.x + STEP, pen.y),
    ArrowUp: () => moveTo(pen.x, pen.y - STEP),
    ArrowDown: () => moveTo(pen.x, pen.y + STEP),
    " ": () => {
      if (pen.isDown) return lift();
      setDown(true);
      return say("The pen is down.");
    },
    Escape: lift,
    Delete: clear,
    Backspace: clear,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("blur", lift);

  const show = (values) => {
    const small = element("canvas", { width: 28, height: 28 });
    paint(small, values);
    context.drawImage(small, 0, 0, FIELD, FIELD);
  };
  wipe();
  moveTo(pen.x, pen.y);
  const help = element(
    "p",
    { id: "demo-digit-keys", class: "demo-hint" },
    "Draw here. By keyboard: arrow keys move the pen, Space puts it down and lifts it, " +
      "Delete clears.",
  );
  const field = element("div", { class: "demo-field-box" }, canvas, cursor);
  return { box: element("div", {}, field, help), read, clear, show };
}
