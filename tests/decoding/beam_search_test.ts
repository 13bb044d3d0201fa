/** Beams over scores that are known, without a model. */
import assert from "node:assert/strict";
import { minLength } from "../../lib/decoding/rules/least_length.ts";
import type { LogitsProcessor } from "../../lib/decoding/rules/rule.ts";
import { type BeamOptions, beamSearch } from "../../lib/decoding/strategies/beam_search.ts";
import { uniform } from "../../lib/decoding/strategies/draws.ts";
import type { Found, Prompt, Rules } from "../../lib/decoding/strategies/strategy.ts";

const V = 5;
const END = 4;
const PROMPT: Prompt = { index: 0, ids: [1, 2], maxLength: 6 };
const RULES: Rules = { processors: [], eosTokenIds: [END], stopStrings: [], decode: () => "" };
const OPTIONS: BeamOptions = { beams: 3, sequences: 3, lengthPenalty: 1, earlyStopping: false };

/** Scores that depend on the whole sequence. */
function scoresOf(ids: readonly number[]): Float32Array {
  const hash = ids.reduce((sum, id, i) => (sum * 31 + (id + 1) * (i + 7)) % 1000003, 17);
  return Float32Array.from(
    { length: V },
    (_, position) => 4 * uniform(hash, { prompt: 0, sequence: 0, position }),
  );
}

interface Run {
  readonly found: readonly Found[];
  readonly steps: number;
}

function run(
  options: Partial<BeamOptions> = {},
  more: { rules?: Partial<Rules>; prompt?: Partial<Prompt> } = {},
): Run {
  const prompt = { ...PROMPT, ...more.prompt };
  const strategy = beamSearch({ ...RULES, ...more.rules }, { ...OPTIONS, ...options });
  const [search] = strategy.searches(prompt);
  let rows: (readonly number[])[] = [prompt.ids];
  let steps = 0;
  while (!search!.done) {
    const { tokens, parents } = search!.step(rows.map(scoresOf));
    assert.equal(tokens.length, strategy.width);
    rows = tokens.map((token, row) => [...rows[parents[row]!]!, token]);
    steps++;
  }
  return { found: search!.results(), steps };
}

/** Every sequence that ends within the length, the best first. */
function everySequence(lengthPenalty: number): { ids: number[]; score: number }[] {
  const ended: { ids: number[]; score: number }[] = [];
  const grow = (ids: number[], sum: number): void => {
    const scores = scoresOf(ids);
    const norm = Math.log(scores.reduce((total, score) => total + Math.exp(score), 0));
    scores.forEach((score, token) => {
      const [longer, total] = [[...ids, token], sum + score - norm];
      const length = longer.length - PROMPT.ids.length;
      if (token !== END && longer.length < PROMPT.maxLength) grow(longer, total);
      else ended.push({ ids: longer, score: total / length ** lengthPenalty });
    });
  };
  grow([...PROMPT.ids], 0);
  return ended.sort((a, b) => b.score - a.score);
}

Deno.test("beams as many as there are sequences find the best of all", () => {
  for (const lengthPenalty of [0, 1, 2, -1]) {
    const { found } = run({ beams: 400, sequences: 5, lengthPenalty, earlyStopping: "never" });
    const expected = everySequence(lengthPenalty).slice(0, 5).map(({ ids }) => ids);
    assert.deepEqual(found.map(({ ids }) => ids), expected, `length_penalty ${lengthPenalty}`);
  }
});

Deno.test("beams stop early where they are told to, and never too late", () => {
  const steps = (earlyStopping: boolean | "never") =>
    run({ earlyStopping }, { prompt: { maxLength: 60 } }).steps;
  const [early, heuristic, never] = [steps(true), steps(false), steps("never")];
  assert.ok(early <= heuristic && heuristic < never, `${early} ${heuristic} ${never}`);
  assert.ok(never <= 58);
});

Deno.test("a length penalty above 0 makes texts longer, below 0 shorter", () => {
  const lengths = [-3, 0, 3].map((lengthPenalty) =>
    run({ lengthPenalty, earlyStopping: "never" }, { prompt: { maxLength: 12 } })
      .found.reduce((total, { ids }) => total + ids.length, 0)
  );
  assert.ok(lengths[0]! <= lengths[1]! && lengths[1]! < lengths[2]!, `${lengths}`);
});

