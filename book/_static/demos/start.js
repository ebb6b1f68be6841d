// Starts a demo when the reader asks for it: its script first, then what the script loads.
// What a demo has to offer, and what it gets, stands in the comment at `assetsOf`.

import { fetchFile, unpack } from "./files.js";
import { element } from "./parts.js";

const boxes = [...document.querySelectorAll(".course-demo")];
let runtimeIsHere = false;

for (const box of boxes) {
  const button = box.querySelector(".course-demo-door button");
  button.hidden = false;
  button.addEventListener("click", () => start(box, button));
}

async function start(box, button) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  const root = element("div", { class: "course-demo-root", tabindex: "-1" });
  try {
    say(box, `Loading ${megabytes(bytesToLoad(box))}.`);
    const attempt = countAttempt(box);
    const demo = await importScript(`${box.dataset.demo}.js`, attempt);
    await demo.start(root, assetsOf(box, attempt, progressOf(box, button)));
  } catch (error) {
    console.warn(error);
    say(box, `The demo could not be started: ${error.message}.`);
    button.textContent = "Try again";
    button.removeAttribute("aria-disabled");
    return;
  }
  const waited = [button, document.body].includes(document.activeElement);
  const words = box.querySelector("details");
  words.open = false;
  box.querySelector(".course-demo-words").append(words);
  box.querySelector(".course-demo-stage").replaceChildren(root);
  box.dataset.started = "";
  if (waited) root.focus({ preventScroll: true });
  say(box, "The demo is ready.");
  if (Number(box.dataset.runtime)) forgetRuntime();
}

// What a demo gets beside the element into which it puts itself. A demo's script exports
//   async function start(root, assets)
// which resolves when everything is loaded and `root` shows the first result. From then on
// `root.output` holds the last numbers behind what is seen, for the tests.
function assetsOf(box, attempt, onBytes) {
  const url = (file) => new URL(`${box.dataset.demo}/${file}.gz`, import.meta.url);
  const bytes = async (file) => unpack(await fetchFile(url(file), onBytes));
  return {
    // A file of the demo: as Uint8Array, or read as JSON.
    bytes,
    json: async (file) => JSON.parse(new TextDecoder().decode(await bytes(file))),
    // An ONNX file of the demo, ready to run: see Model in runtime.js.
    model: async (file) => {
      const runtime = await importScript("runtime.js", attempt);
      const [content] = await Promise.all([bytes(file), runtime.load(attempt, onBytes)]);
      return runtime.createModel(content);
    },
    // Tells those who listen instead of looking; for what changed by the reader's own doing.
    say: (text) => say(box, text),
  };
}

async function importScript(name, attempt) {
  try {
    return await import(`./${name}${attempt}`);
  } catch (error) {
    console.warn(error);
    throw new Error(`the script ${name} could not be loaded`);
  }
}

function say(box, text) {
  box.querySelector(".course-demo-status").textContent = text;
}

// Browsers remember that a script could not be had; another address asks anew.
function countAttempt(box) {
  const attempt = Number(box.dataset.attempt ?? 0);
  box.dataset.attempt = attempt + 1;
  return attempt ? `?attempt=${attempt}` : "";
}

function bytesToLoad(box) {
  return Number(box.dataset.own) + (runtimeIsHere ? 0 : Number(box.dataset.runtime));
}

function progressOf(box, button) {
  const total = bytesToLoad(box);
  const { attempt } = box.dataset;
  let loaded = 0;
  button.textContent = "Loading…";
  return (count) => {
    // What comes after another file was lost is not told.
    const isOver = button.getAttribute("aria-disabled") !== "true";
    if (isOver || box.dataset.attempt !== attempt) return;
    loaded += count;
    button.textContent = `Loading… ${(loaded / 1e6).toFixed(1)} of ${megabytes(total)}`;
  };
}

function megabytes(bytes) {
  return bytes >= 1e5 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}

// The other demos now load less, and say so.
function forgetRuntime() {
  runtimeIsHere = true;
  for (const box of boxes.filter((one) => !("started" in one.dataset))) {
    const size = megabytes(bytesToLoad(box));
    const button = box.querySelector(".course-demo-door button");
    if (button.getAttribute("aria-disabled") !== "true") button.textContent = `Start (${size})`;
    box.querySelector(".course-demo-size").textContent =
      `Loads ${size}, packed by gzip; the rest is here already.`;
  }
}
