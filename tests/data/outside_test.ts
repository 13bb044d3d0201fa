import assert from "node:assert/strict";
import { UserError } from "../../lib/base/errors.ts";
import { isHost, isLocalHost } from "../../lib/base/outside/hosts.ts";
import { checkOutsidePath, checkOutsidePaths } from "../../lib/base/outside_path.ts";
import { resolveFiles } from "../../lib/data/sources/file_source.ts";
import { announcedSize, checkRedirect } from "../../lib/data/sources/limits.ts";
import { fetchNpm } from "../../lib/data/sources/npm_source.ts";
import { failure, scene } from "../fixtures/hub_scene.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("checkOutsidePath() takes plain names below a folder, and nothing else", () => {
  for (
    const path of ["a.txt", "data/train-00000-of-00001.parquet", ".gitattributes", "ä/…", "a b"]
  ) {
    assert.equal(checkOutsidePath(path, "it"), path);
  }
  const bad = [
    "",
    "/",
    "/a",
    "../a",
    "a/..",
    "a/../b",
    ".",
    "./a",
    "a//b",
    "a/",
    "\\a",
    "a\\b",
    "..\\a",
    "C:a",
    "c:/a",
    "a\0",
    "a\n",
    "a\x1b[1m",
    "a\u202eb",
    "a\u2028",
    "..%2fa",
    "%2e%2e/a",
    "a%5Cb",
    "a%00",
    ".git/config",
    "a/.GIT/hooks/x",
    "CON",
    "nul.txt",
    "nul .txt",
    "a\ufffd",
    "a/LPT1",
    "a.",
    "a ",
    "a?b",
    "a*",
    "a:b",
    "a|b",
    "x".repeat(256),
    "x/".repeat(600) + "x",
    "\ud800",
    5,
    null,
    undefined,
    ["a"],
  ];
  for (const path of bad) {
    assert.throws(() => checkOutsidePath(path, "it"), UserError, JSON.stringify(path));
  }
});

