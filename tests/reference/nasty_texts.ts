/**
 * Texts that a tokenizer may get, drawn from a seed: words, all scripts, emoji, marks, odd spaces, control
 * characters, broken surrogates, added tokens, long words.
 *
 * @module
 */
import type { RandomStream } from "../../lib/base/random.ts";

/** Words and lines that tokenizers are trained on. */
export const LINES: readonly string[] = [
  "the sea and the ship and the whale and the sea again, they'll see",
  "It's a whale's tale, isn't it?  They've seen\n\n42 ships; 421 whales. We're fine, I'd say; I'm sure!",
  "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money",
  "naïve café über façade élan coöperate; Ærøskøbing, Łódź, İstanbul, ΣΊΣΥΦΟΣ, Война и мир",
  "def f(x):\n\treturn x ** 2  # 3.14159, 2024-01-01, 1,000,000\r\n    pass",
  "日本語のテキスト、 中文文本。 한국어 텍스트 ｶﾞｷﾞ １２３ ①②③ ½ ⅓ ﬁﬂ",
  "हिन्दी में पाठ ภาษาไทย العربية עברית ქართული հայերեն தமிழ்",
  "🙂 👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ ♂ ™ © № Å e\u0301 a\u0308\u0323",
];

const WORDS: readonly string[] = LINES.flatMap((line) => line.split(/[ \n]/));

/** What some tokenizers have as added tokens, and what looks like it. */
const TOKENS: readonly string[] = [
  ...[
    "<|endoftext|>",
    "<s>",
    "</s>",
    "<mask>",
    "<unk>",
    "<pad>",
    "sea",
    "[R]",
    "<|eot_id|>",
    "[SEA]",
  ],
  ...[
    "<|im_start|>",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "[UNK]",
    "Whale",
    "whale",
    "ship",
    "<extra_id_0>",
  ],
  ...[
    "<sep>",
    "<cls>",
    "[A B]",
    "<0x0A>",
    "<0xE3>",
    "<|endoftext",
    "[CLS",
    "▁",
    "▁▁the",
    "Ġ",
    "##s",
  ],
];

/** Ranges of code points, a script or a kind each. */
const RANGES = [
  ...[[0x20, 0x7e], [0x20, 0x7e], [0x41, 0x7a], [0xa0, 0x24f], [0x300, 0x36f], [0x370, 0x3ff]],
  ...[[0x400, 0x52f], [0x531, 0x58f], [0x591, 0x5f4], [0x600, 0x6ff], [0x700, 0x8ff], [
    0x900,
    0x97f,
  ]],
  ...[[0x980, 0xdff], [0xe00, 0xeff], [0xf00, 0xfff], [0x1000, 0x109f], [0x10a0, 0x10ff]],
  ...[[0x1100, 0x11ff], [0x1200, 0x139f], [0x13a0, 0x167f], [0x1680, 0x18af], [0x1900, 0x1aff]],
  ...[[0x1b00, 0x1cff], [0x1d00, 0x1fff], [0x2000, 0x206f], [0x2070, 0x20cf], [0x20d0, 0x20ff]],
  ...[[0x2100, 0x218f], [0x2190, 0x23ff], [0x2460, 0x27bf], [0x2c00, 0x2dff], [0x2e00, 0x2e7f]],
  ...[[0x3000, 0x30ff], [0x3130, 0x33ff], [0x3400, 0x9fff], [0xa000, 0xabff], [0xac00, 0xd7ff]],
  ...[[0xe000, 0xe010], [0xf900, 0xfaff], [0xfb00, 0xfdff], [0xfe00, 0xfe6f], [0xfe70, 0xfeff]],
  ...[[0xff00, 0xffef], [0xfff0, 0xffff], [0x10000, 0x10fff], [0x11000, 0x11fff], [
    0x12000,
    0x16fff,
  ]],
  ...[[0x17000, 0x1bfff], [0x1d000, 0x1d7ff], [0x1e000, 0x1efff], [0x1f000, 0x1faff]],
  ...[[0x20000, 0x2fa1f], [0xe0000, 0xe01ef], [0x0, 0x1f], [0x7f, 0x9f], [0x0, 0x10ffff]],
].map(([from, to]) => [from!, to!] as const);

const SPACES: readonly string[] = [
  ...[
    " ",
    " ",
    "  ",
    "    ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n ",
    "\u00a0",
    "\u0085",
    "\u2003",
    "\u2028",
  ],
  ...["\u3000", "\u200b", "\ufeff", "\u180e", "\u000b", "\u000c", "\u1680", "\u202f"],
];

const SEQUENCES: readonly string[] = [
  ...["👩‍👩‍👧‍👦", "👍🏽", "🇩🇪🇫🇷", "❤️", "🏳️‍🌈", "1️⃣", "e\u0301\u0323", "\u0301", "\u0323\u0301a", "ｶﾞ", "क्षि"],
  ...[
    "각",
    "\u1100\u1161\u11a8",
    "ﷺ",
    "ﬃ",
    "ŉ",
    "ẞ",
    "ΑΣ",
    "İ",
    "ǆ",
    "½",
    "㎏",
    "①",
    "𝔘𝔫𝔦",
    "\0",
    "\ufffd",
  ],
  ...[
    "'s",
    "'S",
    "'ſ",
    "'LL",
    "don't",
    "n't",
    "''",
    "``",
    "...",
    "!!!",
    "1234567",
    "١٢٣",
    "x²",
    "a_b",
  ],
  ...[
    "\ud800",
    "\udc00",
    "a\udfffb",
    "\ud83d",
    "\u0600 a",
    "\u0e33",
    "\u1734",
    "\u{1171e}",
    "\u166d",
  ],
];

/** A text of some parts. */
export function nastyText(random: RandomStream): string {
  const pick = <T>(from: readonly T[]): T => from[random.nextBelow(from.length)]!;
  let text = "";
  for (let parts = 1 + random.nextBelow(10); parts > 0; parts--) {
    const kind = random.nextBelow(12);
    if (kind < 4) text += pick(WORDS) + (random.nextBelow(3) === 0 ? "" : " ");
    else if (kind < 6) text += pick(SPACES);
    else if (kind < 7) text += pick(TOKENS);
    else if (kind < 9) text += pick(SEQUENCES);
    else if (kind < 11 || random.nextBelow(8) > 0) {
      const [from, to] = pick(RANGES);
      for (let count = 1 + random.nextBelow(6); count > 0; count--) {
        text += String.fromCodePoint(from + random.nextBelow(to - from + 1));
      }
    } else text += pick([...WORDS, ...SEQUENCES, "z", "é", "生"]).repeat(1 + random.nextBelow(150));
  }
  return text;
}
