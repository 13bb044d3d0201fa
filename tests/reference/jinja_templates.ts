/**
 * Templates by chance, from a seed: every operator, filter, test and method, over values that go together
 * and values that do not.
 *
 * @module
 */
import type { Named } from "../../lib/base/jinja/template.ts";

/** A row and the types of its columns. An int past 2^53 is a bigint. */
export interface TypedRow {
  readonly row: Named;
  readonly types: Readonly<Record<string, string>>;
}

const TYPES = {
  text: "string",
  title: "string",
  n: "int",
  big: "int",
  f: "float",
  flag: "bool",
  gap: "string",
  list: "json",
  map: "json",
};

/** Rows that templates are rendered for. */
export const ROWS: readonly TypedRow[] = [
  {
    text: " Call me Ishmael, some years-ago\n",
    title: "moby 🐋 Dick",
    n: 3,
    big: 2n ** 60n + 1n,
    f: 1,
    flag: true,
    gap: null,
    list: [3, 1, 2],
    map: { a: 1, b: "two", c: [1, 2] },
  },
  {
    text: "",
    title: "Straße ǆ ΑΣ İ",
    n: 0,
    big: -(2n ** 62n),
    f: -2.5,
    flag: false,
    gap: "here",
    list: ["b", "A", "c", "a"],
    map: {},
  },
  {
    text: "a\tb  c\u00a0d\r\ne\u2028f",
    title: "x'y\"z\\",
    n: -7,
    big: 10n,
    f: 1e16,
    flag: true,
    gap: null,
    list: [{ a: 1, b: "x" }, { a: 3, b: "Y" }, { a: 2, b: "x" }],
    map: { b: null, a: 0.5, Z: true },
  },
].map((row) => ({ row, types: TYPES }));

const ATOMS = [
  ...["text", "title", "n", "big", "f", "flag", "gap", "list", "map"],
  ...["0", "1", "2", "-3", "7", "0.5", "2.5", "1.0", "1e3", "12345678901234567890", "0.1"],
  ...["''", "'a'", "'A b'", "'🐋x'", "'12'", "'-3.50'", '"it\'s"', "'%s-%d'", "'a,b,,c'", "' \\n'"],
  ...["none", "true", "false", "[]", "[1, 2, 3]", "['a', 'B', 'a']", "(1, 'a')", "{}", "{'a': 1}"],
  ...["range(4)", "range(5, 0, -2)", "[[1, 2], [3]]", "[1, 1.0, true]", "list.x", "map.a"],
];

const BINARY = ["+", "-", "*", "/", "//", "%", "~", "and", "or", "in", "not in"];
const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="];

const FILTERS = [
  ...[
    "abs",
    "capitalize",
    "center(11)",
    "center",
    "count",
    "d('x')",
    "default('x', true)",
    "dictsort",
  ],
  ...["dictsort(false, 'value')", "dictsort(reverse=true)", "e", "first", "float", "float(none)"],
  ...["format(1, 2)", "format('x')", "int", "int(5)", "int(base=16)", "join", "join(', ')", "last"],
  ...[
    "length",
    "list",
    "lower",
    "items | list",
    "map('upper') | list",
    "map(attribute='a') | list",
  ],
  ...[
    "map('string') | join",
    "map('int', 7) | list",
    "min",
    "max",
    "max(attribute='a')",
    "reject | list",
  ],
  ...[
    "reject('odd') | list",
    "rejectattr('a', 'eq', 1) | list",
    "replace('a', 'bb')",
    "replace('', '.')",
  ],
  ...[
    "replace('a', 'x', 1)",
    "reverse | list",
    "round",
    "round(1)",
    "round(-1)",
    "round(1, 'ceil')",
  ],
  ...["round(0, 'floor')", "select | list", "select('string') | list", "selectattr('a') | list"],
  ...[
    "selectattr('b', 'in', ['x'])|list",
    "slice(2) | list",
    "slice(3, 0) | list",
    "sort",
    "string",
  ],
  ...["sort(true)", "sort(case_sensitive=true)", "sort(attribute='a')", "sort(attribute='b,a')"],
  ...["sum", "sum(attribute='a')", "sum(start=1)", "title", "trim", "trim('a ')", "truncate(5)"],
  ...["truncate(8, true)", "truncate(4, false, '…', 0)", "unique | list", "upper", "urlencode"],
  ...["unique(true) | list", "wordcount", "wordwrap(7)", "wordwrap(4, false)", "batch(2) | list"],
  ...["batch(2, '-') | list", "indent", "indent(2, true)", "indent('> ', blank=true)", "tojson"],
  ...["tojson(indent=2)", "tojson(true)", "tojson(sort_keys=true)", "filesizeformat", "striptags"],
  ...[
    "filesizeformat(true)",
    "groupby('a')",
    "groupby('b') | map('first') | list",
    "attr('a')",
    "safe",
  ],
  ...["xmlattr", "wordwrap(5, wrapstring='|')"],
];

