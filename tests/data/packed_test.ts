import assert from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { UserError } from "../../lib/base/errors.ts";
import { fileBytes } from "../../lib/data/formats/packed/bytes.ts";
import { XxHash64 } from "../../lib/data/formats/packed/xxhash64.ts";
import { openJsonl } from "../../lib/data/formats/text/json.ts";
import { fileOf, readRows } from "../fixtures/row_files.ts";

const utf8 = new TextEncoder();

function joined(...parts: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** What a packed file unpacks to; the message where it does not. */
async function unpacked(name: string, content: Uint8Array): Promise<string> {
  const file = await fileOf(name, content);
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of fileBytes(file, {})) parts.push(chunk);
  } catch (error) {
    assert.ok(error instanceof UserError, String((error as Error).stack));
    assert.ok(error.message.includes(name), error.message);
    return error.message;
  }
  return new TextDecoder().decode(joined(...parts));
}

const text = Array.from({ length: 30_000 }, (_, i) => `${i} ${Math.sin(i)}`).join("\n");
const [a, b] = [utf8.encode("one\n"), utf8.encode("two\n")];

/** A Zstandard frame, with its content's checksum or without. */
function zstd(content: string | Uint8Array, hasChecksum = true): Uint8Array {
  return zstdCompressSync(content, { params: { 201: hasChecksum ? 1 : 0 } });
}

Deno.test("gzip of several members and with zeros behind it is read to its end", async () => {
  const [first, second, long] = [gzipSync(a), gzipSync(b), gzipSync(text)];
  const cases: [Uint8Array, string][] = [
    [joined(first, second), "one\ntwo\n"],
    [joined(long, second, long), `${text}two\n${text}`],
    [joined(first, new Uint8Array(511)), "one\n"],
    [joined(first, second, new Uint8Array(1_000_000)), "one\ntwo\n"],
    [joined(gzipSync(""), first, gzipSync(""), new Uint8Array(3)), "one\n"],
    [gzipSync(""), ""],
  ];
  for (const [content, expected] of cases) assert.equal(await unpacked("a.gz", content), expected);
  const rows = await readRows(
    openJsonl(await fileOf("a.jsonl.gz", joined(gzipSync('{"a":1}\n'), gzipSync('{"a":2}\n')))),
  );
  assert.deepEqual(rows.rows, [{ a: 1 }, { a: 2 }]);
});

Deno.test("zstd of several frames, skippable ones and checksums is read to its end", async () => {
  const skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
  const [first, second] = [zstd(a), zstd(b, false)];
  const cases: [Uint8Array, string][] = [
    [joined(first, second), "one\ntwo\n"],
    [joined(skippable, first, skippable, second, skippable), "one\ntwo\n"],
    [joined(zstd(""), zstd("", false), first), "one\n"],
    [joined(zstd(text), zstd(text, false), second), `${text}${text}two\n`],
    [zstd("x".repeat(1_000_000)), "x".repeat(1_000_000)],
    // As a program writes that flushes: small blocks of a frame whose size it does not know.
    [
      joined([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 8, 0, 0, 65, 0, 0, 0, 0x0a, 0, 0, 66, 1, 0, 0]),
      "AB",
    ],
  ];
  for (const [content, expected] of cases) assert.equal(await unpacked("a.zst", content), expected);
  const rows = await readRows(openJsonl(await fileOf("a.jsonl.zst", zstd('{"a":1}\n'))));
  assert.deepEqual(rows.rows, [{ a: 1 }]);
});

Deno.test("100,000 empty members take time in proportion", async () => {
  for (
    const [name, empty, last] of [["a.gz", gzipSync(""), gzipSync(a)], [
      "a.zst",
      zstd(""),
      zstd(a),
    ]] as const
  ) {
    const many = new Uint8Array(empty.length * 100_000);
    for (let i = 0; i < 100_000; i++) many.set(empty, i * empty.length);
    const began = performance.now();
    assert.equal(await unpacked(name, joined(many, last)), "one\n");
    assert.ok(performance.now() - began < 60_000);
  }
});

/** A frame that says nothing of its size and asks for a window of 2^`log` bytes, of `blocks` raw ones. */
function wideFrame(log: number, blocks: readonly Uint8Array[]): Uint8Array {
  const parts = blocks.map((bytes, i) => {
    const word = (bytes.length << 3) | (i === blocks.length - 1 ? 1 : 0);
    return joined([word & 255, (word >> 8) & 255, word >> 16], bytes);
  });
  return joined([0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3], ...parts);
}

