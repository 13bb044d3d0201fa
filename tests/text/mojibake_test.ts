import assert from "node:assert/strict";
import { repairMojibake } from "../../lib/text/mojibake.ts";

/** What a program makes of UTF-8 that it takes for windows-1252 (with latin-1 where that has nothing). */
function mojibake(text: string, label: "windows-1252" | "latin1" = "windows-1252"): string {
  const bytes = new TextEncoder().encode(text);
  if (label === "latin1") return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return new TextDecoder("windows-1252").decode(bytes);
}

const TEXTS = [
  "It’s a café — “naïve”, he said…",
  "Größe, Übermaß, ÄÖÜ, straße",
  "El Niño, ¿qué? ¡Mañana! corazón, CORAZÓN",
  "à la carte, où, garçon, œuvre, Noël",
  "não, irmã, coração, ações",
  "5 °C, 3 m², £20, €30, ½ ×, © 2020 ®",
  "Łódź, zażółć gęślą jaźń, mąka",
  "příliš žluťoučký kůň",
  "İstanbul, Ağrı, şeker",
  "Țara și ană",
  "Nguyễn Văn Việt, phở, đường",
  "Γειά σου Κόσμε",
  "Привет, мир! и я",
  "שלום עולם",
  "مرحبا بالعالم",
  "नमस्ते दुनिया",
  "こんにちは世界、漢字",
  "안녕하세요",
  "A whale 🐋 and 😀❤️",
  "trade™ → ★ ∞ ≤",
  "a no-break\u00a0space",
];

Deno.test("repairMojibake() undoes UTF-8 read as windows-1252 or latin-1, up to three times", () => {
  for (const text of TEXTS) {
    for (const label of ["windows-1252", "latin1"] as const) {
      let broken = text;
      for (let times = 1; times <= 3; times++) {
        broken = mojibake(broken, label);
        assert.equal(repairMojibake(broken), text, `${label}, ${times} times`);
      }
    }
    assert.equal(repairMojibake(text), text);
  }
});

Deno.test("repairMojibake() repairs the broken part of a text and leaves what is right", () => {
  const cases: [string, string][] = [
    ["‘Right’ and brokenâ€™s 鲸", "‘Right’ and broken’s 鲸"],
    ["cafÃ© and café", "café and café"],
    ["Ã‰cole, Ã\u00a0 la, CAFÃ‰", "École, à la, CAFÉ"],
    ["5Â°C Â£20 Â»quoteÂ«", "5°C £20 »quote«"],
    ["ï»¿begins", "\ufeffbegins"],
    ["lost ï¿½ letter", "lost \ufffd letter"],
    ["dÃ©jÃ  Ã la carte, voilÃ  un Ã  deux", "déjà à la carte, voilà un à deux"],
    // In doubt alone, repaired beside what is beyond doubt.
    ["tambÃ©m IRMÃƒ”", "também IRMÃ”"],
  ];
  for (const [broken, text] of cases) {
    assert.equal(repairMojibake(broken), text, broken);
  }
});

Deno.test("repairMojibake() leaves what somebody may have written", () => {
  const cases = [
    "IRMÃ” e “MINHA IRMÔ",
    "NÃO, MÃE, AMANHÃ…",
    "MAÑANA… AÑO”",
    "SPAß… Spaß” Maß² Maß»",
    "« café\u00a0» et « naïveté\u00a0»",
    "dice que está»… y ya",
    "PÅ… PÅ” på» Ångström Å",
    "GUÐ” og GUÐ…",
    "l’île d’Âge, TÂCHE, Â",
    "Ä… ich weiß nicht",
    "đã…” là…” hâ…”",
    "5×² 3×½",
    "Nestlé® Citroën™",
    "È» É» À» È“Roma” È™",
    "naïve façade",
    "ÃO",
    "a letra Ã com til",
    "Â  Ã  À",
    "Ünïcödé",
    "¡Olé! ¿Qué?",
    "ÉTÉ… ÉTÉ’S",
    "Ð is a letter; Ñ too",
    "½ ¾ ± µ ¶",
    "\u0080\u0093",
    "日本語 русский العربية",
    "",
  ];
  for (const text of cases) assert.equal(repairMojibake(text), text);
});

Deno.test("repairMojibake() takes a time in proportion to a text", () => {
  for (const unit of ["Ã", "Ã©", "â€", "ðŸ", "Ã ", "ƒÃ", "Ð¿"]) {
    const start = performance.now();
    repairMojibake(unit.repeat(100_000));
    assert.ok(performance.now() - start < 5000, unit);
  }
});
