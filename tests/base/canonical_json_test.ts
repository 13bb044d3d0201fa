import assert from "node:assert/strict";
import { canonicalDigest, canonicalJson } from "../../lib/base/canonical_json.ts";

/** The double with these 64 bits, as appendix B of RFC 8785 gives its numbers. */
function double(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

Deno.test("canonicalJson() prints the numbers of RFC 8785, appendix B", () => {
  const vectors: [bits: string, text: string][] = [
    ["0000000000000000", "0"],
    ["8000000000000000", "0"],
    ["0000000000000001", "5e-324"],
    ["8000000000000001", "-5e-324"],
    ["7fefffffffffffff", "1.7976931348623157e+308"],
    ["ffefffffffffffff", "-1.7976931348623157e+308"],
    ["4340000000000000", "9007199254740992"],
    ["c340000000000000", "-9007199254740992"],
    ["4430000000000000", "295147905179352830000"],
    ["44b52d02c7e14af5", "9.999999999999997e+22"],
    ["44b52d02c7e14af6", "1e+23"],
    ["44b52d02c7e14af7", "1.0000000000000001e+23"],
    ["444b1ae4d6e2ef4e", "999999999999999700000"],
    ["444b1ae4d6e2ef4f", "999999999999999900000"],
    ["444b1ae4d6e2ef50", "1e+21"],
    ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
    ["3eb0c6f7a0b5ed8d", "0.000001"],
    ["41b3de4355555553", "333333333.3333332"],
    ["41b3de4355555554", "333333333.33333325"],
    ["41b3de4355555555", "333333333.3333333"],
    ["41b3de4355555556", "333333333.3333334"],
    ["41b3de4355555557", "333333333.33333343"],
    ["becbf647612f3696", "-0.0000033333333333333333"],
    ["43143ff3c1cb0959", "1424953923781206.2"],
  ];
  for (const [bits, text] of vectors) assert.equal(canonicalJson(double(bits)), text, bits);
});

Deno.test("canonicalJson() sorts members by UTF-16 code units as in RFC 8785, 3.2.3", () => {
  const value = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\ud83d\ude00": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
  };
  assert.deepEqual(
    Object.values(JSON.parse(canonicalJson(value))).sort(),
    Object.values(value).sort(),
  );
  const order = [...canonicalJson(value).matchAll(/:"([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(order, [
    "Carriage Return",
    "One",
    "Control",
    "Latin Small Letter O With Diaeresis",
    "Euro Sign",
    "Emoji: Grinning Face",
    "Hebrew Letter Dalet With Dagesh",
  ]);
});

Deno.test("canonicalJson() prints the sample of RFC 8785, 3.2.2", () => {
  const value = {
    numbers: [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    literals: [null, true, false],
  };
  assert.equal(
    canonicalJson(value),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

Deno.test("canonicalJson() refuses what JSON cannot hold and says where", () => {
  const refused: [value: unknown, place: string][] = [
    [NaN, "$"],
    [{ a: [1, Infinity] }, "$.a[1]"],
    [{ a: { b: 1n } }, "$.a.b"],
    [[undefined], "$[0]"],
    [new Date(0), "$"],
    [new Map(), "$"],
    ["\ud800", "$"],
    [{ "\udfff": 1 }, "$"],
    [() => 1, "$"],
  ];
  for (const [value, place] of refused) {
    assert.throws(
      () => canonicalJson(value),
      (error: Error) => error instanceof TypeError && error.message.endsWith(` at ${place}`),
    );
  }
});

Deno.test("canonicalDigest() does not depend on the order of members or on undefined ones", () => {
  assert.equal(canonicalDigest({ a: 1, b: [2] }), canonicalDigest({ b: [2], c: undefined, a: 1 }));
  assert.equal(
    canonicalDigest({}),
    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
  );
});