Deno.test("beams keep to rules, and say why each sequence ended", () => {
  const { found } = run({}, { rules: { processors: [minLength(5, [END])] } });
  for (const { ids, finish } of found) {
    assert.ok(ids.length >= 6 || ids.at(-1) === END && ids.length > 5);
    assert.equal(finish, ids.at(-1) === END ? "eos" : "length");
  }
  const letters = (ids: readonly number[]): string => ids.map((id) => "abcde"[id]).join("");
  const stopped = run({ earlyStopping: "never" }, {
    rules: { stopStrings: ["b", "d"], decode: letters },
  });
  for (const { ids, finish } of stopped.found) {
    assert.equal(finish === "stop_string", ["b", "d"].includes(letters(ids).at(-1)!));
    assert.ok(!/[bd]/.test(letters(ids.slice(2, -1))));
  }
  assert.ok(stopped.found.some(({ finish }) => finish === "stop_string"));
});

Deno.test("beams go on where rules leave fewer continuations than beams", () => {
  const only = (...tokens: number[]): LogitsProcessor => (scores) => {
    scores.forEach((_, id) => {
      if (!tokens.includes(id)) scores[id] = -Infinity;
    });
  };
  const { found } = run({}, { rules: { processors: [only(0, 1)] } });
  assert.equal(found.length, 3);
  assert.equal(new Set(found.map(({ ids }) => String(ids))).size, 3);
  assert.throws(
    () => run({}, { rules: { processors: [only(0)] } }),
    /leave 1 sequences to a prompt, num_return_sequences asks for 3/,
  );
  assert.throws(() => run({}, { rules: { processors: [only()] } }), /every token is forbidden/);
});

Deno.test("drawn beams depend on the seed and the prompt's index alone", () => {
  const ids = (seed: number, index = 0) =>
    run({ seed }, { prompt: { index, maxLength: 12 } }).found.map((each) => each.ids);
  assert.deepEqual(ids(1), ids(1));
  assert.notDeepEqual(ids(1), ids(2));
  assert.notDeepEqual(ids(1), ids(1, 1));
  assert.equal(new Set(ids(3).map(String)).size, 3);
});

Deno.test("beams are drawn as often as their probability, and none of them twice", () => {
  // Four of five continuations are drawn, and the two best of them remain.
  const prompt = { ...PROMPT, maxLength: 3 };
  const rules = { ...RULES, eosTokenIds: [] };
  const probabilities = [0.4, 0.3, 0.15, 0.1, 0.05];
  /** How likely a token is left out of four draws. */
  const leftOut = (token: number, open = [...probabilities.keys()], likely = 1): number => {
    if (open.length === 1) return open[0] === token ? likely : 0;
    const total = open.reduce((sum, each) => sum + probabilities[each]!, 0);
    return open.reduce((sum, each) => {
      const rest = open.filter((other) => other !== each);
      return sum + leftOut(token, rest, likely * probabilities[each]! / total);
    }, 0);
  };
  const expected = [1 - leftOut(0), 1 - leftOut(1), leftOut(0) + leftOut(1), 0, 0];
  const counts = new Float64Array(V);
  const rounds = 4000;
  for (let seed = 0; seed < rounds; seed++) {
    const options = { ...OPTIONS, beams: 2, sequences: 2, seed };
    const [search] = beamSearch(rules, options).searches(prompt);
    search!.step([Float32Array.from(probabilities, Math.log)]);
    for (const { ids } of search!.results()) counts[ids.at(-1)!]! += 1 / rounds;
  }
  expected.forEach((share, token) =>
    assert.ok(Math.abs(counts[token]! - share) < 0.01, `${counts} for ${expected}`)
  );
});

Deno.test("a beam search that can go nowhere ends with what it has, where that is enough", () => {
  // The end is likeliest at once, then out of reach; after two tokens nothing is left.
  const rule: LogitsProcessor = (scores, { ids, promptLength }) => {
    const written = ids.length - promptLength;
    if (written === 0) scores[END] = 10;
    else if (written === 1) scores[END] = -Infinity;
    else scores.fill(-Infinity);
  };
  const stuck = (sequences: number): Run =>
    run({ beams: 2, sequences, earlyStopping: "never" }, { rules: { processors: [rule] } });
  assert.deepEqual(stuck(1).found.map(({ ids }) => ids), [[1, 2, END]]);
  assert.throws(() => stuck(2), /every token is forbidden/);
});