const TESTS = [
  ...["defined", "undefined", "none", "true", "false", "boolean", "integer", "float", "number"],
  ...["string", "mapping", "iterable", "sequence", "callable", "lower", "upper", "odd", "even"],
  ...[
    "divisibleby 3",
    "divisibleby(2)",
    "in [1, 'a', none]",
    "eq 1",
    "equalto('a')",
    "ne 0",
    "gt 1",
  ],
  ...[
    "ge 1",
    "lt 2",
    "lessthan(2)",
    "le 1",
    "sameas none",
    "sameas true",
    "escaped",
    "filter",
    "test",
  ],
];

const METHODS = [
  ...["upper()", "lower()", "title()", "capitalize()", "swapcase()", "casefold()", "strip()"],
  ...["lstrip()", "rstrip('a ')", "split()", "split(',')", "split(none, 1)", "rsplit(' ', 1)"],
  ...[
    "rsplit(maxsplit=1)",
    "splitlines()",
    "splitlines(true)",
    "startswith('a')",
    "endswith(('c', 'k'))",
  ],
  ...[
    "find('a')",
    "rfind('a', 1)",
    "index('b')",
    "count('a')",
    "replace('a', 'b')",
    "replace('', '-', 2)",
  ],
  ...[
    "partition(' ')",
    "rpartition(',')",
    "center(9, '*')",
    "ljust(6)",
    "rjust(6, '.')",
    "zfill(6)",
  ],
  ...["isalpha()", "isdigit()", "isalnum()", "isspace()", "isupper()", "islower()", "istitle()"],
  ...["isnumeric()", "isidentifier()", "isprintable()", "isascii()", "removeprefix('a')"],
  ...[
    "removesuffix('b')",
    "expandtabs(4)",
    "join(['x', 'y'])",
    "join(list)",
    "format(1, 2)",
    "keys() | list",
  ],
  ...[
    "values() | list",
    "items() | list",
    "get('a')",
    "get('q', 0)",
    "copy()",
    "append(1)",
    "count(1)",
  ],
  ...[
    "index(1)",
    "bit_length()",
    "is_integer()",
    "a",
    "b",
    "nope",
    "0",
    "items()",
    "real",
    "encode",
  ],
].filter((method) => method !== "encode");

const SUBSCRIPTS = [
  ...[
    "0",
    "-1",
    "1",
    "5",
    "'a'",
    "n",
    "true",
    "1:",
    ":2",
    ":-1",
    "::-1",
    "1:3",
    "::2",
    "-2:",
    "3:0:-1",
  ],
];

const FORMATS = [
  ...[
    "'%s' % X",
    "'%5.2f|' % X",
    "'%-6s|' % X",
    "'%05d' % X",
    "'%x %X %o' % (X, X, X)",
    "'%r' % X",
  ],
  ...[
    "'%e' % X",
    "'%g' % X",
    "'%+d' % X",
    "'%%%s' % (X,)",
    "'%(a)s' % X",
    "'%.3s|' % X",
    "'%c' % X",
  ],
  ...[
    "'{}'.format(X)",
    "'{:>8}'.format(X)",
    "'{:.2f}'.format(X)",
    "'{:,}'.format(X)",
    "'{!r}'.format(X)",
  ],
  ...["'{0}{0:05}'.format(X)", "'{:^9}|'.format(X)", "'{:+.1e}'.format(X)", "'{:x}'.format(X)"],
  ...["'{a[0]}{a.b}'.format(a=X)", "'{:%}'.format(X)", "'{:.3}'.format(X)", "'{:_}'.format(X)"],
  ...["'{{{}}}'.format(X)", "'{:010.3f}'.format(X)", "'{:<{}}|'.format(X, 7)", "'{:g}'.format(X)"],
];

