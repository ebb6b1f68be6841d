// ONNX Runtime Web, loaded once for all demos of a page.

import { fetchFile, unpack } from "./files.js";

const SCRIPT = "../onnxruntime/ort.wasm.bundle.min.mjs";
const BINARY = "../onnxruntime/ort-wasm-simd-threaded.wasm.gz";
let loading = null;
let ort = null;

/** Load the runtime, if that has not been done. */
export function load(attempt, onBytes) {
  loading ??= fetchRuntime(attempt, onBytes).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function fetchRuntime(attempt, onBytes) {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly");
  const [script, binary] = await Promise.all([
    import(`${SCRIPT}${attempt}`).catch(() => {
      throw new Error("the script of ONNX Runtime could not be loaded");
    }),
    fetchFile(new URL(BINARY, import.meta.url), onBytes).then(unpack),
  ]);
  // More threads would need headers of the web server (cross-origin isolation) that not every
  // host can send, and these models are small.
  script.env.wasm.numThreads = 1;
  script.env.wasm.wasmBinary = binary.buffer;
  ort = script;
}

/** A model out of an ONNX file's content; `load` comes before. */
export async function createModel(content) {
  return new Model(await ort.InferenceSession.create(content, { executionProviders: ["wasm"] }));
}

/** A model of one input and one output, as the course exports them. */
class Model {
  constructor(session) {
    this.session = session;
    this.input = session.inputMetadata[0];
    this.last = Promise.resolve();
  }

  /**
   * Numbers (batch, ...) in, numbers (batch, ...) out, both as one flat Float32Array. The size of
   * the batch follows from how many came. Calls wait for each other: a session runs one at a time.
   */
  run(values) {
    const shape = this.input.shape.slice(1);
    const batch = values.length / shape.reduce((product, size) => product * size, 1);
    const tensor = new ort.Tensor("float32", values, [batch, ...shape]);
    const result = this.last
      .then(() => this.session.run({ [this.input.name]: tensor }))
      .then((outputs) => outputs[this.session.outputNames[0]].data);
    this.last = result.catch(() => {});
    return result;
  }
}
