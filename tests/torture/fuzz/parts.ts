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
import { safetensors } from "./safetensors.ts";

/** In the order of their names. */
export const FUZZ: readonly Part[] = [
  canonical,
  cron,
  fingerprints,
  language,
  safetensors,
];
