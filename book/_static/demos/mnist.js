// How MNIST's pictures were made out of scanned digits, after LeCun et al. 1998, section III.A:
// the digit is scaled to fit into 20 × 20, its proportions kept, and put into 28 × 28 so that its
// centre of mass lies in the middle. A network knows only digits that lie so.

const BOX = 20;
const SIDE = 28;

/** A square drawing, grey values in [0, 1], as the network's input of 28 × 28; null if empty. */
export function asMnist(drawing) {
  const side = Math.sqrt(drawing.length);
  const ink = boundsOfInk(drawing, side);
  if (!ink) return null;
  const scale = BOX / Math.max(ink.width, ink.height);
  const width = Math.max(1, Math.round(ink.width * scale));
  const height = Math.max(1, Math.round(ink.height * scale));
  const small = shrink(cut(drawing, side, ink), ink, { width, height });
  return centred(small, width, height);
}

function boundsOfInk(values, side) {
  let [left, top, right, bottom] = [side, side, -1, -1];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] <= 0) continue;
    left = Math.min(left, i % side);
    right = Math.max(right, i % side);
    top = Math.min(top, Math.floor(i / side));
    bottom = Math.max(bottom, Math.floor(i / side));
  }
  if (right < 0) return null;
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

function cut(values, side, { left, top, width, height }) {
  const part = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const from = (top + y) * side + left;
    part.set(values.subarray(from, from + width), y * width);
  }
  return part;
}

/** Every new pixel is the mean of the area that it covers: rows first, then columns. */
function shrink(values, from, to) {
  const across = shares(from.width, to.width);
  const down = shares(from.height, to.height);
  const rows = new Float32Array(from.height * to.width);
  for (let y = 0; y < from.height; y += 1) {
    for (const { source, target, share } of across) {
      rows[y * to.width + target] += share * values[y * from.width + source];
    }
  }
  const small = new Float32Array(to.height * to.width);
  for (const { source, target, share } of down) {
    for (let x = 0; x < to.width; x += 1) {
      small[target * to.width + x] += share * rows[source * to.width + x];
    }
  }
  return small;
}

/** How much each of `from` pixels in a line gives to each of `to`. */
function shares(from, to) {
  const ratio = from / to;
  const found = [];
  for (let target = 0; target < to; target += 1) {
    const [begin, end] = [target * ratio, (target + 1) * ratio];
    for (let source = Math.floor(begin); source < Math.min(from, Math.ceil(end)); source += 1) {
      const overlap = Math.min(end, source + 1) - Math.max(begin, source);
      found.push({ source, target, share: overlap / ratio });
    }
  }
  return found;
}

function centred(values, width, height) {
  let [sum, x, y] = [0, 0, 0];
  values.forEach((value, i) => {
    sum += value;
    x += value * (i % width);
    y += value * Math.floor(i / width);
  });
  const left = offset(x / sum, width);
  const top = offset(y / sum, height);
  const field = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < height; row += 1) {
    const part = values.subarray(row * width, (row + 1) * width);
    field.set(part, (top + row) * SIDE + left);
  }
  return field;
}

/** By whole pixels, and never over the edge. */
function offset(centre, size) {
  return Math.min(SIDE - size, Math.max(0, Math.round(SIDE / 2 - centre)));
}
