/**
 * Where data comes from, as people write it in `from:`.
 *
 * ```text
 * npm:PACKAGE@VERSION/FILE                    a file (or pattern) in an npm package
 * hf://datasets/ORG/NAME[@REVISION]           a dataset of the hub, with its configs and splits
 * hf://datasets/ORG/NAME[@REVISION]/FILE      a file (or pattern) in one
 * hf://ORG/NAME[@REVISION]                    a model of the hub
 * https://HOST/FILE[#sha256=DIGEST]           anything on the web
 * reviews.csv   data/*.txt                    files, relative to the pipeline or to where the user is
 * models/tuned/                               a folder with a model or a tokenizer
 * ```
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { isGlob } from "../../base/glob.ts";
import { filePath } from "../../base/paths.ts";
import { keepSecretsOfUrl, secretIn } from "../../base/outside/secrets.ts";

/** A file or pattern in an npm package. */
export interface NpmSource {
  readonly type: "npm";
  readonly written: string;
  readonly package: string;
  readonly version: string;
  readonly pattern: string;
}

/** A model repository, or files of a dataset repository, of a Hugging Face hub. */
export interface HubSource {
  readonly type: "hub";
  readonly written: string;
  readonly repo: HubRepo;
  /** A branch, tag or commit. */
  readonly revision: string;
  /** The file or pattern; undefined for a model, and for a dataset as a whole. */
  readonly pattern?: string;
}

/** A repository of a hub. */
export interface HubRepo {
  readonly type: "model" | "dataset";
  /** `ORG/NAME`, or `NAME` for the oldest ones. */
  readonly name: string;
}

/** A URL. */
export interface HttpSource {
  readonly type: "http";
  readonly written: string;
  readonly url: string;
  /** The SHA-256 that the file has to have, in hex, where it is said. */
  readonly sha256?: string;
}

/** A file or pattern on this machine. */
export interface FileSource {
  readonly type: "file";
  readonly written: string;
  readonly pattern: string;
}

/** A folder of this machine with a model in it, or a tokenizer: its path ends with a slash. */
export interface FolderSource {
  readonly type: "folder";
  readonly written: string;
  readonly path: string;
}

/** Any source. */
export type Source = NpmSource | HubSource | HttpSource | FileSource | FolderSource;

/**
 * Reads a source as it is written.
 *
 * @throws {UserError} Where it is none of the forms above.
 *
 * @example
 * ```ts
 * import { parseSource } from "./source.ts";
 * const source = parseSource("hf://datasets/stanfordnlp/imdb@main/plain_text/*.parquet");
 * if (source.type !== "hub" || source.repo.name !== "stanfordnlp/imdb") throw new Error();
 * ```
 */
