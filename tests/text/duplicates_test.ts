import assert from "node:assert/strict";
import { type RandomStream, randomStream } from "../../lib/base/random.ts";
import { bandsFor, foundRate } from "../../lib/text/duplicates/bands.ts";
import { DisjointRows } from "../../lib/text/duplicates/disjoint_rows.ts";
import { MinHash } from "../../lib/text/duplicates/minhash.ts";
import { NearDuplicates, NO_PART } from "../../lib/text/duplicates/near_duplicates.ts";
import { SeenHashes } from "../../lib/text/duplicates/seen_hashes.ts";
import {
  distinct,
  jaccardSimilarity,
  overlap,
  Shingler,
} from "../../lib/text/duplicates/shingles.ts";
import { MemorySpill, type Spill } from "../../lib/text/duplicates/spill.ts";
import { hashText } from "../../lib/text/duplicates/text_hash.ts";

/** Words as often as in texts: some all the time, most seldom. */
function words(count: number, random: RandomStream): string[] {
  return Array.from(
    { length: count },
    () => Math.floor(Math.exp(random.nextFloat() * Math.log(20_000))).toString(36),
  );
}

/** The words with some of them replaced. */
function changed(
  text: readonly string[],
  options: { count: number; random: RandomStream },
): string {
  const { count, random } = options;
  const copy = [...text];
  for (let i = 0; i < count; i++) {
    copy[random.nextBelow(copy.length)] = `new${random.nextBelow(1e6)}`;
  }
  return copy.join(" ");
}

Deno.test("hashText() is MurmurHash3_x86_128 of a text's UTF-16", () => {
  // What the Python package mmh3 gives: mmh3.hash128(text.encode("utf-16-le"), 0, False), in four parts.
  const cases: [string, string][] = [
    ["", "0 0 0 0"],
    ["a", "33bb196 ccef4fe1 ccef4fe1 ccef4fe1"],
    ["ab", "260fb953 af22b6fd af22b6fd af22b6fd"],
    ["Call me Ishmael.", "811a7263 3488b40e d1359f46 b8b2f176"],
    ["Call me Ishmael. ", "1d695f0d f8d7fa96 bd465760 4cb013be"],
    ["é🐋".repeat(7), "af075fe7 6144c78d ab3db4c5 3178bfc7"],
    ["x".repeat(1000), "d6f261ee 10a59b6 11dba108 94295556"],
  ];
  const hash = new Uint32Array(4);
  for (const [text, expected] of cases) {
    hashText(hash, text);
    assert.equal(Array.from(hash, (part) => part.toString(16)).join(" "), expected, text);
  }
});

Deno.test("SeenHashes answers as a Set does, in at most 16 bytes a hash", () => {
  const random = randomStream(3);
  const seen = new SeenHashes();
  const expected = new Set<string>();
  for (let i = 0; i < 60_000; i++) {
    // Few first numbers, few second ones, zeros among them: what fills one shard, and what wraps around it.
    const wide = i % 4 === 0;
    const hash = Uint32Array.of(
      wide ? random.nextUint32() : random.nextBelow(300),
      wide ? random.nextUint32() : 2 ** 32 - 1 - random.nextBelow(300),
    );
    const key = `${hash[0]} ${hash[1]}`;
    assert.equal(seen.has(hash), expected.has(key));
    assert.equal(seen.add(hash), expected.has(key), key);
    expected.add(key);
  }
  assert.equal(seen.size, expected.size);
  const zero = Uint32Array.of(0, 0);
  assert.deepEqual([seen.has(zero), seen.add(zero), seen.add(zero)], [false, false, true]);

  const many = new SeenHashes();
  const hash = new Uint32Array(4);
  for (let i = 0; i < 150_000; i++) {
    hashText(hash, `row ${i}`);
    assert.equal(many.add(hash), false);
    if (i > 50_000 && i % 997 === 0) assert.ok(many.bytes <= 16 * many.size, `${many.size} rows`);
  }
});

