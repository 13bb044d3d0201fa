/**
 * What has to hold between the sampling options that `generate` and `evaluate` share.
 *
 * @module
 */
import { acrossOptions, type z } from "temper";

/** Options that draw, and whether drawing was asked for. */
interface Sampling {
  readonly do_sample?: boolean | undefined;
  readonly temperature?: number | undefined;
  readonly top_k?: number | undefined;
  readonly top_p?: number | undefined;
}

/**
 * Refuses settings of the draw where nothing is drawn. The model's folder may switch sampling on, but a pipeline
 * should not depend on that unseen.
 */
export function withSamplingRules<S extends z.ZodType<Sampling>>(options: S): S {
  return (["temperature", "top_k", "top_p"] as const).reduce(
    (schema, name) =>
      schema.refine((given) => given.do_sample === true || given[name] === undefined, {
        path: [name],
        message: "left out, or go with do_sample: true",
        ...acrossOptions,
      }),
    options,
  );
}
