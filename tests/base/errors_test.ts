import assert from "node:assert/strict";
import { formatUserError, nearest, UserError, UserErrors } from "../../lib/base/errors.ts";

Deno.test("nearest() finds slips and nothing else", () => {
  const names = ["learning_rate", "warmup_steps", "seed", "top_k", "top_p"];
  for (
    const [name, expected] of [
      ["lerning_rate", "learning_rate"],
      ["learning-rate", "learning_rate"],
      ["Learning_Rate", "learning_rate"],
      ["warmpu_steps", "warmup_steps"],
      ["sede", "seed"],
      ["topk", "top_k"],
      ["temperature", undefined],
      ["x", undefined],
      ["", undefined],
    ] as const
  ) {
    assert.equal(nearest(name, names), expected, name);
  }
});

Deno.test("formatUserError() points into the line", () => {
  const error = new UserError({
    what: `unknown option "lerning_rate" of stage "train"`,
    nearest: "learning_rate",
    remedy: "see deno task stages train",
    at: { file: "p.yaml", line: 12, column: 7, length: 12, text: "      lerning_rate: 2e-5" },
  });
  assert.equal(
    formatUserError(error),
    [
      `p.yaml:12:7: unknown option "lerning_rate" of stage "train"`,
      `  12 |       lerning_rate: 2e-5`,
      `     |       ^^^^^^^^^^^^`,
      `  did you mean "learning_rate"?`,
      `  see deno task stages train`,
    ].join("\n"),
  );
});

Deno.test("formatUserError() keeps tabs, so that the pointer stays under its word", () => {
  const error = new UserError({
    what: "bad",
    at: { file: "p", line: 1, column: 2, length: 99, text: "\tab" },
  });
  assert.equal(formatUserError(error), "p:1:2: bad\n  1 | \tab\n    | \t^^");
});

Deno.test("UserErrors carries every error and all their messages", () => {
  const errors = new UserErrors([new UserError({ what: "a" }), new UserError({ what: "b" })]);
  assert.equal(errors.errors.length, 2);
  assert.equal(errors.message, "a\nb");
});
