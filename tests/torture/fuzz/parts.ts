/**
 * Every part that fuzzes.
 *
 * @module
 */
import type { Part } from "../part.ts";
import { canonical } from "./canonical_json.ts";
import { cron } from "./cron.ts";
import { fingerprints } from "./fingerprint.ts";
import { language } from "./language.ts";
import { names } from "./names.ts";
import { records } from "./records.ts";
import { safetensors } from "./safetensors.ts";
import { textFiles } from "./text_files.ts";
import { tokenizerFiles } from "./tokenizer_files.ts";
import { tokens } from "./tokens.ts";

/** In the order of their names. */
export const FUZZ: readonly Part[] = [
  canonical,
  cron,
  fingerprints,
  language,
  names,
  records,
  safetensors,
  textFiles,
  tokenizerFiles,
  tokens,
];
