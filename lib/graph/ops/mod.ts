/**
 * Every operation of the graph, by family. Models import from here.
 *
 * @module
 */

export * from "./elementwise.ts";
export * from "./indexing.ts";
export * from "./matrix.ts";
export * from "./normalization.ts";
export * from "./reduce.ts";
export * from "./shape.ts";