Deno.test("jaccardSimilarity() counts shingles of words, whatever their case, marks and spaces", () => {
  const cases: [string, string, number, number][] = [
    ["a b c d", "A  b,\nC. d!", 2, 1],
    ["a b c d", "a b c e", 2, 0.5],
    ["a b a b a b", "a b a", 2, 1],
    ["Ｗｈａｌｅ ﬁn", "whale fin", 1, 1],
    ["naïve", "nai\u0308ve", 1, 1],
    ["one two", "one two", 5, 1],
    ["one two", "one three", 5, 0],
    ["", "", 5, 1],
    ["!!!", "!!!", 5, 1],
    ["!!!", "???", 5, 0],
    ["", "a", 5, 0],
    // Scripts without spaces: each character is a word.
    ["我爱北京", "我爱南京", 1, 0.6],
    ["どうも", "どうぞ", 1, 0.5],
    ["سلام دنیا", "سلام", 1, 0.5],
    ["हिन्दी भाषा", "हिन्दी", 1, 0.5],
  ];
  for (const [a, b, ngram, expected] of cases) {
    assert.equal(jaccardSimilarity([a, b], { ngram }), expected, `${a} / ${b}`);
  }
});

Deno.test("overlap() tells similarities from a bound on as they are, and none below it as more", () => {
  const random = randomStream(77);
  const set = (): Int32Array =>
    distinct(Int32Array.from({ length: random.nextBelow(30) }, () => random.nextBelow(20) - 10));
  for (let i = 0; i < 3000; i++) {
    const [a, b] = [set(), set()];
    const most = random.nextBelow(20) - 10;
    const [ofA, ofB] = [a, b].map((hashes) => hashes.filter((hash) => hash <= most));
    const shared = ofA!.filter((hash) => ofB!.includes(hash)).length;
    const all = ofA!.length + ofB!.length - shared;
    const similarity = all === 0 ? 0 : shared / all;
    assert.equal(overlap(a, b, { most }), similarity);
    const atLeast = i % 3 === 0 ? similarity : random.nextFloat();
    const bounded = overlap(a, b, { most, atLeast });
    assert.equal(bounded, similarity >= atLeast ? similarity : bounded && similarity);
  }
});

Deno.test("MinHash estimates the Jaccard similarity with the spread of independent permutations", () => {
  const random = randomStream(17);
  const shingler = new Shingler(3);
  const permutations = 128;
  const minHash = new MinHash(permutations);
  let squares = 0;
  let sum = 0;
  const pairs = 300;
  for (let i = 0; i < pairs; i++) {
    const text = words(40 + random.nextBelow(200), random);
    const other = changed(text, { count: 1 + random.nextBelow(12), random });
    const similarity = jaccardSimilarity([text.join(" "), other], { ngram: 3 });
    const signature = minHash.signatureOf(shingler.shinglesOf(text.join(" "))).slice();
    const equal = minHash.signatureOf(shingler.shinglesOf(other)).filter((min, k) =>
      min === signature[k]
    ).length;
    const error = equal / permutations - similarity;
    const variance = similarity * (1 - similarity) / permutations;
    squares += error ** 2 / Math.max(variance, 1e-9);
    sum += error / Math.sqrt(Math.max(variance, 1e-9));
  }
  assert.ok(Math.abs(squares / pairs - 1) < 0.35, `variance ${squares / pairs} times theory`);
  assert.ok(Math.abs(sum / Math.sqrt(pairs)) < 3.5, `bias ${sum / Math.sqrt(pairs)} deviations`);
});

Deno.test("bandsFor() finds 99% of pairs at the threshold, with the fewest comparisons", () => {
  for (const threshold of [0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1]) {
    for (const permutations of [64, 128, 256]) {
      const chosen = bandsFor({ threshold, permutations });
      const { bands, rows } = chosen;
      assert.ok(bands * rows <= permutations);
      assert.ok(foundRate(threshold, chosen) >= 0.99, `${threshold} ${permutations}`);
      const longer = { bands: Math.floor(permutations / (rows + 1)), rows: rows + 1 };
      assert.ok(longer.bands === 0 || foundRate(threshold, longer) < 0.99);
    }
  }
  assert.throws(
    () => bandsFor({ threshold: 0.01, permutations: 128 }),
    /128 permutations.*459 are needed.*raise/,
  );
});

