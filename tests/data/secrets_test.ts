import assert from "node:assert/strict";
import { formatUserError, UserError } from "../../lib/base/errors.ts";
import {
  keepSecret,
  keepSecretsOf,
  secretIn,
  secretInValue,
  valueWithoutSecrets,
  withoutSecrets,
} from "../../lib/base/outside/secrets.ts";
import { request } from "../../lib/data/sources/http.ts";
import { hubClient, hubToken } from "../../lib/data/sources/hub.ts";
import { parseSource } from "../../lib/data/sources/source.ts";
import { failure, MODEL, scene } from "../fixtures/hub_scene.ts";

Deno.test("withoutSecrets() cuts out what lets in, and leaves the rest", () => {
  const cases: [string, string][] = [
    ["https://ann:pw@host/x", "https://***@host/x"],
    ["https://token@host", "https://***@host"],
    ["at http://a:b@h:80/x and https://c@d/y", "at http://***@h:80/x and https://***@d/y"],
    ["https://a:p@ss@host/x", "https://***@host/x"],
    ["postgres://u:p@h/db", "postgres://***@h/db"],
    ["https://h/x?token=abc&page=2", "https://h/x?token=***&page=2"],
    ["https://h/x?a=1&X-Amz-Signature=ff00&b=2", "https://h/x?a=1&X-Amz-Signature=***&b=2"],
    ["https://h/x?sig=a%2Fb", "https://h/x?sig=***"],
    ["https://h/x#access_token=abc", "https://h/x#access_token=***"],
    ["https://h/x?api_key=abc)", "https://h/x?api_key=***"],
    ['{"url":"https://h/?password=abc","n":1}', '{"url":"https://h/?password=***","n":1}'],
    ["authorization: Bearer abcdefghij", "authorization: Bearer ***"],
    ["hf_abcdefghijklmnopqrstuvwx", "hf_***"],
    ["hf://gpt2@main", "hf://gpt2@main"],
    ["npm:@org/data@1.2.3/x", "npm:@org/data@1.2.3/x"],
    ["https://h/x@v1/y?page=2&tokens=5", "https://h/x@v1/y?page=2&tokens=5"],
    ["http:ann:pw@h/x and http:/ann:pw@h", "http:***@h/x and http:/***@h"],
    ["at 'https://h/x?token=ab'c'", "at 'https://h/x?token=***'"],
    ["at 'https://h/x?token='ab', no", "at 'https://h/x?token=***', no"],
    ["https://h/x?to%6ben=abc", "https://h/x?to%6ben=***"],
    ["https://ann:it's@h/x", "https://***@h/x"],
    ["'https://h/x?page=2', 'a@b'", "'https://h/x?page=2', 'a@b'"],
    [
      "mssql://sa:pw@h/x, postgresql+psycopg2://u:p'w@h/db",
      "mssql://***@h/x, postgresql+psycopg2://***@h/db",
    ],
    ["https://h/x?download_token=abc&csrftoken=d", "https://h/x?download_token=***&csrftoken=***"],
    ["https://h/x?token[]=abc&db_password=d", "https://h/x?token[]=***&db_password=***"],
    [
      "https://h/x?design=2&compass=3&author=ann&tokens=5",
      "https://h/x?design=2&compass=3&author=ann&tokens=5",
    ],
    ["at 12:30 see http://h:80/x and a@b", "at 12:30 see http://h:80/x and a@b"],
    ["write to ann@example.org", "write to ann@example.org"],
    [
      "http://ann:pa<ss>word@h/x postgres://ann:pa\\ssword@h/x http://ann:pa',ss@h/",
      "http://***@h/x postgres://***@h/x http://***@h/",
    ],
    [
      "clickhouse://tok3n@h postgresql+psycopg2://tok3n@h smtp+tls://tok3n@h",
      "clickhouse://***@h postgresql+psycopg2://***@h smtp+tls://***@h",
    ],
    ["https://h/?token=ab<,cdefgh5 &", "https://h/?token=*** &"],
    ["https://h/?oauth:token=abc&$token=d", "https://h/?oauth:token=***&$token=***"],
    // Beside letters, in escapes of JSON, behind the codes of colours.
    ['{"m":"line\\nhf_abcdefghijklmnopqrst"}', '{"m":"line\\nhf_***"}'],
    ["my_hf_abcdefghijklmnopqrst", "my_hf_***"],
    ["\x1b[31mhf_abcdefghijklmnopqrst", "\x1b[31mhf_***"],
    ['{"m":"no\\nhttps://ghpsecret1@host/x"}', '{"m":"no\\nhttps://***@host/x"}'],
    ["https:\\/\\/ann:pw@host\\/x", "https:\\/\\/***@host\\/x"],
    [`https://u:pa'ss"word@h/x`, "https://***@h/x"],
    ["ldap://s3cret@h smb://s3cret@h imaps://s3cret@h", "ldap://***@h smb://***@h imaps://***@h"],
    ["http:foo,ldap://u:p@h", "http:foo,ldap://***@h"],
    ["https://h/?token=abc>rest and", "https://h/?token=*** and"],
    ["https://h/?token=abc'.rest and", "https://h/?token=*** and"],
    [`https://h/?${"a".repeat(95)}token=s3cret`, `https://h/?${"a".repeat(95)}token=***`],
    [
      "<https://h/?token=abc>, <a href='https://h/?sig=1'>x",
      "<https://h/?token=***>, <a href='https://h/?sig=***'>x",
    ],
    [
      "[\"https://h\",\"x@y\"] and 'https://h', 'a@b'",
      "[\"https://h\",\"x@y\"] and 'https://h', 'a@b'",
    ],
    [
      "git@h:a/b, ssh://git@h/a, docker://image@sha256:0a",
      "git@h:a/b, ssh://git@h/a, docker://image@sha256:0a",
    ],
    ["//ann:pw@h/x, (//ann:pw@h)", "//***@h/x, (//***@h)"],
    ["//no:te to b@c //see@h // a:b @c", "//no:te to b@c //see@h // a:b @c"],
    ["https://h/?x[token]=abc&y[a][token][b]=d", "https://h/?x[token]=***&y[a][token][b]=***"],
    ["https://h/?x[tokens]=5", "https://h/?x[tokens]=5"],
    ["Basic mathematics for the bearer of tidings", "Basic mathematics for the bearer of tidings"],
  ];
  for (const [text, clean] of cases) assert.equal(withoutSecrets(text), clean);
  for (const [text, clean] of cases) {
    assert.equal(secretIn(text) !== undefined, text !== clean, text);
  }
  assert.equal(secretIn("x = 1;secret=2"), undefined, "code and prose are no addresses");
});