Deno.test("checkOutsidePaths() refuses names that one folder can't hold everywhere", () => {
  assert.deepEqual(checkOutsidePaths(["a/b", "a/c", "ab"], "it"), ["a/b", "a/c", "ab"]);
  assert.equal(checkOutsidePaths(["a-b", "a/b", "a!/b", "a/b-c", "a/b!"], "it").length, 5);
  for (
    const paths of [
      ["a", "a"],
      ["A", "a"],
      ["a/B", "A/b"],
      ["a", "a/b"],
      ["a", "a-b", "a!", "a/b"],
      ["a/b/c", "A"],
      [
        "é",
        "e\u0301",
      ],
      ["straße", "STRASSE"],
      ["straẞe", "straße"],
      ["a", "a\u200b"],
      ["a\u00ad/b", "a/B"],
    ]
  ) {
    assert.throws(() => checkOutsidePaths(paths, "it"), /can't lie in one folder/, String(paths));
  }
});

Deno.test("isHost() knows what a permission may name", () => {
  for (
    const host of [
      "a",
      "example.org",
      "example.org:8443",
      "*.hf.co",
      "127.0.0.1:80",
      "[::1]:80",
      "[::1]",
      "xn--bcher-kva.de",
    ]
  ) {
    assert.ok(isHost(host), host);
  }
  const bad = [
    "",
    "*",
    "*:80",
    "*.com",
    "a b",
    "a/b",
    "https://a",
    "u@a",
    "u:p@a",
    "a:0",
    "a:99999",
    "a:b",
    "bücher.de",
    "a..b",
    "-a.b",
    ".a",
    "a.",
    "a\n",
    "[::1",
    "::1",
    "a,b",
    "x".repeat(300),
  ];
  for (const host of bad) assert.ok(!isHost(host), host);
});

Deno.test("isLocalHost() knows this machine and its network in every spelling", () => {
  const local = [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "localhost",
    "a.localhost",
    "localhost.",
    "metadata.google.internal",
    "printer.local",
    "router",
    "server.localdomain",
    "localhost6.localdomain6",
    "nas.lan.",
    "db.private",
    "printer.home.arpa",
    "app.test",
    "017700000001",
    "127.1",
    "１２７.0.0.1",
    "100.127.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[0:0:0:0:0:ffff:a00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::808:808]",
    "[64:ff9b:1:ffff::1]",
    "[64:ff9b:2::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[4000::1]",
  ];
  for (const host of local) assert.ok(isLocalHost(new URL(`http://${host}/`).hostname), host);
  for (
    const host of [
      "example.org",
      "8.8.8.8",
      "172.32.0.1",
      "192.169.0.1",
      "100.128.0.1",
      "192.0.1.1",
      "198.20.0.1",
      "localdomain.org",
      "[2606:4700::1]",
      "[2001:4860:4860::8888]",
      "[2001:200::1]",
      "[2002:808:808::1]",
      "[3fff:1000::1]",
      "[64:ff9b::808:808]",
      "[::ffff:8.8.8.8]",
    ]
  ) {
    assert.ok(!isLocalHost(new URL(`http://${host}/`).hostname), host);
  }
});

Deno.test("checkRedirect() lets nothing leave HTTP, lose its encryption or turn inwards", () => {
  const fine = [
    ["https://a.org/x", "https://b.org/y"],
    ["http://a.org/x", "https://a.org/x"],
    ["http://a.org/x", "http://b.org/x"],
    ["http://127.0.0.1:1/x", "http://localhost:2/x"],
    ["http://10.0.0.1/x", "https://a.org/x"],
  ];
  for (const [from, to] of fine) checkRedirect(new URL(from!), new URL(to!));
  const bad: [string, string, RegExp][] = [
    ["https://a.org/", "http://a.org/", /from https to http/],
    ["https://a.org/", "file:///etc/passwd", /file: address/],
    ["https://a.org/", "data:,x", /data: address/],
    ["https://a.org/", "https://u:p@b.org/", /user or password/],
    ["http://a.org/", "http://169.254.169.254/latest/meta-data", /this machine or its network/],
    ["http://a.org/", "http://2852039166/", /this machine or its network/],
    ["http://a.org/", "http://[::ffff:a9fe:a9fe]/", /this machine or its network/],
    ["https://a.org/", "https://localhost:8080/", /this machine or its network/],
  ];
  for (const [from, to, message] of bad) {
    assert.throws(() => checkRedirect(new URL(from), new URL(to)), message, to);
  }
});

Deno.test("announcedSize() takes whole numbers of bytes", () => {
  assert.deepEqual([0, 5, "5", null, undefined].map((size) => announcedSize(size, "it")), [
    0,
    5,
    5,
    undefined,
    undefined,
  ]);
  for (
    const size of [
      -1,
      "-1",
      0.5,
      "1e3",
      1e308,
      "5, 5",
      "",
      " 5",
      NaN,
      "0x5",
      true,
      [5],
      {},
      2 ** 60,
    ]
  ) {
    assert.throws(() => announcedSize(size, "it"), /announces the size/, String(size));
  }
});

Deno.test("a pin that somebody edited leads nowhere: neither its paths nor its hosts", async () => {
  await using it = await scene();
  const from = "hf://datasets/org/words/data/*.jsonl";
  await it.download({ from });
  const pin = it.pins.get(from) as { files: { path: string }[]; hosts?: string[] };
  for (const path of ["../../evil.jsonl", "/evil.jsonl", "a\\..\\evil.jsonl"]) {
    it.pins.set(from, { ...pin, files: [{ ...pin.files[0], path }] });
    assert.match((await failure(it.download({ from }))).message, /which (?:leads|is|holds)/);
  }
  // Hosts that are none are as good as no pin: the hub is asked again.
  it.pins.set(from, { ...pin, hosts: [""] });
  await it.download({ from });
  assert.ok(!(it.pins.get(from) as { hosts?: string[] }).hosts?.includes(""));
});

Deno.test("an index of weights names files beside it", async () => {
  await using it = await scene({ plain: true });
  await Deno.rename(`${it.model}/model.safetensors`, `${it.model}/model-1.safetensors`);
  for (const name of ["../x.safetensors", "/x.safetensors", "a/b.safetensors", "x.bin", 5]) {
    await Deno.writeTextFile(
      `${it.model}/model.safetensors.index.json`,
      JSON.stringify({ weight_map: { w: name } }),
    );
    const error = await failure(it.download({ from: "hf://org/tiny" }));
    assert.match(error.message, /model\.safetensors\.index\.json of hf:\/\/org\/tiny names/);
  }
});

Deno.test("a package's links and a pattern's links lead nowhere else", async () => {
  const root = await temporaryDirectory();
  const folder = `${root}/npm/registry/words/1.0.0`;
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${root}/secret.txt`, "secret");
  await Deno.writeTextFile(`${folder}/package.json`, "{}");
  await Deno.writeTextFile(`${folder}/fine.txt`, "fine");
  await Deno.symlink(`${root}/secret.txt`, `${folder}/link.txt`);
  const source = (pattern: string): Parameters<typeof fetchNpm>[0] => ({
    type: "npm",
    written: `npm:words@1.0.0/${pattern}`,
    package: "words",
    version: "1.0.0",
    pattern,
    cacheDir: `${root}/npm`,
  });
  const settings = { offline: true, log: (): void => {}, file: (path: string): string => path };
  assert.equal((await fetchNpm(source("fine.txt"), settings)).length, 1);
  for (const pattern of ["link.txt", "*.txt", "../1.0.0/link.txt"]) {
    await failure(fetchNpm(source(pattern), settings));
  }

  const data = `${root}/data`;
  await Deno.mkdir(data);
  await Deno.writeTextFile(`${data}/a.txt`, "a");
  await Deno.symlink("a.txt", `${data}/b.txt`);
  const resolve = (pattern: string): Promise<unknown> =>
    resolveFiles({ type: "file", written: pattern, pattern }, {
      baseDir: data,
      pins: { get: () => undefined, set: () => {} },
      update: false,
      offline: true,
      digestFile: () => Promise.resolve("digest"),
      env: () => undefined,
      signal: new AbortController().signal,
    });
  await resolve("*.txt");
  await Deno.symlink(`${root}/secret.txt`, `${data}/c.txt`);
  assert.match((await failure(resolve("*.txt"))).message, /a link that leads out of its folder/);
  await resolve("c.txt");
});