Deno.test("NearDuplicates finds planted near duplicates and hardly anything else", () => {
  const random = randomStream(99);
  const near = new NearDuplicates();
  const pairs: { first: number; second: number; similarity: number }[] = [];
  for (let i = 0; i < 3000; i++) {
    const text = words(60 + random.nextBelow(120), random);
    const first = near.add(text.join(" "));
    if (i % 3 !== 0) continue;
    const other = changed(text, { count: 1 + random.nextBelow(5), random });
    const similarity = jaccardSimilarity([text.join(" "), other], { ngram: 5 });
    pairs.push({ first, second: near.add(other), similarity });
  }
  const kept = near.clusters();
  const alike = pairs.filter(({ similarity }) => similarity >= 0.8);
  const right = pairs.filter(({ similarity }) => similarity >= 0.8 && similarity < 0.82);
  const unlike = pairs.filter(({ similarity }) => similarity < 0.8);
  assert.ok(alike.length > 300 && right.length > 30 && unlike.length > 100);
  const found = (some: typeof pairs): number =>
    some.filter(({ first, second }) => kept[second] === first).length;
  assert.ok(found(alike) >= 0.99 * alike.length, `${found(alike)} of ${alike.length}`);
  assert.ok(found(right) >= 0.95 * right.length, `${found(right)} of ${right.length}`);
  assert.equal(found(unlike), 0);
  const dropped = kept.filter((representative, row) => representative !== row).length;
  assert.equal(dropped, found(alike), "nothing but planted ones");
  // Nearly all that was compared deserved it: the number of bands does not cost time.
  assert.ok(near.compared < 10 * pairs.length, `${near.compared} compared`);
});

Deno.test("NearDuplicates keeps the first or the longest of a cluster", () => {
  const texts = [
    "alone",
    "the white whale swims in the sea",
    "nothing like it",
    "The white whale swims in the sea!",
    "The  white  whale swims in the sea.",
    "",
    "alone?",
    "",
  ];
  const clustersOf = (keep: "first" | "longest"): number[] => {
    const near = new NearDuplicates({ keep });
    assert.deepEqual(texts.map((text) => near.add(text)), texts.map((_, row) => row));
    return [...near.clusters()];
  };
  assert.deepEqual(clustersOf("first"), [0, 1, 2, 1, 1, 5, 0, 5]);
  assert.deepEqual(clustersOf("longest"), [6, 4, 2, 4, 4, 5, 6, 5]);
  assert.deepEqual([...new NearDuplicates().clusters()], []);
});

Deno.test("NearDuplicates gives the same through a spill, over blocks of rows and of bytes", () => {
  const random = randomStream(4);
  const written: Uint8Array[] = [];
  const memory = new MemorySpill();
  const spill: Spill = {
    write(bytes): void {
      written.push(bytes);
      memory.write(bytes);
      bytes.fill(0xff); // The caller says that bytes are overwritten: they may be here, too.
    },
    read(into, offset): void {
      memory.read(into, offset);
    },
  };
  const [spilled, held] = [
    new NearDuplicates({ spill, ngram: 2 }),
    new NearDuplicates({ ngram: 2 }),
  ];
  let last: string[] = [];
  for (let i = 0; i < 9000; i++) {
    // A few texts are longer than what is kept whole.
    last = i % 5 === 4 ? last : words(i % 1500 === 3 ? 9000 : 20 + random.nextBelow(30), random);
    const text = i % 5 === 4 ? changed(last, { count: 1, random }) : last.join(" ");
    assert.equal(spilled.add(text), held.add(text));
  }
  const calls: string[] = [];
  const clusters = spilled.clusters({ progress: (done, total) => calls.push(`${done}/${total}`) });
  assert.deepEqual(clusters, held.clusters());
  assert.ok(written.length >= 2);
  assert.deepEqual([calls.length, calls.at(-1)], [21, "21/21"]);
  const duplicates = clusters.filter((kept, row) => kept !== row).length;
  assert.ok(duplicates > 1500 && duplicates <= 1800, `${duplicates}`);
});

Deno.test("NearDuplicates tells long texts apart by a sample of their shingles", () => {
  const random = randomStream(12);
  const long = words(30_000, random);
  const near = new NearDuplicates({ ngram: 3 });
  near.add(long.join(" "));
  const alike = changed(long, { count: 900, random });
  const unlike = changed(long, { count: 1600, random });
  assert.ok(jaccardSimilarity([long.join(" "), alike], { ngram: 3 }) > 0.82);
  assert.ok(jaccardSimilarity([long.join(" "), unlike], { ngram: 3 }) < 0.78);
  near.add(unlike);
  near.add(alike);
  near.add(long.slice(0, 1000).join(" "));
  assert.deepEqual([...near.clusters()], [0, 1, 0, 3]);
});

