/**
 * Numbers that are too small for a normal float32 (below 1.2e-38): ONNX Runtime counts them as 0, for x86 takes a
 * hundredfold time over them, and JavaScript does not.
 *
 * Measured with ONNX Runtime 1.30 and AVX-512: a softmax that masks half of its scores takes three times as long
 * where denormals count, for the exponentials of masked scores come out as 0 only after the slow path; AdamW
 * takes six times as long over moments that have decayed to denormals, as those of a row that is no longer seen
 * do. So they are in the way of a step in too many places to be spelled around.
 *
 * The library's option sets it in its own threads, and for good in the thread that makes the process's first
 * session, where `5e-324` is 0 from then on for all JavaScript. That thread computes, too, so it is set here
 * before it calls the library and set back when it returns. C's functions for it (C17, 7.6.4) are among what the
 * library is linked with, hence found through it: no more than the engine itself has to be allowed for this.
 *
 * Left out: other systems than Linux on x86-64, where they count as they are in all threads. ARM processors
 * lose no time over them.
 *
 * @module
 */
import { nativeLibrary } from "./library.ts";

/** How an engine deals with denormals. */
export interface Denormals {
  /** The value of the option `session.set_denormal_as_zero`. */
  readonly asZero: "0" | "1";
  /** Calls the library; what `call` does in JavaScript has its numbers changed. */
  around<T>(call: () => T): T;
}

const AS_THEY_ARE: Denormals = { asZero: "0", around: (call) => call() };

/** `fenv_t` of glibc and musl on x86-64: 28 bytes of the x87, then MXCSR. */
const ENVIRONMENT_BYTES = 32;
const MXCSR_AT = 28;
/** Flush results to zero, and count operands as zero. */
const MXCSR_ZERO = 0x8040;

let here: Denormals | undefined;

/** How the engine deals with them in the thread that calls this, which is the one that runs its sessions. */
export function denormals(): Denormals {
  return here ??= prepare();
}

function prepare(): Denormals {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return AS_THEY_ARE;
  const { symbols } = Deno.dlopen(nativeLibrary(), {
    fegetenv: { parameters: ["buffer"], result: "i32" },
    fesetenv: { parameters: ["buffer"], result: "i32" },
  });
  const usual = new Uint8Array(ENVIRONMENT_BYTES);
  symbols.fegetenv(usual);
  const zero = usual.slice();
  const register = new DataView(zero.buffer);
  register.setUint32(MXCSR_AT, register.getUint32(MXCSR_AT, true) | MXCSR_ZERO, true);
  return {
    asZero: "1",
    around<T>(call: () => T): T {
      symbols.fesetenv(zero);
      try {
        return call();
      } finally {
        symbols.fesetenv(usual);
      }
    },
  };
}