Deno.test("many small frames of wide windows take no window each, or are refused", async () => {
  const line = utf8.encode("sixteen and a one");
  const small = wideFrame(27, [line]);
  const many = joined(...Array.from({ length: 2000 }, () => small));
  const began = performance.now();
  assert.equal(await unpacked("a.zst", many), "sixteen and a one".repeat(2000));
  const long = wideFrame(27, Array.from({ length: 40 }, () => line));
  const hostile = joined(...Array.from({ length: 400 }, () => long));
  assert.match(await unpacked("a.zst", hostile), /made to take for ever/);
  // Each of them took half a second, and there may be 100,000.
  assert.ok(performance.now() - began < 60_000, `${performance.now() - began} ms`);
});

Deno.test("a packed file that is cut off, damaged or something else is told in words", async () => {
  const [gzip, frame] = [gzipSync(text), zstd(text)];
  for (const [name, whole] of [["a.gz", gzip], ["a.zst", frame]] as const) {
    for (const length of [0, 1, 3, 5, 9, 17, 20, 1000, whole.length - 5, whole.length - 1]) {
      assert.match(await unpacked(name, whole.subarray(0, length)), /cut off|it is no zstd/);
      const second = joined(whole, whole.subarray(0, Math.max(4, length)));
      assert.match(await unpacked(name, second), /cut off/);
    }
    assert.match(await unpacked(name, utf8.encode(text)), /it is no (gzip|zstd)/);
    assert.match(await unpacked(name, joined(whole, utf8.encode("more text"))), /follows|behind/);
  }
  const behind = /something behind its end|follows a part of it/;
  assert.match(await unpacked("a.gz", joined(gzip, new Uint8Array(9), gzip)), behind);
  assert.match(await unpacked("a.gz", joined(gzip, new Uint8Array(900_000), [1])), behind);
  assert.match(await unpacked("a.zst", joined(frame, new Uint8Array(9))), behind);
});

Deno.test("a byte of a packed file that is another is told, or changes nothing", async () => {
  for (const [name, whole] of [["a.gz", gzipSync(text)], ["a.zst", zstd(text)]] as const) {
    for (let i = 0; i < 120; i++) {
      const damaged = Uint8Array.from(whole);
      damaged[i < 20 ? i : (i * 7919) % whole.length]! ^= 1 << (i % 8);
      const result = await unpacked(name, damaged);
      if (!result.includes("cannot be unpacked")) assert.equal(result, text, `${name} ${i}`);
    }
  }
});

Deno.test("zstd that needs a dictionary or a huge window is told", async () => {
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  assert.match(
    await unpacked("a.zst", joined(magic, [0x01, 0x58, 7, 1, 0, 0])),
    /packed with a dictionary/,
  );
  assert.match(
    await unpacked("a.zst", joined(magic, [0x00, 0xa0, 1, 0, 0])),
    /needs 1073741824 bytes of memory/,
  );
});

Deno.test("a bomb is told before it fills a memory, and before it takes for ever", async () => {
  const zeros = new Uint8Array((1 << 27) + (1 << 20));
  assert.match(await unpacked("a.zst", zstd(zeros)), /a\.zst unpacks to more than \d+ bytes/);
  assert.match(
    await unpacked("a.gz", gzipSync(zeros)),
    /a\.gz unpacks to more than \d+ bytes/,
  );
  // A window of 128 MB and blocks of one byte, four bytes each.
  const blocks = new Uint8Array(4 * 1000);
  for (let i = 0; i < blocks.length; i += 4) blocks.set([0x0a, 0, 0, 65], i);
  const window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88];
  assert.match(await unpacked("a.zst", joined(window, blocks)), /made to take for ever/);
});

Deno.test("progress counts the bytes of the packed file, and reading ends on request", async () => {
  const content = gzipSync(text);
  const file = await fileOf("a.gz", content);
  let seen = 0;
  for await (const _ of fileBytes(file, { progress: (bytes) => seen += bytes })) {
    // Progress alone is of interest.
  }
  assert.equal(seen, content.length);
  const reason = new Error("stopped");
  for (const name of ["a.gz", "a.txt"]) {
    const stop = new AbortController();
    const reading = fileBytes({ ...file, name }, { signal: stop.signal });
    await reading.next();
    stop.abort(reason);
    await assert.rejects(
      async () => {
        while (!(await reading.next()).done);
        throw reason; // all was read before
      },
      reason,
    );
  }
});

Deno.test("XxHash64 has the lower halves of published hashes, in whatever pieces bytes come", () => {
  const published: [string, number][] = [
    ["", 0x51d8e999],
    ["a", 0xa98c6e5b],
    ["abc", 0xad770999],
    ["Nobody inspects the spammish repetition", 0x8a378bf1],
  ];
  for (const [text, low] of published) {
    const bytes = utf8.encode(text);
    for (const size of [1, 3, 8, 31, 32, 33, 100]) {
      const hash = new XxHash64();
      for (let i = 0; i < bytes.length; i += size) hash.update(bytes.subarray(i, i + size));
      assert.equal(hash.low(), low, `${text} by ${size}`);
    }
  }
});
