import { canonicalDigest } from "../../lib/base/canonical_json.ts";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { fetchNpm, resolveNpm } from "../../lib/data/sources/npm_source.ts";
import { resolveFiles } from "../../lib/data/sources/file_source.ts";
import { hashFile, sha256Hex } from "../../lib/base/hash.ts";
import { type NpmSource, parseSource } from "../../lib/data/sources/source.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const sha256 = async (path: string): Promise<string> => (await hashFile(path)).digest;

Deno.test("parseSource() reads every form", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["npm:@org/data@1.2.3/a/*.txt", {
      type: "npm",
      package: "@org/data",
      version: "1.2.3",
      pattern: "a/*.txt",
    }],
    ["npm:data@1.2.3-beta.1/x", {
      type: "npm",
      package: "data",
      version: "1.2.3-beta.1",
      pattern: "x",
    }],
    ["hf://org/name", { type: "hub", repo: { type: "model", name: "org/name" }, revision: "main" }],
    ["hf://gpt2@v1", { type: "hub", repo: { type: "model", name: "gpt2" }, revision: "v1" }],
    ["hf://datasets/o/n/x/*.parquet", {
      type: "hub",
      repo: { type: "dataset", name: "o/n" },
      revision: "main",
      pattern: "x/*.parquet",
    }],
    ["hf://datasets/o/n@v1", {
      type: "hub",
      repo: { type: "dataset", name: "o/n" },
      revision: "v1",
    }],
    ["hf://datasets/o/n@refs/convert/parquet/a/b.parquet", {
      type: "hub",
      repo: { type: "dataset", name: "o/n" },
      revision: "refs/convert/parquet",
      pattern: "a/b.parquet",
    }],
    ["https://example.org/a b.csv", { type: "http", url: "https://example.org/a%20b.csv" }],
    [`https://example.org/a.csv#sha256=${"Ab".repeat(32)}`, {
      type: "http",
      url: "https://example.org/a.csv",
      sha256: "ab".repeat(32),
    }],
    ["https://example.org/a.csv#part", { type: "http", url: "https://example.org/a.csv#part" }],
    ["../poems.txt", { type: "file", pattern: "../poems.txt" }],
    ["file:///a/b%20c.txt", { type: "file", pattern: "/a/b c.txt" }],
  ];
  for (const [written, expected] of cases) {
    assert.deepEqual(parseSource(written), { written, ...expected });
  }
});