export function parseSource(written: string): Source {
  if (written.trim() === "") throw new UserError({ what: "a source is empty", requirement: FORMS });
  if (written.startsWith("npm:")) return parseNpm(written);
  if (written.startsWith("hf://")) return parseHub(written);
  // Browsers read `http:HOST` and `HTTP:/HOST` as addresses as well.
  if (/^\s*https?:/i.test(written)) refuseSecret(written);
  if (/^https?:\/\//.test(written)) {
    if (!URL.canParse(written)) throw new UserError({ what: `"${written}" is no URL` });
    return parseHttp(written);
  }
  if (written.startsWith("file://")) {
    if (!URL.canParse(written) || new URL(written).host !== "") {
      throw new UserError({
        what: `"${written}" names no file of this machine`,
        requirement: "file:///FOLDER/FILE, or the path alone",
      });
    }
    return local(written, filePath(written));
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(written)?.[1];
  if (scheme !== undefined && (written.includes("://") || SCHEMES.includes(scheme.toLowerCase()))) {
    throw new UserError({
      what: `"${scheme}:" is no kind of source: ${written}`,
      nearest: nearest(scheme, SCHEMES),
      requirement: FORMS,
    });
  }
  return local(written, written);
}

function local(written: string, path: string): FileSource | FolderSource {
  return path.endsWith("/") && !isGlob(path)
    ? { type: "folder", written, path }
    : { type: "file", written, pattern: path };
}

/** A fragment is never sent: this one says which bytes are meant, as pip has it. */
function parseHttp(written: string): HttpSource {
  const url = new URL(written);
  const [, name, digest] = /^#(sha256|sha-256|sha1|md5|sha512|sha384)[=:](.*)$/i.exec(url.hash) ??
    [];
  if (name === undefined) return { type: "http", written, url: url.href };
  if (!/^sha-?256$/i.test(name) || !/^[0-9a-f]{64}$/i.test(digest!)) {
    throw new UserError({
      what: `${written} has the checksum "${url.hash.slice(1, 100)}"`,
      requirement: "#sha256= and 64 hexadecimal digits, as `sha256sum FILE` prints them",
    });
  }
  url.hash = "";
  return { type: "http", written, url: url.href, sha256: digest!.toLowerCase() };
}

/** A source is written to the lock file, which is committed, and to the records of every run. */
function refuseSecret(written: string): void {
  keepSecretsOfUrl(written);
  const secret = secretIn(written) ??
    (/^[^?#]*@/.test(written) && !URL.canParse(written) ? "a user or password" : undefined);
  if (secret === undefined) return;
  const url = URL.parse(written);
  throw new UserError({
    what: `the source ${url === null ? "https://***" : url.origin + url.pathname} holds ${secret}`,
    requirement: "sources are kept in the lock file and in the records of a run, for all to read",
    remedy: "name the file without it: a hub's private files are read with HF_TOKEN; elsewhere " +
      "download the file by hand, or by a stage of your own with the secret as a granted variable",
  });
}

const SCHEMES = ["npm", "hf", "https", "http", "file"];
const FORMS =
  "a source is npm:PACKAGE@VERSION/FILE, hf://datasets/ORG/NAME[/FILE], hf://ORG/NAME, " +
  "https://..., the path of a file, or that of a model's folder with a slash at its end";

const NPM = /^npm:((?:@[a-z0-9~._-]+\/)?[a-z0-9~._-]+)(?:@([^/]*))?(?:\/(.*))?$/i;

function parseNpm(written: string): NpmSource {
  const [, name, version, pattern] = NPM.exec(written) ?? [];
  const problem = name === undefined
    ? "is no npm source"
    : version === undefined || version === ""
    ? "names no version"
    : !/^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?$/.test(version)
    ? `names "${version}", which is no exact version`
    : !pattern
    ? "names no file"
    : pattern.split("/").includes("..")
    ? "leaves the package"
    : undefined;
  if (problem !== undefined) {
    throw new UserError({
      what: `${written} ${problem}`,
      requirement:
        "npm:PACKAGE@VERSION/FILE with an exact version, such as npm:@org/data@1.2.3/data/*.txt",
    });
  }
  return { type: "npm", written, package: name!, version: version!, pattern: pattern! };
}

/** ORG/NAME, with a revision that may be a reference such as refs/convert/parquet. */
const HUB =
  /^hf:\/\/(datasets\/|models\/)?([\w.-]+(?:\/[\w.-]+)?)(?:@(refs\/(?:convert|pr)\/[\w.-]+|[^/@]+))?(?:\/(.*))?$/;

function parseHub(written: string): HubSource {
  const requirement =
    "hf://datasets/ORG/NAME[@REVISION][/FILE] for data, hf://ORG/NAME[@REVISION] for a model";
  const match = HUB.exec(written);
  if (match === null || /^hf:\/\/(?:spaces|buckets)\//.test(written)) {
    throw new UserError({ what: `${written} is no source on a hub`, requirement });
  }
  const [, prefix, name, revision, pattern] = match;
  const isDataset = prefix === "datasets/";
  if (!isDataset && pattern) {
    throw new UserError({
      what: `${written} names a file of a model`,
      requirement,
      remedy: "a model is taken as a whole; choose its files with allow_patterns",
    });
  }
  return {
    type: "hub",
    written,
    repo: { type: isDataset ? "dataset" : "model", name: name! },
    revision: unescaped(revision ?? "main", { written, requirement }),
    ...(isDataset && pattern ? { pattern } : {}),
  };
}

/** Whether a source is a model, or a tokenizer alone, and no rows. */
export function isModelSource(source: Source): boolean {
  return source.type === "folder" || (source.type === "hub" && source.repo.type === "model");
}

/** Whether a source is a dataset of a hub as a whole, which brings its splits along. */
export function isWholeDataset(source: Source): source is HubSource {
  return source.type === "hub" && source.repo.type === "dataset" && source.pattern === undefined;
}

/** A revision without its escapes. */
function unescaped(
  revision: string,
  { written, requirement }: { written: string; requirement: string },
): string {
  try {
    return decodeURIComponent(revision);
  } catch {
    throw new UserError({ what: `${written} is no source on a hub`, requirement });
  }
}
