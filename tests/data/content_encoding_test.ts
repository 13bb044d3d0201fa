/** Servers that pack a file by themselves: what is kept and read is what they packed. */
import assert from "node:assert/strict";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { undoEncoding } from "../../lib/data/formats/packed/content_encoding.ts";
import { readDataset } from "../../lib/data/rows/dataset.ts";
import { scene } from "../fixtures/hub_scene.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const CSV = "text,n\n" + Array.from({ length: 2000 }, (_, i) => `row ${i},${i}`).join("\n");

/** A bomb is made soon where nobody asks how small it is. */
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

const PACKED: Readonly<Record<string, Uint8Array>> = {
  gzip: gzipSync(CSV),
  "x-gzip": gzipSync(CSV),
  br: brotliCompressSync(CSV),
  "gzip, br": brotliCompressSync(gzipSync(CSV)),
  identity: new TextEncoder().encode(CSV),
};

Deno.test("undoEncoding() unpacks what a server may have packed, and tells the rest", async () => {
  const dir = await temporaryDirectory();
  const { signal } = new AbortController();
  const options = { to: `${dir}/out`, name: "a.csv", signal };
  for (const [encoding, bytes] of Object.entries(PACKED)) {
    await Deno.writeFile(`${dir}/in`, bytes);
    await undoEncoding(`${dir}/in`, encoding, options);
    assert.equal(await Deno.readTextFile(`${dir}/out`), CSV, encoding);
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["in", "out"]);
  }
  await assert.rejects(
    undoEncoding(`${dir}/in`, "compress", options),
    /packed a\.csv with "compress".*gzip/,
  );
  for (const encoding of ["gzip", "br"]) {
    await Deno.writeFile(`${dir}/in`, PACKED[encoding]!.subarray(0, 100));
    await assert.rejects(undoEncoding(`${dir}/in`, encoding, options), {
      name: "UserError",
      message: /a\.csv.* cannot be unpacked/,
    });
  }
  await Deno.writeFile(`${dir}/in`, brotliCompressSync(new Uint8Array(1 << 28), FAST));
  await assert.rejects(undoEncoding(`${dir}/in`, "br", options), /unpacks to more than/);
});

Deno.test("a csv that its server sends packed has the same rows, and is no other file", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(new Uint8Array(PACKED.gzip!), {
        headers: {
          "content-encoding": "gzip",
          "content-length": String(PACKED.gzip!.length),
          etag: '"1"',
        },
      }),
  );
  await using hub = await scene();
  const from = `http://127.0.0.1:${server.addr.port}/a.csv`;
  const { columns, splits } = await readDataset(await hub.download({ from }));
  assert.deepEqual(columns.map(({ type }) => type), ["string", "int"]);
  assert.equal(splits.data!.length, 2000);
});