Deno.test("parseSource() says what is wrong with a source", () => {
  const cases: [string, RegExp][] = [
    ["npm:data/x.txt", /names no version/],
    ["npm:data@^1.0.0/x.txt", /no exact version/],
    ["npm:data@latest/x.txt", /"latest", which is no exact version/],
    ["npm:data@1.0.0", /names no file/],
    ["npm:data@1.0.0/../x", /leaves the package/],
    ["hf://o/n/config.json", /names a file of a model.*allow_patterns/],
    ["hf://spaces/o/n", /no source on a hub/],
    ["https://o.org/a#sha256=abc", /checksum "sha256=abc"; #sha256= and 64 hexadecimal digits/],
    [`https://o.org/a#md5=${"a".repeat(32)}`, /checksum "md5=.*#sha256=/],
    ["s3://bucket/x", /"s3:" is no kind of source/],
    ["htps://x.org/y", /did you mean "https"/],
    ["file://reviews.csv", /names no file of this machine; file:\/\/\/FOLDER/],
    ["", /is empty/],
  ];
  for (const [written, expected] of cases) {
    assert.throws(() => parseSource(written), expected, written);
  }
});

Deno.test("resolveFiles() finds files from the pipeline's folder and takes their digests", async () => {
  const dir = await temporaryDirectory();
  await Deno.mkdir(`${dir}/data`);
  for (const name of ["p_10.txt", "p_2.txt", "q.txt"]) {
    await Deno.writeTextFile(`${dir}/data/${name}`, name);
  }
  const of = (pattern: string, baseDir = dir): ReturnType<typeof resolveFiles> =>
    resolveFiles({ type: "file", written: pattern, pattern }, {
      baseDir,
      pins: { get: () => undefined, set: () => {} },
      update: false,
      offline: true,
      digestFile: sha256,
      env: () => undefined,
      signal: new AbortController().signal,
    });
  const { key, data, read } = await of("data/p_*.txt");
  assert.deepEqual(read, [`${dir}/data/p_2.txt`, `${dir}/data/p_10.txt`]);
  assert.deepEqual(data.type === "file" && data.files.map(({ name }) => name), [
    "data/p_2.txt",
    "data/p_10.txt",
  ]);
  assert.deepEqual(Object.values(key as object), [
    await sha256(read![0]!),
    await sha256(read![1]!),
  ]);
  // The same file from elsewhere is the same source.
  assert.deepEqual((await of("data/q.txt")).key, (await of("q.txt", `${dir}/data`)).key);
  assert.deepEqual((await of(`${dir}/data/q.txt`)).key, (await of("data/q.txt")).key);
  assert.deepEqual((await of(`${dir}/data/p_*.txt`)).read, read);
  await Deno.writeTextFile(`${dir}/data/q[1].txt`, "brackets");
  assert.deepEqual((await of("data/q[1].txt")).read, [`${dir}/data/q[1].txt`]);
  await assert.rejects(
    of("data/qq.txt"),
    /no file data\/qq\.txt.*did you mean "q\.txt".*p_2\.txt, p_10\.txt/,
  );
  await assert.rejects(of("dta/q.txt"), /no file dta\/q\.txt.*is not there either/);
  await assert.rejects(of("data"), /data is a folder.*data\/\*\.txt/);
  await assert.rejects(of("data/*.csv"), /no file matches data\/\*\.csv/);
});

Deno.test("a pattern in a folder whose name has brackets means that folder, and each file comes once", async () => {
  const dir = await temporaryDirectory();
  for (const folder of ["data[1]", "data[1]/sub{a}", "data1", "{a}", "links/real"]) {
    await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
    await Deno.writeTextFile(`${dir}/${folder}/a.txt`, "");
  }
  await Deno.symlink("real", `${dir}/links/again`);
  await Deno.symlink("a.txt", `${dir}/links/real/0.txt`);
  await Deno.symlink("nowhere", `${dir}/links/real/1.txt`);
  const cases: [string, string[]][] = [
    ["data[1]/*.txt", ["data[1]/a.txt"]],
    ["data[1]/**/*.txt", ["data[1]/a.txt", "data[1]/sub{a}/a.txt"]],
    ["data[1]/sub{a}/*.txt", ["data[1]/sub{a}/a.txt"]],
    ["{a}/*.txt", ["{a}/a.txt"]],
    // No folder is called so.
    ["dat[ab][1]/*.txt", ["data1/a.txt"]],
    ["links/**/*.txt", ["links/real/a.txt"]],
    ["links/again/*.txt", ["links/again/a.txt"]],
  ];
  const settings = {
    baseDir: dir,
    pins: { get: () => undefined, set: () => {} },
    update: false,
    offline: true,
    digestFile: sha256,
    env: () => undefined,
    signal: new AbortController().signal,
  };
  for (const [pattern, expected] of cases) {
    for (const written of [pattern, `${dir}/${pattern}`]) {
      const { read } = await resolveFiles({ type: "file", written, pattern: written }, settings);
      assert.deepEqual(read, expected.map((path) => `${dir}/${path}`), written);
    }
  }
});

/** A registry with one package, in the form that npm's answers have. */
function startRegistry(files: Record<string, string>): Deno.HttpServer<Deno.NetAddr> {
  const archive = gzipSync(tar(files));
  const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    if (pathname.endsWith(".tgz")) return new Response(new Uint8Array(archive));
    if (decodeURIComponent(pathname) !== "/@org/words") return new Response("{}", { status: 404 });
    const version = {
      name: "@org/words",
      version: "1.0.2",
      dist: { tarball: `${origin}/words.tgz`, integrity },
    };
    return Response.json({
      name: "@org/words",
      "dist-tags": { latest: "1.0.2" },
      versions: { "1.0.2": version },
    });
  });
}

/** A tar archive (ustar) with files below `package/`. */
function tar(files: Record<string, string>): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const [name, content] of Object.entries(files)) {
    const body = new TextEncoder().encode(content);
    const head = new Uint8Array(512);
    const put = (at: number, text: string): void => head.set(new TextEncoder().encode(text), at);
    put(0, `package/${name}`);
    put(100, "0000644\0");
    put(124, `${body.length.toString(8).padStart(11, "0")}\0`);
    put(148, "        0");
    put(257, "ustar\x0000");
    put(148, `${head.reduce((a, b) => a + b, 0).toString(8).padStart(6, "0")}\0 `);
    blocks.push(head, body, new Uint8Array((512 - body.length % 512) % 512));
  }
  return new Uint8Array(Buffer.concat([...blocks, new Uint8Array(1024)]));
}