Deno.test("a parameter is known in JSON whose ampersands are escaped", () => {
  assert.equal(
    withoutSecrets("https://h/?page=2\\u0026token=s3cret\\u0026x=1"),
    "https://h/?page=2\\u0026token=***\\u0026x=1",
  );
});

Deno.test("what looks like the beginning of many secrets takes time that grows with it", () => {
  const texts = [
    "ws:",
    "://",
    "http:'",
    "hf_",
    "&token=",
    "token1",
    "a://",
    "https://:",
    'x"@',
    "=\\u0026",
  ];
  for (const text of texts) {
    const began = performance.now();
    for (const end of ["@", "=", "x"]) withoutSecrets("@=&" + text.repeat(300_000) + end);
    // From hundreds of characters at each: it took minutes.
    assert.ok(performance.now() - began < 20_000, `${text}: ${performance.now() - began} ms`);
  }
});

Deno.test("a secret that was said is cut out by its value, in every spelling", () => {
  keepSecret("qu/x 42!");
  keepSecretsOf({
    MY_API_KEY: "zebra-stripes-9",
    TOKENIZERS_PARALLELISM: "false",
    TOKEN_PATH: "/etc/tok",
    DB_PASSWORD: "correcthorsebattery",
    MY_KEY: "Ab1-9z",
    SITE_COOKIE: "/s3cr3t-pw",
    GIT_TOKEN: "true",
    PGPASSWORD: "hunter2longpw",
    GITHUBTOKEN: "ghtoken12345",
    clientSecret: "mysecretval99",
    MYSQL_PWD: "pwd-of-mysql",
    PWD: "/home/ann",
    MONKEY: "banana",
  });
  assert.equal(
    withoutSecrets("hunter2longpw ghtoken12345 mysecretval99 pwd-of-mysql /home/ann banana"),
    "*** *** *** *** /home/ann banana",
  );
  assert.equal(
    withoutSecrets("correcthorsebattery Ab1-9z /s3cr3t-pw true"),
    "*** *** *** true",
  );
  keepSecretsOf({ A_TOKEN: "alpha-12345", B_TOKEN: "12345-omega", C_TOKEN: "gnugnu-gnu" });
  assert.equal(
    withoutSecrets("alpha-12345-omega alpha-12345alpha-12345 gnugnu-gnugnu-gnu!"),
    "*** ****** ***!",
    "of two that overlap no part is left",
  );
  keepSecretsOf({ HTTPS_PROXY: "http://ann:wilde%21beest@proxy:1" });
  assert.equal(withoutSecrets("a qu/x 42! b qu%2Fx%2042! c"), "a *** b *** c");
  assert.equal(withoutSecrets("zebra-stripes-9 false /etc/tok"), "*** false /etc/tok");
  assert.equal(withoutSecrets("wilde%21beest wilde!beest"), "*** ***");
  assert.deepEqual(valueWithoutSecrets({ a: ["zebra-stripes-9"], "https://u:p@h/": 1 }), {
    a: ["***"],
    "https://***@h/": 1,
  });
  assert.deepEqual(valueWithoutSecrets({ "zebra-stripes-9": 1, "Ab1-9z": 2, c: 3 }), {
    "***": 1,
    "****": 2,
    c: 3,
  });
  assert.equal(secretInValue({ a: [{ b: "x zebra-stripes-9" }] }), "a secret of the environment");
  assert.equal(secretInValue({ a: 1, b: ["c"] }), undefined);
  // A number is no less one for standing without quotes; among figures it may be a count.
  keepSecretsOf({ DB_PASSWORD: "48151623" });
  assert.equal(secretInValue({ a: [48151623] }), "a secret of the environment");
  assert.equal(secretInValue({ a: [4815162, 481516230] }), undefined);
  assert.deepEqual(valueWithoutSecrets({ a: 48151623, b: "48151623" }), { a: 48151623, b: "***" });
});

