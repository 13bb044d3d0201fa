/**
 * XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md), whose lower half is the
 * checksum of a Zstandard frame.
 *
 * Numbers of 64 bits are pairs of 32-bit halves, high and low: bigints take twenty times as long.
 *
 * @module
 */

type Word = readonly [high: number, low: number];

const P1: Word = [0x9e3779b1, 0x85ebca87];
const P2: Word = [0xc2b2ae3d, 0x27d4eb4f];
const P3: Word = [0x165667b1, 0x9e3779f9];
const P4: Word = [0x85ebca77, 0xc2b2ae63];
const P5: Word = [0x27d4eb2f, 0x165667c5];

const STRIPE = 32;

/** The hash of bytes that come in pieces. */
export class XxHash64 {
  /** Four lanes, each high and low. */
  readonly #lanes = new Int32Array(8);
  readonly #rest = new Uint8Array(STRIPE);
  #length = 0;

  constructor() {
    const lanes: Word[] = [add(P1, P2), P2, [0, 0], sub([0, 0], P1)];
    lanes.forEach(([high, low], i) => this.#lanes.set([high, low], 2 * i));
  }

  /** Takes more bytes. */
  update(bytes: Uint8Array): void {
    let at = 0;
    const held = this.#length % STRIPE;
    this.#length += bytes.length;
    if (held > 0) {
      at = Math.min(STRIPE - held, bytes.length);
      this.#rest.set(bytes.subarray(0, at), held);
      if (held + at < STRIPE) return;
      this.#stripes(this.#rest, 0);
    }
    at = this.#stripes(bytes, at);
    this.#rest.set(bytes.subarray(at));
  }

  /** The lower 32 bits of the hash of all bytes. */
  low(): number {
    const lane = (i: number): Word => [this.#lanes[2 * i]!, this.#lanes[2 * i + 1]!];
    let hash = P5;
    if (this.#length >= STRIPE) {
      hash = [1, 7, 12, 18].map((bits, i) => rotate(lane(i), bits)).reduce(add);
      for (let i = 0; i < 4; i++) hash = add(multiply(xor(hash, round([0, 0], lane(i))), P1), P4);
    }
    hash = add(hash, [Math.floor(this.#length / 2 ** 32), this.#length | 0]);
    const rest = new DataView(this.#rest.buffer, 0, this.#length % STRIPE);
    let at = 0;
    for (; at + 8 <= rest.byteLength; at += 8) {
      const word: Word = [rest.getInt32(at + 4, true), rest.getInt32(at, true)];
      hash = add(multiply(rotate(xor(hash, round([0, 0], word)), 27), P1), P4);
    }
    if (at + 4 <= rest.byteLength) {
      const word = multiply([0, rest.getInt32(at, true)], P1);
      hash = add(multiply(rotate(xor(hash, word), 23), P2), P3);
      at += 4;
    }
    for (; at < rest.byteLength; at++) {
      hash = multiply(rotate(xor(hash, multiply([0, rest.getUint8(at)], P5)), 11), P1);
    }
    hash = multiply(xor(hash, shift(hash, 33)), P2);
    hash = multiply(xor(hash, shift(hash, 29)), P3);
    return xor(hash, shift(hash, 32))[1] >>> 0;
  }

  /** Takes whole stripes from `at` on; returns where they end. */
  #stripes(bytes: Uint8Array, at: number): number {
    const lanes = this.#lanes;
    const [p1h, p1l, p2h, p2l] = [...P1, ...P2] as [number, number, number, number];
    for (; at + STRIPE <= bytes.length; at += STRIPE) {
      for (let i = 0; i < 8; i += 2) {
        const b = at + 4 * i;
        const low = bytes[b]! | (bytes[b + 1]! << 8) | (bytes[b + 2]! << 16) |
          (bytes[b + 3]! << 24);
        const high = bytes[b + 4]! | (bytes[b + 5]! << 8) | (bytes[b + 6]! << 16) |
          (bytes[b + 7]! << 24);
        // lane = rotate(lane + word * P2, 31) * P1
        const productHigh = (highOf(low, p2l) + Math.imul(low, p2h) + Math.imul(high, p2l)) | 0;
        const sumLow = (lanes[i + 1]! >>> 0) + (Math.imul(low, p2l) >>> 0);
        const sumHigh = (lanes[i]! + productHigh + (sumLow > 0xffffffff ? 1 : 0)) | 0;
        const turnedHigh = (sumHigh << 31) | ((sumLow | 0) >>> 1);
        const turnedLow = ((sumLow | 0) << 31) | (sumHigh >>> 1);
        lanes[i] = highOf(turnedLow, p1l) + Math.imul(turnedLow, p1h) + Math.imul(turnedHigh, p1l);
        lanes[i + 1] = Math.imul(turnedLow, p1l);
      }
    }
    return at;
  }
}

/** The upper half of the product of two numbers of 32 bits. */
function highOf(a: number, b: number): number {
  const a1 = a >>> 16;
  const a0 = a & 0xffff;
  const b1 = b >>> 16;
  const b0 = b & 0xffff;
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (other >>> 16)) | 0;
}

function round(lane: Word, word: Word): Word {
  return multiply(rotate(add(lane, multiply(word, P2)), 31), P1);
}

function add(a: Word, b: Word): Word {
  const low = (a[1] >>> 0) + (b[1] >>> 0);
  return [(a[0] + b[0] + (low > 0xffffffff ? 1 : 0)) | 0, low | 0];
}

function sub(a: Word, b: Word): Word {
  return add(a, add([~b[0], ~b[1]], [0, 1]));
}

function multiply(a: Word, b: Word): Word {
  return [
    (highOf(a[1], b[1]) + Math.imul(a[1], b[0]) + Math.imul(a[0], b[1])) | 0,
    Math.imul(a[1], b[1]),
  ];
}

function xor(a: Word, b: Word): Word {
  return [a[0] ^ b[0], a[1] ^ b[1]];
}

function rotate([high, low]: Word, bits: number): Word {
  return [(high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits))];
}

function shift([high, low]: Word, bits: number): Word {
  return bits >= 32
    ? [0, high >>> (bits - 32)]
    : [high >>> bits, (low >>> bits) | (high << (32 - bits))];
}
