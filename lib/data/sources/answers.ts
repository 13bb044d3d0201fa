/**
 * What the answer to a request for a file means: whether it is the file that was pinned, which part of
 * it comes, and what a status that is no success tells.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { announcedSize, type Limits } from "./limits.ts";
import { type Download, splitId } from "./pinned_file.ts";

/** Refuses a file that is not the one that was pinned, where the server says so itself. */
export function checkUnchanged(response: Response, file: Download): void {
  const [kind, value] = splitId(file.id);
  const header = kind === "etag" ? "etag" : kind === "modified" ? "last-modified" : undefined;
  const announced = header === undefined ? null : response.headers.get(header);
  if (announced === null || announced.replace(/^W\//, "").replace(/^"|"$/g, "") === value) return;
  throw new UserError({
    what:
      `${file.written} changed on the server since it was pinned: its ${header} was ${value} and is ${announced}`,
    remedy: "run with --update to take the new one",
  });
}

/**
 * Where the bytes of an answer belong.
 *
 * @param asked `have`: the first byte that was asked for, 0 for all.
 * @returns 0 where the whole file comes; undefined where it is a part that nobody asked for.
 * @throws {UserError} Where the server announces another size than was pinned, or more than may be.
 */
export function checkExtent(
  response: Response,
  { file, limits, have }: { file: Download; limits: Limits; have: number },
): number | undefined {
  const of = `the server of ${file.written} (${file.url})`;
  const length = announcedSize(response.headers.get("content-length"), of);
  let from = 0;
  let total = length;
  if (response.status === 206) {
    const told = response.headers.get("content-range") ?? "";
    const [, first, last, whole] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(told) ?? [];
    from = Number(first);
    const size = Number(last) - from + 1;
    if (first === undefined || from !== have || size < 1 || (length ?? size) !== size) {
      return undefined;
    }
    total = whole === "*" ? undefined : Number(whole);
    // A part that ends before the file does is no lie: the rest is asked for next.
    if (total !== undefined && Number(last) >= total) return undefined;
  }
  if (total === undefined) return from;
  if (file.size !== undefined && total !== file.size) throw otherSize(response, { file, total });
  if (file.size === undefined && total > limits.maxBytes) throw tooLong(file, limits.maxBytes);
  return from;
}

function otherSize(
  response: Response,
  { file, total }: { file: Download; total: number },
): UserError {
  const isPage = /^text\/html/i.test(response.headers.get("content-type") ?? "") &&
    !/\.html?$/i.test(file.path);
  return new UserError({
    what:
      `the download of ${file.written} (${file.url}) is another file: expected ${file.size} bytes, got ${total}`,
    requirement: isPage
      ? "what came is a web page, such as one that asks to log in"
      : "what the server sends has another size than what was pinned",
    remedy: isPage
      ? "open the address in a browser to see what it says; a private file of a hub needs HF_TOKEN"
      : "run with --update to take what the server has now, if it was meant to change",
  });
}

/** The error for a body that goes on after its announced end, or past what may be. */
export function tooLong(file: Download, most: number): UserError {
  return new UserError({
    what: `the download of ${file.written} (${file.url}) is longer than ${most} bytes`,
    requirement: file.size === undefined
      ? "a file whose size was not known before may have max_bytes; nothing of it is kept"
      : "that is what was announced; nothing of it is kept",
    remedy: file.size === undefined
      ? "raise max_bytes if the file is meant to be so large"
      : "run with --update, if the file on the server was changed",
  });
}

/** What a status that is no success means for the user; the body of the response is given up. */
export async function statusError(
  response: Response,
  file: { url: string; written: string },
): Promise<UserError> {
  await response.body?.cancel();
  return explainStatus(response, file);
}

/** What a status that is no success means for the user. */
export function explainStatus(
  { status, statusText }: Response,
  file: { url: string; written: string },
): UserError {
  const what = `cannot download ${file.written}: ${file.url} answers ${status} ${
    statusText.slice(0, 100)
  }`.trimEnd();
  if (status === 401 || status === 403) {
    return new UserError({
      what,
      requirement: "the repository or file is private or gated, or does not exist",
      remedy: "set HF_TOKEN to a token that may read it, and accept its terms on its page",
    });
  }
  if (status === 404) {
    return new UserError({ what, remedy: "check the name, the revision and the path of the file" });
  }
  return new UserError({ what, remedy: "try again later; the same command goes on from here" });
}
