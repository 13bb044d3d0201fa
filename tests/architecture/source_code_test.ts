import assert from "node:assert/strict";
import { codeOf } from "./source_code.ts";

/** Source, and the words of it that are code. */
const TABLE: [string, string][] = [
  ["a // b\nc", "a c"],
  ["a /* b\n b */ c", "a c"],
  [`a "b \\" b" c 'b' d`, "a c d"],
  ["a `b` c", "a c"],
  ["a `b ${c} b` d", "a c d"],
  ["a `b ${{ c: `b ${d} b` }} b` e", "a {c: d } e"],
  ["a `b \\${b} $b $` c", "a c"],
  ["a = /b[/b]\\/b/g; c", "a = ; c"],
  ["return /b/.test(c)", "return .test(c)"],
  ["a / c / d", "a / c / d"],
  ["(a) / c; [a] / c", "(a) / c; [a] / c"],
  [`a("http://b"); c`, "a( ); c"],
  ['a = /"/; c', "a = ; c"],
];

for (const [source, words] of TABLE) {
  Deno.test(`codeOf() leaves the code of ${JSON.stringify(source)}`, () => {
    const code = codeOf(source);
    const plain = (text: string): string => text.replace(/\s+/g, "");
    assert.equal(plain(code), plain(words));
    assert.equal(code.length, source.length);
    assert.equal(code.split("\n").length, source.split("\n").length);
  });
}