Deno.test("NearDuplicates compares a bounded number of the rows that agree in a band", () => {
  const random = randomStream(21);
  const near = new NearDuplicates({ threshold: 0.8, ngram: 1 });
  // Half of each text is a form that all share: similar enough to agree in bands, not to be duplicates.
  const form = Array.from({ length: 40 }, (_, i) => `form${i}`);
  const rows = 3000;
  for (let i = 0; i < rows; i++) {
    near.add([...form, ...Array.from({ length: 16 }, () => `${random.nextUint32()}`)].join(" "));
  }
  const kept = near.clusters();
  assert.ok(kept.every((representative, row) => representative === row));
  assert.ok(near.compared <= 21 * 16 * rows, `${near.compared} compared`);
});

Deno.test("NearDuplicates.across() finds a row of the least part that is like another, and joins nothing", () => {
  const random = randomStream(15);
  const text = words(80, random);
  const near = new NearDuplicates({ threshold: 0.6 });
  const texts = [
    ...[text.join(" "), changed(text, { count: 1, random }), changed(text, { count: 1, random })],
    ...[words(80, random).join(" "), text.join(" "), changed(text, { count: 1, random })],
  ];
  for (const each of texts) near.add(each);
  assert.throws(
    () => near.across(new Uint16Array(6)).length === 6 && near.add("later"),
    /Internal/,
  );
  // Those of one part are not compared, and what is in no part is like nothing.
  const found = (...parts: number[]): number[] => [...near.across(Uint16Array.from(parts))];
  assert.deepEqual(found(0, 0, 0, 0, 0, 0), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(found(2, 1, 0, 0, NO_PART, 1), [2, 2, 2, 3, 4, 2]);
  assert.deepEqual(found(1, NO_PART, 2, 0, NO_PART, 3), [0, 1, 0, 3, 4, 0]);
  assert.deepEqual(found(3, 3, 3, 0, 1, 2), [4, 4, 4, 3, 4, 4]);
  assert.deepEqual([...near.clusters()], [0, 0, 0, 3, 0, 0], "clusters after it are the same");
  assert.throws(() => near.add("too late"), /Internal error/);
});

Deno.test("NearDuplicates.across() compares a bounded number of the rows that agree in a band", () => {
  const near = new NearDuplicates({ threshold: 0.99, ngram: 1, permutations: 16 });
  const parts = new Uint16Array(2000).map((_, i) => i % 2);
  const common = Array.from({ length: 200 }, (_, i) => `c${i}`).join(" ");
  for (let i = 0; i < parts.length; i++) near.add(`${common} ${i} ${-i}x y${i} z${i}`);
  assert.ok(near.across(parts).every((other, row) => other === row));
  const { bands } = bandsFor({ threshold: 0.99, permutations: 16 });
  assert.ok(near.compared > 1000 && near.compared <= 1000 * 64 * bands, `${near.compared}`);
});

Deno.test("NearDuplicates refuses what is out of range", () => {
  for (
    const [options, message] of [
      [{ threshold: 0 }, /threshold is 0.*above 0 and at most 1/],
      [{ threshold: 1.1 }, /threshold is 1.1/],
      [{ threshold: NaN }, /threshold is NaN/],
      [{ ngram: 0 }, /ngram is 0.*whole number from 1/],
      [{ ngram: 2.5 }, /ngram is 2.5/],
      [{ permutations: 5000 }, /permutations is 5000/],
    ] as const
  ) assert.throws(() => new NearDuplicates(options), message);
});

Deno.test("DisjointRows names each set by its first row", () => {
  const random = randomStream(8);
  const rows = 500;
  const joined = new DisjointRows(rows);
  let sets = Array.from({ length: rows }, (_, row) => [row]);
  for (let i = 0; i < 400; i++) {
    const [a, b] = [random.nextBelow(rows), random.nextBelow(rows)];
    const [setA, setB] = [a, b].map((row) => sets.find((set) => set.includes(row))!);
    assert.equal(joined.areJoined(a, b), setA === setB);
    joined.join(a, b);
    if (setA === setB) continue;
    sets = [...sets.filter((set) => set !== setA && set !== setB), [...setA!, ...setB!]];
  }
  const representatives = joined.representatives();
  for (const set of sets) {
    for (const row of set) assert.equal(representatives[row], Math.min(...set));
  }
});
