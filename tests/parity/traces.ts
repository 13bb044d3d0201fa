/**
 * Traces for tests: tiny ones beside this file, made by transformers 5.18 and torch 2.13 with the script that made
 * the shared ones (8 wide, 1 layer, 17 words, seed 5), the shared ones where they are there, and copies to spoil.
 *
 * @module
 */
import { filePath } from "../../lib/base/paths.ts";
import { existsSync } from "node:fs";
import {
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from "../../lib/data/formats/safetensors.ts";
import { run } from "../../lib/parity/command.ts";
import { hearing } from "../cli/hearing.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The folder of the tiny traces. */
export const TINY = filePath(import.meta.resolve("./fixtures"));

/** The folder of the shared traces; undefined where there is none. */
export const SHARED = [filePath(import.meta.resolve("../../../shared/reference/goldens"))]
  .find((path) => existsSync(path));

/** What a run of the command came to. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
}

/** Runs `deno task parity` on the native engine, or as `--device` says. */
export async function parity(...argv: string[]): Promise<Outcome> {
  const { io, heard } = hearing({});
  const device = argv.includes("--device") ? [] : ["--device", "cpu"];
  const code = await run([...argv, ...device], io);
  return { code, out: heard.out };
}

/** What a spoiled copy differs in. */
export interface Changes {
  /** Changes golden.safetensors. */
  readonly tensors?: (tensors: Map<string, TensorData>) => void;
  /** Changes golden.json. */
  readonly trace?: (trace: Record<string, unknown>) => void;
  /** Changes model/config.json. */
  readonly config?: (config: Record<string, unknown>) => void;
}

/** Copies a trace's folder to a temporary one, with changes. */
export async function spoiled(folder: string, changes: Changes): Promise<string> {
  const copy = await temporaryDirectory({ prefix: "temper-parity-" });
  await Deno.mkdir(`${copy}/model`);
  await Deno.copyFile(`${folder}/model/model.safetensors`, `${copy}/model/model.safetensors`);
  for (
    const [file, change] of [["golden.json", changes.trace], [
      "model/config.json",
      changes.config,
    ]] as const
  ) {
    const content = JSON.parse(await Deno.readTextFile(`${folder}/${file}`));
    change?.(content);
    await Deno.writeTextFile(`${copy}/${file}`, JSON.stringify(content));
  }
  const { tensors } = await readSafetensors(`${folder}/golden.safetensors`);
  changes.tensors?.(tensors);
  await writeSafetensors(`${copy}/golden.safetensors`, tensors);
  return copy;
}

/** Multiplies one number of a tensor. */
export function alter(
  tensors: Map<string, TensorData>,
  { name, index, factor }: {
    readonly name: string;
    readonly index: number;
    readonly factor: number;
  },
): void {
  const data = tensors.get(name)!.data as Float32Array;
  data[index] = data[index]! * factor;
}
