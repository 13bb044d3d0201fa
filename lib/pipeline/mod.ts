/**
 * The public face of Temper for authors of stages: `import { defineStage, z } from "temper"`.
 *
 * Kept to the definition alone. Every stage's module graph contains this file, so whatever it
 * imported would be part of every stage's key.
 *
 * @module
 */
export { z } from "zod";
export { acrossOptions } from "../base/across_options.ts";
export { UserError } from "../base/errors.ts";
export {
  defineStage,
  type InputArtifact,
  type Kind,
  type Misuse,
  type Permissions,
  type ResolveContext,
  type Sources,
  type StageContext,
  type StageDefinition,
} from "./stage.ts";
