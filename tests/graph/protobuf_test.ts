import assert from "node:assert/strict";
import { MessageWriter } from "../../lib/graph/onnx/protobuf.ts";

const cases: [string, (message: MessageWriter) => void, number[]][] = [
  // The first two are the examples of protobuf.dev/programming-guides/encoding.
  ["a varint", (m) => m.integer(1, 150), [0x08, 0x96, 0x01]],
  ["a string", (m) => m.string(2, "testing"), [0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]],
  ["a nested message", (m) => m.message(3, (n) => n.integer(1, 150)), [0x1a, 3, 0x08, 0x96, 0x01]],
  ["a float", (m) => m.float(2, 1), [0x15, 0, 0, 0x80, 0x3f]],
  ["a negative number", (m) => m.integer(1, -1), [0x08, ...Array(9).fill(0xff), 1]],
  ["a field above 15", (m) => m.integer(20, 7), [0xa0, 0x01, 7]],
  ["empty bytes", (m) => m.bytes(1, new Uint8Array(0)), [0x0a, 0]],
  ["fields in order", (m) => {
    m.integer(1, 1);
    m.bytes(2, Uint8Array.of(9));
    m.integer(3, 2);
  }, [0x08, 1, 0x12, 1, 9, 0x18, 2]],
];

for (const [what, write, bytes] of cases) {
  Deno.test(`MessageWriter encodes ${what}`, () => {
    const message = new MessageWriter();
    write(message);
    assert.deepEqual([...message.finish()], bytes);
  });
}
