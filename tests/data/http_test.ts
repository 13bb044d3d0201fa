import assert from "node:assert/strict";
import { reason } from "../../lib/data/sources/http.ts";

Deno.test("reason() is the innermost message, without the URL that stands before it", () => {
  const url = "https://hub.example/api/models/a/b?expand=sha&expand=tags";
  const dns = "dns error: failed to lookup address information: Name or service not known";
  const table: [unknown, string][] = [
    [new TypeError(`error sending request for url (${url}): client error (Connect): ${dns}`), dns],
    [
      new TypeError("fetch failed", {
        cause: new Error(
          `error sending request for url (${url}): client error (Connect): tcp connect error: ` +
            "Connection refused (os error 111)",
        ),
      }),
      "Connection refused (os error 111)",
    ],
    [new Error("no answer in 60 s"), "no answer in 60 s"],
    ["stopped", "stopped"],
  ];
  for (const [error, expected] of table) assert.equal(reason(error), expected);
});
