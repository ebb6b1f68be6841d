// Walk through the latent space of the course's conditional GAN, on a sphere: noise of 24 normal
// numbers nearly always lies about √24 from the origin, so that is where the generator was
// trained, and a straight line between two points would leave it.

import {
  button,
  choice,
  element,
  newestOnly,
  paint,
  picture,
  prefersStillness,
  slider,
} from "./parts.js";

const STATIONS = [...Array(8).keys()].map((i) => 45 * i - 180);
const DEGREES_A_SECOND = 30;
const STEP = 15;

export async function start(root, assets) {
  const [generator, { size, classes }] = await Promise.all([
    assets.model("model.onnx"),
    assets.json("latent.json"),
  ]);
  const now = { seed: 1, label: 0, longitude: 0, latitude: 0, sphere: sphereOf(1, size) };
  const canvas = picture(28, 28, "");
  canvas.classList.add("demo-large");

  const draw = newestOnly(async () => {
    const { label, longitude, latitude } = now;
    const noise = pointOn(now.sphere, longitude, latitude);
    const image = await generator.run(Float32Array.from([...noise, label]));
    paint(canvas, image);
    canvas.setAttribute("aria-label", `A generated picture of the class ${classes[label]}`);
    root.output = { noise, label, image };
  });

  const stations = STATIONS.map((longitude) => {
    const small = element("canvas", { width: 28, height: 28, class: "demo-picture" });
    const go = button("", () => walkTo(longitude));
    go.classList.add("demo-station");
    go.setAttribute("aria-label", `Go to longitude ${inDegrees(longitude)}`);
    go.append(small, inDegrees(longitude));
    return { go, small };
  });
  // All stations at the present latitude, in one batch.
  const drawStations = newestOnly(async () => {
    const rows = STATIONS.map((at) => [...pointOn(now.sphere, at, now.latitude), now.label]);
    const images = await generator.run(Float32Array.from(rows.flat()));
    stations.forEach(({ small }, i) => paint(small, images.subarray(784 * i, 784 * (i + 1))));
  });
  const drawAll = () => Promise.all([draw(), drawStations()]);

  const longitude = angle("Longitude", 180, (degrees) => {
    walk.stop();
    now.longitude = degrees;
    draw();
  });
  const latitude = angle("Latitude", 90, (degrees) => {
    now.latitude = degrees;
    drawAll();
  });
  const walkTo = (degrees) => {
    now.longitude = ((degrees + 540) % 360) - 180;
    longitude.set(Math.round(now.longitude));
    return draw();
  };
  const walk = walkButton(() => now.longitude, walkTo);
  const garment = choice("Class", classes, (label) => {
    now.label = label;
    drawAll();
  });
  const seed = element("span", { class: "demo-hint" }, "Sphere 1");
  const another = button("Another sphere", () => {
    now.seed += 1;
    now.sphere = sphereOf(now.seed, size);
    seed.textContent = `Sphere ${now.seed}`;
    drawAll();
  });

  root.append(
    element(
      "div",
      { class: "demo-row" },
      canvas,
      element(
        "div",
        { class: "demo-controls" },
        garment.box,
        longitude.box,
        latitude.box,
        element("div", { class: "demo-buttons" }, walk.box, another, seed),
      ),
    ),
    element("p", { class: "demo-title" }, "Eight stations on this circle of latitude"),
    element("div", { class: "demo-stations" }, ...stations.map(({ go }) => go)),
  );
  await drawAll();
}

function inDegrees(degrees) {
  return `${String(degrees).replace("-", "−")}°`;
}

function angle(label, most, onInput) {
  return slider({ label, min: -most, max: most, step: 1, value: 0, format: inDegrees, onInput });
}

/** A button that walks on and on; for readers who want no motion, a step at a press. */
function walkButton(where, walkTo) {
  if (prefersStillness()) {
    return { box: button(`Step by ${STEP}°`, () => walkTo(where() + STEP)), stop: () => {} };
  }
  let frame = null;
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = null;
    box.textContent = "Walk";
  };
  const go = (before) => {
    frame = requestAnimationFrame((time) => {
      walkTo(where() + (DEGREES_A_SECOND * Math.min(100, time - before)) / 1000);
      go(time);
    });
  };
  const box = button("Walk", () => {
    if (frame !== null) return stop();
    box.textContent = "Stop";
    return go(performance.now());
  });
  return { box, stop };
}

/** Three directions at right angles, and the length of a first draw of noise, from a seed. */
function sphereOf(seed, size) {
  const normal = normalNumbers(seed);
  const draws = [0, 1, 2].map(() => Array.from({ length: size }, normal));
  const axes = [];
  for (const draw of draws) {
    const rest = axes.reduce((left, axis) => minus(left, axis, dot(left, axis)), draw);
    axes.push(rest.map((value) => value / Math.sqrt(dot(rest, rest))));
  }
  return { axes, radius: Math.sqrt(dot(draws[0], draws[0])) };
}

function pointOn({ axes: [ahead, aside, up], radius }, longitude, latitude) {
  const [long, lat] = [longitude, latitude].map((degrees) => (degrees * Math.PI) / 180);
  const shares = [Math.cos(long) * Math.cos(lat), Math.sin(long) * Math.cos(lat), Math.sin(lat)];
  return ahead.map(
    (value, i) => radius * (shares[0] * value + shares[1] * aside[i] + shares[2] * up[i]),
  );
}

function dot(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

function minus(a, b, times) {
  return a.map((value, i) => value - times * b[i]);
}

/** Standard normal numbers by Box and Muller, from a small generator with a seed (mulberry32). */
function normalNumbers(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
