import assert from "node:assert/strict";
import { loadLanguageDetector } from "../../lib/text/language.ts";

const SENTENCES: readonly [language: string, text: string][] = [
  ["en", "I really enjoyed this movie, the acting was superb."],
  ["en", "Very good product"],
  ["de", "Der schnelle braune Fuchs springt über den faulen Hund."],
  ["de", "Sehr gutes Produkt"],
  ["fr", "Je voudrais réserver une table pour deux personnes ce soir."],
  ["fr", "Très bon produit"],
  ["es", "El gobierno anunció nuevas medidas para reducir el desempleo."],
  ["es", "Muy buen producto"],
  ["it", "La riunione è stata rimandata a domani mattina alle nove."],
  ["pt", "Não sei se vou conseguir chegar a tempo à reunião."],
  ["nl", "Ik heb gisteren een heel goede film gezien."],
  ["ru", "Погода сегодня очень хорошая, светит солнце."],
  ["uk", "Сьогодні дуже гарна погода, світить сонце."],
  ["zh", "今天天气很好，我们去公园散步吧。"],
  ["ja", "昨日は友達と映画を見に行きました。"],
  ["ko", "오늘은 날씨가 매우 좋아서 공원에 갔습니다."],
  ["ar", "ذهبت أمس إلى السينما مع أصدقائي لمشاهدة فيلم جديد."],
  ["pl", "Pogoda jest dzisiaj bardzo ładna i świeci słońce."],
  ["sv", "Igår gick vi på bio och såg en ny film."],
  ["no", "I går gikk vi på kino og så en ny film."],
  ["da", "I går gik vi i biografen og så en ny film."],
  ["tr", "Bugün hava çok güzel, güneş parlıyor."],
  ["hi", "कल हम दोस्तों के साथ नई फिल्म देखने गए थे।"],
  ["vi", "Hôm qua chúng tôi đi xem phim mới ở rạp."],
];

Deno.test("a language detector knows sentences of many languages", async () => {
  const languageOf = await loadLanguageDetector();
  for (const [language, text] of SENTENCES) {
    const guess = languageOf(text);
    assert.equal(guess?.language, language, text);
    assert.ok(guess.probability > 0.4 && guess.probability <= 1, `${text} ${guess.probability}`);
    // The same again: nothing is kept from text to text.
    assert.deepEqual(languageOf(text), guess);
  }
});

Deno.test("a language detector is unsure of what is near another language, and silent on what is none", async () => {
  const languageOf = await loadLanguageDetector();
  const sure = languageOf("Je voudrais réserver une table pour deux personnes ce soir.")!;
  const unsure = languageOf("I går og så en film")!;
  assert.ok(sure.probability > 0.99 && unsure.probability < 0.9, `${unsure.probability}`);
  for (const text of ["", "   ", "12345 !!", "{}[]();", "\ud83d"]) {
    assert.equal(languageOf(text), undefined, text);
  }
});

Deno.test("a language detector reads more than the first lines, in a bounded time", async () => {
  const languageOf = await loadLanguageDetector();
  const german = "Ich habe gestern einen sehr großen weißen Wal gesehen, und niemand glaubt mir. ";
  const menu = "Home About Contact Login Search Terms of use Privacy policy Sign up now for free ";
  assert.equal(languageOf(menu + german.repeat(40))?.language, "de");
  assert.equal(languageOf(german.repeat(40) + menu)?.language, "de");
  const start = performance.now();
  for (const unit of ["a", "a ", "'", "’ ", "ß", "\ud83d"]) languageOf(unit.repeat(2_000_000));
  assert.ok(performance.now() - start < 5000);
});
