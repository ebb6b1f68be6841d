// Parts that several demos share: controls, bars of probabilities, small grey pictures.

let count = 0;

/** A DOM element; attributes whose name begins with "on" are listeners. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export function button(label, onClick) {
  return element("button", { type: "button", class: "demo-button", onclick: onClick }, label);
}

/**
 * A labelled slider with its value beside it. `format` turns the value into the words that are
 * shown and read out; `onInput` hears the value whenever the reader moves it.
 */
export function slider({ label, min, max, step, value, format = String, onInput }) {
  const id = `demo-control-${(count += 1)}`;
  const input = element("input", { type: "range", id, min, max, step, value });
  const shown = element("output", { for: id });
  const show = () => {
    shown.textContent = format(Number(input.value));
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  input.addEventListener("input", () => {
    show();
    onInput(Number(input.value));
  });
  show();
  const box = element("div", { class: "demo-slider" }, element("label", { for: id }, label));
  box.append(input, shown);
  // Moved by the demo, not by the reader: shown, but not reported.
  const set = (next) => {
    input.value = next;
    show();
  };
  return { box, input, set };
}

/** A labelled choice among words; `onChange` hears the index of the one chosen. */
export function choice(label, words, onChange) {
  const id = `demo-control-${(count += 1)}`;
  const options = words.map((word, i) => element("option", { value: i }, word));
  const select = element("select", { id }, ...options);
  select.addEventListener("change", () => onChange(Number(select.value)));
  const name = element("label", { for: id }, label);
  return { box: element("div", { class: "demo-choice" }, name, select), select };
}

/** A list of probabilities, each a word, a bar and a number; `update` takes them in order. */
export function bars(title, words) {
  const rows = words.map((word) => {
    const bar = element("span", { class: "demo-bar", "aria-hidden": "true" }, element("span"));
    const number = element("span", { class: "demo-number" });
    return { bar, number, row: element("li", {}, element("span", {}, word), bar, number) };
  });
  const list = element("ol", { class: "demo-bars", "aria-label": title });
  list.append(...rows.map(({ row }) => row));
  const update = (probabilities) => {
    const best = probabilities.indexOf(Math.max(...probabilities));
    rows.forEach(({ bar, number, row }, i) => {
      bar.firstChild.style.width = `${100 * probabilities[i]}%`;
      number.textContent = `${(100 * probabilities[i]).toFixed(1)} %`;
      row.classList.toggle("demo-best", i === best);
    });
  };
  return { box: element("div", {}, element("p", { class: "demo-title" }, title), list), update };
}

/** A canvas of the picture's own size; the style sheet enlarges it. */
export function picture(width, height, label) {
  const attributes = { width, height, class: "demo-picture", role: "img", "aria-label": label };
  return element("canvas", attributes);
}

/** Draw grey values into a canvas of their size: 0 black, `white` white. */
export function paint(canvas, values, white = 1) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < values.length; i += 1) {
    image.data.fill((255 * values[i]) / white, 4 * i, 4 * i + 3); // clamped to 0..255
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * A function that is called often but works slowly: while it works, only the newest call waits.
 * Keeps a picture in step with a slider without a queue.
 */
export function newestOnly(work) {
  let next = null;
  let working = null;
  return (...values) => {
    next = values;
    working ??= (async () => {
      try {
        while (next) {
          const now = next;
          next = null;
          await work(...now);
        }
      } finally {
        working = null;
      }
    })();
    return working;
  };
}

export function prefersStillness() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
