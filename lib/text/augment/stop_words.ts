/**
 * The words of English that hold a sentence together: articles, pronouns, prepositions, conjunctions, auxiliaries,
 * particles. A lexicon knows some of them as something else (`a` is an angstrom, `in` is indium, `he` is helium),
 * so they have no synonyms here.
 *
 * @module
 */

const ARTICLES = "a an the this that these those such";
const PRONOUNS =
  `i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
  she her hers herself it its itself they them their theirs themselves who whom whose which what whoever whatever
  whichever one ones oneself each other another either neither both all any some none no nobody nothing somebody
  someone something anybody anyone anything everybody everyone everything every few many much more most less least
  several own same there here`;
const PREPOSITIONS =
  `about above across after against along amid among around as at before behind below beneath
  beside besides between beyond by despite down during except for from in inside into like near of off on onto out
  outside over past per since through throughout till to toward towards under until up upon via with within without`;
const CONJUNCTIONS =
  `and but or nor so yet if then else than because although though while whereas unless whether
  when whenever where wherever why how however`;
const AUXILIARIES =
  `am is are was were be been being do does did doing done have has had having can could may might
  must shall should will would ought let`;
const PARTICLES =
  `not never too very just only also even again ever once still already quite rather almost yes oh ok
  okay`;
/** With an apostrophe, or without one where somebody left it out. */
const CONTRACTIONS =
  `i'm i've i'd i'll you're you've you'd you'll he's he'd he'll she's she'd she'll it's it'd it'll
  we're we've we'd we'll they're they've they'd they'll that's who's what's where's there's here's how's let's isn't
  aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't cannot couldn't mightn't mustn't shan't
  shouldn't won't wouldn't ain't ma'am isnt arent wasnt werent dont doesnt didnt havent hasnt hadnt cant couldnt
  shouldnt wont wouldnt im ive youre youve theyre theyve thats`;

const STOP_WORDS: ReadonlySet<string> = new Set(
  [ARTICLES, PRONOUNS, PREPOSITIONS, CONJUNCTIONS, AUXILIARIES, PARTICLES, CONTRACTIONS]
    .join(" ").split(/\s+/),
);

/** Whether a word, in any case and with either apostrophe, holds a sentence together. */
export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word.toLowerCase().replaceAll("\u2019", "'"));
}
