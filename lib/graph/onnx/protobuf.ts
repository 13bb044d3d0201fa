/**
 * The part of protocol buffers that writing ONNX models and events needs: varints, length-delimited fields and packed
 * lists (https://protobuf.dev/programming-guides/encoding/). Nested messages and byte fields are kept by
 * reference and copied once at the end. Reading is left out.
 *
 * @module
 */

/** One message under construction. */
export class MessageWriter {
  #chunks: Uint8Array[] = [];
  #pending: number[] = [];
  #length = 0;

  /** An integer field (int32, int64, enum, bool): two's complement of 64 bits where negative. */
  integer(field: number, value: number | bigint): void {
    this.#varint(field << 3);
    this.#varint(value);
  }

  /** A float field: 32 bits, little-endian. */
  float(field: number, value: number): void {
    this.#varint((field << 3) | 5);
    this.#pending.push(...new Uint8Array(new Float32Array([value]).buffer));
  }

  /** A double field: 64 bits, little-endian. */
  double(field: number, value: number): void {
    this.#varint((field << 3) | 1);
    this.#pending.push(...new Uint8Array(new Float64Array([value]).buffer));
  }

  /** A string field, UTF-8. */
  string(field: number, value: string): void {
    this.bytes(field, new TextEncoder().encode(value));
  }

  /** A bytes field; the array is read when {@linkcode finish} is called, so leave it unchanged until then. */
  bytes(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    this.#flush();
    this.#chunks.push(value);
    this.#length += value.length;
  }

  /** A nested message written by `write`. */
  message(field: number, write: (message: MessageWriter) => void): void {
    const nested = new MessageWriter();
    write(nested);
    nested.#flush();
    this.#varint((field << 3) | 2);
    this.#varint(nested.#length);
    this.#flush();
    for (const chunk of nested.#chunks) this.#chunks.push(chunk);
    this.#length += nested.#length;
  }

  /** The bytes of the whole message. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    const bytes = new Uint8Array(this.#length);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }

  #varint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      this.#pending.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    this.#pending.push(Number(rest));
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#chunks.push(Uint8Array.from(this.#pending));
    this.#length += this.#pending.length;
    this.#pending = [];
  }
}
