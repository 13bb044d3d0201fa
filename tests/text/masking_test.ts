import assert from "node:assert/strict";
import { MASK_KINDS, maskPersonalData } from "../../lib/text/masking/mask.ts";

/** Each text with what is to be masked in braces: {p:+49 30 1234567}. */
const TAGS: Record<string, string> = { e: "<EMAIL>", p: "<PHONE>", c: "<CARD>", i: "<IP>" };

function check(marked: string): void {
  const text = marked.replace(/\{[epci]:(.*?)\}/g, "$1");
  const expected = marked.replace(/\{([epci]):.*?\}/g, (_, kind: string) => TAGS[kind]!);
  assert.equal(maskPersonalData(text).text, expected, text);
}

Deno.test("maskPersonalData() masks e-mail addresses", () => {
  [
    "Write to {e:joe.bloggs@example.com}.",
    "<{e:a_b+tag@mail.example.co.uk}>, ({e:x@y.org}); mailto:{e:x@y.org}?subject=z",
    "'{e:o'neill@example.ie}' {e:JOE@EXAMPLE.COM}",
    "{e:jörg@müller.de} {e:用户@例子.广告} {e:a@xn--bcher-kva.example}",
    "{e:1234567@example.com} {e:user-212-555-0123@example.com}",
    "...{e:me@x.org}...now {e:a@b.museum}",
    "a@b me@localhost @handle icon@2x.png pkg@1.2.3 a@.org a@b..org a..b@c.org a.@b.org",
    "a@-b.org @ b @@ x@y.z",
    `${"x".repeat(70)}@example.com`,
  ].forEach(check);
});

Deno.test("maskPersonalData() masks IP addresses, not versions", () => {
  [
    "from {i:192.168.0.1}, {i:8.8.8.8}:53 and {i:10.0.0.0}/8.",
    "http://{i:127.0.0.1}:8080/ [{i:203.0.113.9}]",
    "ip:{i:1.2.3.4}",
    "{i:2001:db8:85a3::8a2e:370:7334} {i:fe80::1}%eth0 {i:::1}/128 [{i:2001:db8::}]:80",
    "{i:2001:0DB8:0000:0000:0000:ff00:0042:8329}, {i:::ffff:192.0.2.128}.",
    "256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.4-beta 1.2.3.4a v1.2.3.4 1.2.3.400",
    "version 10.0.0.1, Firmware: 1.2.3.4, since 1.5.6.5, Git 1.8.1.4 release, see section 3.1.4.1 and § 1.2.3.4",
    "std::vector a::b Foo::Bar 12:34:56 00:1a:2b:3c:4d:5e 1:2:3:4:5:6:7 :: 1::2::3 dead::beef",
    "12345::1 g::1 3,1.2.3.4",
  ].forEach(check);
});

Deno.test("maskPersonalData() masks card numbers with the right check digit", () => {
  [
    "{c:4111 1111 1111 1111}, {c:4111-1111-1111-1111}. {c:4111111111111111}",
    "{c:5555555555554444} {c:2223003122003222} {c:3782 822463 10005} {c:30569309025904}",
    "{c:6011000990139424}/{c:3530111333300000} {c:4222222222222} {c:6304000000000000}",
    "pay 2024 {c:4111 1111 1111 1111} 12",
    "4111 1111 1111 1112 4111-1111 1111-1111 0000 0000 0000 0000 1234567812345670",
    "0.4111111111111111 4111111111111111.5 x4111111111111111 41111111111111111111",
    "#4111111111111111 9780306406157 1700000000000 4111111111111111-A 5 5555555555555",
  ].forEach(check);
});

Deno.test("maskPersonalData() masks telephone numbers, not years, dates, prices, numbers of orders", () => {
  [
    "Call {p:+49 30 1234567} or {p:+1-212-555-0123}, {p:+1 (212) 555-0123}.",
    "{p:+442079460958} {p:+44 (0)20 7946 0958} {p:+33 1 23 45 67 89} {p:0049 30 123456}",
    "{p:+91 98765 43210}; tel:{p:+1-201-555-0123} {p:+7 495 123-45-67} {p:+86 10 1234 5678}",
    "{p:(212) 555-0123} {p:212-555-0123} {p:212.555.0123} {p:1-800-555-0199} {p:(212) 555-0123 ext. 42}",
    "{p:030 12345678}, {p:0171/1234567}, {p:(030) 123 45 67}, {p:0800 123 456}",
    "{p:01 23 45 67 89} {p:01.23.45.67.89} {p:020 7946 0958} {p:07911 123456} {p:(020) 7946 0958}",
    "{p:03-1234-5678} {p:090-1234-5678} {p:02 9876 5432} {p:8 (495) 123-45-67} {p:8 800 555 35 35}",
    "{p:(11) 91234-5678}",
    "Tel.: {p:5550123}, Phone: {p:612 345 678}; Fax no.: {p:22 123 45 67}",
    "{p:+1 212 555 0123} 100 people; {p:030 1234567} 20 minutes; {p:030 1234567} 2024",
    "1999 2024 1999-2003 2010 - 2015 1.000.000 1,234,567.89 $212 555 0123 € 0171 1234567",
    "2024-01-02 2024-01-02 10:11:12 01.02.2024 01/02/2024 01-02-2024 10:30 2024-01-02T10:11:12Z",
    "302-1234567-1234567 order 1234567890 #212-555-0123 ISBN 978-3-16-148410-0 0-306-40615-2",
    "12345678 123 456 789 1 000 000 +5 +100 +10% 5+12345678 0.123456789 01234567890",
    "Boston, MA 02110-1301, USA; 00 61 00 64 00 73 00",
    "A-212-555-0123 212-555-0123-4 3.14159265358979 00000 000 0000 05 06 07 08 09 10",
    "pages 212-215 2001: 1 2 3 4 5 6 7 8 9 score 10-12 (2019) 123-456 (1999) 12345678",
  ].forEach(check);
});

Deno.test("maskPersonalData() counts each kind, replaces those that have a tag, and each place once", () => {
  const text = "me@x.org, you@x.org, 10.0.0.1, 4111 1111 1111 1111 and +49 30 1234567";
  assert.deepEqual(maskPersonalData(text).counts, { email: 2, ip: 1, card: 1, phone: 1 });
  assert.deepEqual(maskPersonalData(text, { ip: "1.2.3.4 a@b.org" }), {
    text: text.replace("10.0.0.1", "1.2.3.4 a@b.org"),
    counts: { email: 0, ip: 1, card: 0, phone: 0 },
  });
  assert.equal(maskPersonalData(text, {}).text, text);
  assert.equal(maskPersonalData("a@b.org", { email: "" }).text, "");
  assert.equal(maskPersonalData("a@b.org", { email: "$&" }).text, "$&");
  assert.deepEqual([...MASK_KINDS], ["email", "ip", "card", "phone"]);
});

Deno.test("maskPersonalData() takes a time in proportion to a text", () => {
  const units = [
    ...[
      "a",
      "@",
      "a@",
      "a.",
      "@a.",
      "a@b.",
      "1",
      "1.",
      "1 ",
      "12 ",
      "0123 ",
      "+",
      "+1 ",
      "(",
      "(0) ",
    ],
    ...[":", "a:", "::", "1:", "1::", "tel ", "tel.: ", "4111 ", "4111", "-", "1-", "+49 30 ", "'"],
  ];
  for (const unit of units) {
    const start = performance.now();
    maskPersonalData(unit.repeat(50_000));
    assert.ok(performance.now() - start < 6000, unit);
  }
});