Deno.test("an npm source obtains its package through Deno, from the registry that is configured", async () => {
  const dir = await temporaryDirectory();
  const files = {
    "package.json": '{"name":"@org/words","version":"1.0.2"}',
    "data/w_2.txt": "two",
    "data/w_10.txt": "ten",
    "[x]/q[1].txt": "brackets",
  };
  const registry = startRegistry(files);
  const script = `${dir}/fetch.ts`;
  await Deno.writeTextFile(
    script,
    `
    import { fetchNpm, resolveNpm } from ${
      JSON.stringify(import.meta.resolve("../../lib/data/sources/npm_source.ts"))
    };
    const [name, version, pattern, offline] = Deno.args;
    const pins = new Map();
    const { data } = await resolveNpm(
      { type: "npm", written: "w", package: name, version, pattern },
      { pins, update: false, digestFile: async () => "" },
    );
    delete data.pin;
    try {
      const settings = { offline: offline === "yes", log: () => {}, file: (path) => path };
      const files = await fetchNpm(data, settings);
      console.log(JSON.stringify(files.map(({ path, name }) => [name, Deno.readTextFileSync(path)])));
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }`,
  );
  const fetch = async (port: number, ...args: string[]): Promise<string> => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        "--no-check",
        "--no-config",
        "--allow-read",
        "--allow-run",
        script,
        ...args,
      ],
      env: {
        DENO_DIR: `${dir}/deno`,
        NPM_CONFIG_REGISTRY: `http://127.0.0.1:${port}/`,
        NO_COLOR: "1",
      },
    }).output();
    return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
  };
  const { port } = registry.addr;
  assert.match(
    await fetch(port, "@org/words", "1.0.2", "data/*", "yes"),
    /UserError: .*not on this machine, and --offline/,
  );
  const expected = '[["data/w_2.txt","two"],["data/w_10.txt","ten"]]';
  assert.equal(await fetch(port, "@org/words", "1.0.2", "data/*.txt"), expected);
  assert.equal(await fetch(port, "@org/words", "1.0.2", "data/*.txt", "yes"), expected);
  for (const pattern of ["[x]/q[1].txt", "[x]/q*.txt"]) {
    assert.equal(
      await fetch(port, "@org/words", "1.0.2", pattern, "yes"),
      '[["[x]/q[1].txt","brackets"]]',
    );
  }
  assert.match(
    await fetch(port, "@org/words", "1.0.2", "data/none"),
    /no file "data\/none".*the package has .*data\/, package\.json/,
  );
  assert.match(
    await fetch(port, "@org/words", "9.9.9", "x"),
    /cannot obtain @org\/words@9\.9\.9.*check the name and the version/,
  );
  await registry.shutdown();
  assert.match(
    await fetch(port, "@org/other", "1.0.0", "x"),
    /cannot obtain @org\/other@1\.0\.0.*check the network and the registry/,
  );
});

/** Deno's folder of packages, with one that has one file, and what resolving and fetching use. */
async function packageScene(): Promise<{
  source: NpmSource;
  file: string;
  pins: Map<string, unknown>;
  resolve: (update?: boolean) => ReturnType<typeof resolveNpm>;
  fetch: (resolution: Awaited<ReturnType<typeof resolveNpm>>) => Promise<string>;
  [Symbol.dispose](): void;
}> {
  const source = parseSource("npm:data@1.0.0/x.txt") as NpmSource;
  const dir = await temporaryDirectory();
  const before = Deno.env.get("DENO_DIR");
  Deno.env.set("DENO_DIR", dir);
  const folder = `${dir}/npm/some-registry/data/1.0.0`;
  await Deno.mkdir(folder, { recursive: true });
  for (const name of ["package.json", "x.txt"]) await Deno.writeTextFile(`${folder}/${name}`, name);
  const pins = new Map<string, unknown>();
  const digestFile = async (path: string): Promise<string> => (await hashFile(path)).digest;
  return {
    source,
    file: `${folder}/x.txt`,
    pins,
    resolve: (update = false) => resolveNpm(source, { pins, update, digestFile }),
    async fetch({ data }): Promise<string> {
      const settings = { offline: true, log: () => {}, file: (path: string) => path };
      const [file] = await fetchNpm(data as Parameters<typeof fetchNpm>[0], settings);
      assert.equal(file?.name, "x.txt");
      return await Deno.readTextFile(file.path);
    },
    [Symbol.dispose](): void {
      if (before === undefined) Deno.env.delete("DENO_DIR");
      else Deno.env.set("DENO_DIR", before);
    },
  };
}

Deno.test("an npm source needs Deno's folder of packages, and its version is its key", async () => {
  using it = await packageScene();
  const found = await it.resolve();
  assert.deepEqual(found.key, { version: "1.0.0" });
  assert.equal(found.read?.length, 1);
  assert.equal(await it.fetch(found), "x.txt");
});

Deno.test("an npm source is held to the digests of its files, which people can edit", async () => {
  using it = await packageScene();
  const found = await it.resolve();
  assert.deepEqual(it.pins.get(it.source.written), {
    files: 1,
    sha256: canonicalDigest({ "x.txt": sha256Hex("x.txt") }),
  });
  await Deno.writeTextFile(it.file, "y.txt");
  const edited =
    /what is read of data@1\.0\.0 is not what was pinned.*were edited.*remove .*--update/;
  await assert.rejects(it.fetch(found), edited, "between key and process");
  await assert.rejects(it.fetch(await it.resolve()), edited, "between two runs");
  assert.equal(await it.fetch(await it.resolve(true)), "y.txt");
  await Deno.remove(it.file);
  await assert.rejects(it.fetch(await it.resolve()), /no file "x\.txt"/);
});