const STATEMENTS = [
  "{% for x in X %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}",
  "{% for x in X if x %}{{ loop.length }}{{ loop.revindex }}{{ [x, loop.previtem, loop.nextitem] }}{% endfor %}",
  "{% for k, v in X.items() %}{{ k }}={{ v }};{% endfor %}",
  "{% for x in X %}{% if loop.index == 2 %}{% continue %}{% endif %}{{ [x] }}{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}",
  "{% set v = X %}{% if v %}{% set v = 1 %}{% endif %}{{ [v] }}",
  "{% set v = X %}{% for i in range(2) %}{% set v = i %}{{ v }}{% endfor %}{{ [v] }}",
  "{% set ns = namespace(s=0) %}{% for x in X %}{% set ns.s = ns.s + x %}{% endfor %}{{ ns.s }}",
  "{% macro m(a, b=a, *c) %}{{ [a, b] }}{% endmacro %}{{ m(X) }}",
  "{% macro m(a, b='z') %}{{ [a, b, varargs, kwargs] }}{% endmacro %}{{ m(X, q=1) }}{{ m(1, 2, 3) }}{{ m(b=X) }}",
  "{% macro m() %}<{{ caller(1) }}>{% endmacro %}{% call(z) m() %}{{ [z, X] }}{% endcall %}",
  "{% filter upper %}{{ [X] }}a{% endfilter %}",
  "{% set v | trim %} {{ X ~ 1 }} {% endset %}[{{ v }}]",
  "{% with a=X, b=2 %}{{ [a, b] }}{% endwith %}",
  "  {% if X %}\n  yes\n  {% elif X == 0 %}\n zero\n  {%- else -%}\n  no {% endif %}\n  end\n",
  "{{- X ~ 1 }} \n {%- if true +%}\n a\n{% endif -%}\n  b",
  "{# c #}\n {#- c -#} {% raw %}{{ X }}{% endraw %}{{ [X] }}",
  "{% for x in X recursive %}{{ x }}{% if x is iterable and x is not string %}({{ loop(x) }}){% endif %}{% endfor %}",
  "{% for x in X %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x) }}{% endfor %}",
  "{{ X if X }}|{{ 'y' if X else 'n' }}|{{ 1 if X else 2 if n else 3 }}",
  "{% set a, b = X %}{{ [a, b] }}",
  "{% set j = joiner('-') %}{% for x in X %}{{ j() }}{{ [x] }}{% endfor %}",
  "{% set c = cycler(1, X) %}{{ [c.next(), c.next(), c.current] }}",
  "{{ dict(X) }}{{ dict(a=X) }}",
  "{{ '%s' % X ~ -n | abs ~ 2 ** 3 ** 2 ~ -2 ** 2 }}",
];

/** Templates of a seed. Each prints in a way in which a null cell is written as Jinja does. */
export function templatesBySeed(seed: number, count: number): string[] {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const expression = (depth: number): string => {
    if (depth <= 0 || random() < 0.15) return pick(ATOMS);
    const inner = (): string => expression(depth - 1);
    switch (Math.floor(random() * 12)) {
      case 0:
        return `(${inner()} ${pick(BINARY)} ${inner()})`;
      case 1:
        return `${inner()} ${pick(BINARY)} ${inner()}`;
      case 2:
        return `(${inner()} ${pick(COMPARISONS)} ${inner()})`;
      case 3:
        return `${pick(ATOMS)} ${pick(COMPARISONS)} ${pick(ATOMS)} ${pick(COMPARISONS)} ${
          pick(ATOMS)
        }`;
      case 4:
        return `(${inner()} is ${random() < 0.3 ? "not " : ""}${pick(TESTS)})`;
      case 5:
      case 6:
        return `(${inner()} | ${pick(FILTERS)})`;
      case 7:
        return `(${inner()}).${pick(METHODS)}`;
      case 8:
        return `(${inner()})[${pick(SUBSCRIPTS)}]`;
      case 9:
        return `(${inner()} if ${inner()} else ${inner()})`;
      case 10:
        return `(${pick(FORMATS).replaceAll("X", pick(ATOMS))})`;
      default:
        return pick([
          `not ${inner()}`,
          `-${inner()}`,
          `[${inner()}, ${inner()}]`,
          `{'k': ${inner()}}`,
        ]);
    }
  };
  return Array.from({ length: count }, (_, i) => {
    if (i % 4 === 0) {
      return pick(STATEMENTS).replaceAll("X", pick([...ATOMS, `(${expression(1)})`]));
    }
    const printed = expression(1 + i % 3);
    return i % 2 === 0 ? `{{ [${printed}] }}` : `{{ (${printed}) ~ '' }}`;
  });
}

/** Numbers from 0 up to 1. */
export type Random = () => number;

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
