// Files that a demo loads, packed by gzip: not every web server packs large files by itself.

/** The content of a file as Uint8Array; `onBytes` hears how many more bytes have come. */
export async function fetchFile(url, onBytes = () => {}) {
  const name = new URL(url).pathname.split("/").pop();
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) throw new Error(`the file ${name} could not be loaded`);
  const chunks = [];
  const reader = response.body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    onBytes(next.value.length);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Unpack gzip. Some servers say of such files that they are encoded: the browser did it then. */
export async function unpack(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser cannot unpack gzip, a newer one is needed");
  }
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
