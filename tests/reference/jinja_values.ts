/**
 * Floats and texts by chance, from a seed, and what templates do with one: how it is written, rounded,
 * read and formatted, in every case of letters there is.
 *
 * @module
 */
import { type Random, randomOf } from "./jinja_templates.ts";

/** Expressions of a float `x`. */
export const OF_FLOATS: readonly string[] = [
  ...[
    "x",
    "x | round",
    "x | round(2)",
    "x | round(-2)",
    "x | int",
    "x | tojson",
    "x | filesizeformat",
  ],
  ...["x | round(1, 'ceil') if x | abs < 1e290 else 0", "'%.3f' % x", "'%.0f' % x", "'%e' % x"],
  ...[
    "'%.2e' % x",
    "'%g' % x",
    "'%.10g' % x",
    "'%.15g' % x",
    "'{:.3}'.format(x)",
    "'{:.1}'.format(x)",
  ],
  ...["'{:g}'.format(x)", "'{:,.2f}'.format(x)", "'{:012.3f}'.format(x)", "'{:+e}'.format(x)"],
  ...[
    "'{:%}'.format(x)",
    "x // 3",
    "x % 3",
    "x // 0.7",
    "x % -0.7",
    "x | string | float == x",
    "x * 3",
  ],
  ...["x / 7", "x + 0.1", "(x | int) ** 2", "(x | int) // 1000003", "(x | int) % -97", "'%d' % x"],
  ...[
    "(x | int) / 1000003",
    "(x | int) | round(-3)",
    "'%x' % (x | int)",
    "(x | int) < x",
    "'%.40f' % x",
  ],
  ...[
    "(x | int) == x",
    "'{:,}'.format(x | int)",
    "'{:_x}'.format(x | int)",
    "(x | int).bit_length()",
  ],
  ...[
    "'{:+020,}'.format(x | int)",
    "[x, x | int] | max",
    "(x | int) / 10 ** 30",
    "x | int | float",
  ],
  "'%+.4f|% .1f|%-12.2f|%012.2f' % (x, x, x, x)",
  "(x | int * 10 ** 18) / 7",
];

/** Expressions of a text `x`. */
export const OF_TEXTS: readonly string[] = [
  ...[
    "[x]",
    "x.upper()",
    "x.lower()",
    "x.title()",
    "x.capitalize()",
    "x.casefold()",
    "x.swapcase()",
  ],
  ...[
    "x | title",
    "x | capitalize",
    "x.split()",
    "x.splitlines()",
    "x.splitlines(true)",
    "x.strip()",
  ],
  ...["x.rstrip() | length", "x | length", "x[::-1]", "x[1:3]", "x.isalpha()", "x.isdigit()"],
  ...["x.isnumeric()", "x.isdecimal()", "x.isalnum()", "x.isupper()", "x.islower()", "x.istitle()"],
  ...[
    "x.isspace()",
    "x.isidentifier()",
    "x.isprintable()",
    "x.isascii()",
    "x is lower",
    "x is upper",
  ],
  ...[
    "x | wordcount",
    "x | urlencode",
    "x | tojson",
    "x | tojson(true)",
    "x | int(7)",
    "x | float(7)",
  ],
  ...[
    "x.zfill(6)",
    "x.center(7, '*')",
    "x | truncate(4)",
    "x | wordwrap(3)",
    "x | indent",
    "x.find('a')",
  ],
  ...[
    "x.partition('a')",
    "x.expandtabs(3)",
    "x | e",
    "x < 'é'",
    "'%.3s|%5s' % (x, x)",
    "x | striptags",
  ],
  ...[
    "'{:^6.2}|{!r}'.format(x, x)",
    "x.rsplit(none, 1)",
    "x.split(none, 1)",
    "x | list",
    "x | sort",
  ],
  ...[
    "x | unique | list",
    "x | reverse",
    "x | trim('a ')",
    "x.replace('', '-')",
    "x * 2",
    "'%a' % x",
  ],
  "'{!a}'.format(x)",
];

/** Characters that go through cases, white space and classes in ways of their own. */
const CHARACTERS = Array.from(
  "aBßéÉ🐋ǆǅΣσςİıŉ \t\u00a0\u2028\u0085\x1c\x1f-'\"\\\u0301١²½Ⅷⅷ中一ﬁ\u200b\ufeff\u00ad_10.ªʰ𝐀𝟏აᲐᎠꭰ\n\r\0\x7f" +
    "ͅᾳᾼᾴᾷ‿℘፩①㉑<>&-",
);

/** Floats of every size, and many that lie in the middle between two that are written shorter. */
export function floatsBySeed(seed: number, count: number): number[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) {
      const divisors = [1, 2, 4, 8, 10, 16, 100, 1000];
      return Math.round(random() * 1e6 - 5e5) / divisors[i % divisors.length]!;
    }
    const digits = i % 3 === 1 ? 300 : 20;
    return (random() - 0.5) * 10 ** Math.floor(random() * 2 * digits - digits);
  });
}

/** Short texts. */
export function textsBySeed(seed: number, count: number): string[] {
  const random: Random = randomOf(seed);
  return Array.from({ length: count }, () => {
    const length = Math.floor(random() * 8);
    return Array.from(
      { length },
      () => CHARACTERS[Math.floor(random() * CHARACTERS.length)]!,
    ).join("");
  });
}
