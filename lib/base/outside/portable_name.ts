/**
 * Names of files that mean the same on every system.
 *
 * An artifact is stored on one system and may be opened on another: Windows keeps some names for devices,
 * forbids characters and drops dots and spaces at the end; macOS and Windows take names for equal that
 * differ by case, macOS also those that differ by how their accents are written.
 *
 * Source: "Naming Files, Paths, and Namespaces" of the Windows documentation; Unicode Standard Annex 15.
 *
 * @module
 */

/** Names that Windows keeps for devices, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\.|$)/i;

/** Most file systems hold no longer name, in bytes of UTF-8. */
const MAX_BYTES = 255;

/**
 * Why a name can't be that of a file on every system, as the end of the sentence "it …"; undefined where it can.
 *
 * @param name Of one file or folder, without `/`.
 *
 * @example
 * ```ts
 * import { portabilityMistake } from "./portable_name.ts";
 * if (portabilityMistake("model.safetensors") !== undefined) throw new Error();
 * if (portabilityMistake("nul.txt") !== "is a device's name on Windows") throw new Error();
 * ```
 */
export function portabilityMistake(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "is no name of a file";
  if (!name.isWellFormed() || name.includes("\uFFFD")) return "is not Unicode text";
  const control = /\p{Cc}/u.test(name);
  if (control) return "has a control character";
  const forbidden = /[\\:*?"<>|]/.exec(name)?.[0];
  if (forbidden !== undefined) return `has ${forbidden}, which Windows doesn't allow in names`;
  if (/[. ]$/.test(name)) return "ends in a dot or a space, which Windows drops";
  if (DEVICE.test(name)) return "is a device's name on Windows";
  if (new TextEncoder().encode(name).length > MAX_BYTES) {
    return `is longer than ${MAX_BYTES} bytes`;
  }
  return undefined;
}

/**
 * What is equal for two names that some system takes for the same: of case, Unicode form and characters that
 * nobody sees nothing is left.
 */
export function portableIdentity(name: string): string {
  let identity = name;
  // "ẞ" is "ß" in lower case, which is "SS" in upper case: until nothing changes any more.
  for (let before = ""; before !== identity;) {
    before = identity;
    identity = identity.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "")
      .toUpperCase().toLowerCase().normalize("NFC");
  }
  return identity;
}
