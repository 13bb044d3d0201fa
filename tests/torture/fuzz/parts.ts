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
import { parquet } from "./parquet.ts";
import { records } from "./records.ts";
import { safetensors } from "./safetensors.ts";
import { options } from "./stage_options.ts";
import { templates } from "./templates.ts";
import { textFiles } from "./text_files.ts";
import { tokenizerFiles } from "./tokenizer_files.ts";
import { tokens } from "./tokens.ts";

/** All of them, in the order of their files. */
export const FUZZ: readonly Part[] = [
  canonical,
  cron,
  fingerprints,
  language,
  names,
  parquet,
  records,
  safetensors,
  options,
  templates,
  textFiles,
  tokenizerFiles,
  tokens,
];