Deno.test("no message of an error holds a secret", () => {
  const url = "https://ann:s3cret@host/x?token=abcdef";
  const error = new UserError({
    what: `cannot reach ${url}`,
    requirement: url,
    remedy: url,
    nearest: url,
    at: { file: "p.yaml", line: 1, column: 1, text: `from: ${url}` },
  });
  for (
    const text of [error.message, error.stack!, formatUserError(error), JSON.stringify(error.parts)]
  ) {
    assert.doesNotMatch(text, /s3cret|abcdef/);
  }
});

Deno.test("a source with a secret is refused, and the message says how to give it", () => {
  const sources = [
    "https://ann:s3cret@host/x",
    "https://s3cret@host/x",
    "https://ann:s3/cret@host/x",
    "https://host/x?token=s3cret",
    "https://host/x?X-Amz-Signature=s3cret&X-Amz-Date=1",
    "http://host/x?sv=1&sig=s3cret",
    "https://host/x#access_token=s3cret",
    "https://host/x?token='s3cret",
    "https://host/x?to%6ben=s3cret",
    "https://host/it's?token=s3cret",
    'https://host/x?a="b&token=s3cret',
    "http:ann:s3cret@host/x",
    "http:/ann:s3cret@host/x",
    " HTTP:\\\\ann:s3cret@host/x",
    "http:host/x?sig=s3cret",
  ];
  for (const source of sources) {
    assert.throws(() => parseSource(source), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /holds .*HF_TOKEN/);
      assert.doesNotMatch(error.message, /s3cret|s3\/cret/);
      return true;
    }, source);
  }
  parseSource("https://host/x?page=2&tokens=3");
});

Deno.test("HF_TOKEN is one word: a line end is cut off, a line break refused and not shown", () => {
  assert.equal(hubToken("https://h", "hf_one\n")?.value, "hf_one");
  assert.equal(hubToken("https://h", " \n"), undefined);
  for (
    const token of ["hf_s3cret\nhf_second", "hf s3cret", "hf_s3crét", "s3cret\r\nx: y", "s3cret\0"]
  ) {
    assert.throws(() => hubToken("https://h", token), (error) => {
      assert.match((error as Error).message, /^HF_TOKEN holds .*one word/);
      assert.doesNotMatch((error as Error).message, /s3cr|second/);
      return true;
    });
  }
});

Deno.test("HF_ENDPOINT with a password is refused and not shown", () => {
  const { signal } = new AbortController();
  for (
    const endpoint of [
      "https://ann:s3cret@host",
      "https://s3cret@host/hub",
      "https://ann:s3/cret@host",
      "ftp://ann:s3cret@host",
      "https://host/?token=s3cret",
    ]
  ) {
    const env = (name: string): string | undefined => name === "HF_ENDPOINT" ? endpoint : undefined;
    assert.throws(() => hubClient(env, { signal }), (error) => {
      assert.match((error as Error).message, /^HF_ENDPOINT/);
      assert.doesNotMatch((error as Error).message, /s3cret|s3\/cret/);
      return true;
    });
  }
});

Deno.test("a token goes to its origin alone: no other port, scheme or host of it", async () => {
  const seen: (string | null)[] = [];
  const note = (request: Request): Response => {
    seen.push(request.headers.get("authorization"));
    return new Response("x");
  };
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const other = Deno.serve(options, note);
  const first = Deno.serve(options, (request) => {
    seen.push(request.headers.get("authorization"));
    return Response.redirect(`http://127.0.0.1:${other.addr.port}/x`);
  });
  const origin = `http://127.0.0.1:${first.addr.port}`;
  const token = { value: "hf_abc", origin };
  await (await request(`${origin}/x`, { token })).text();
  await (await request(`http://localhost:${first.addr.port}/x`, { token })).text();
  assert.deepEqual(seen, ["Bearer hf_abc", null, null, null]);
  await Promise.all([first.shutdown(), other.shutdown()]);
});

Deno.test("what a server says of itself tells no token, and a stage's log neither", async () => {
  await using it = await scene({ token: "hf_abcdefghijklmnop" });
  it.hub.faults.push({ match: /safetensors/, dieAfter: 20_000, times: 1 });
  const HF_TOKEN = "hf_abcdefghijklmnop";
  await it.download({ from: MODEL }, { HF_TOKEN });
  assert.doesNotMatch(it.logs.join("\n") + JSON.stringify([...it.pins]), /hf_abc/);
  const error = await failure(it.download({ from: "hf://org/none" }, { HF_TOKEN }));
  assert.doesNotMatch(error.message, /hf_abc/);
});
