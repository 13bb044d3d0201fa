/**
 * The variables that a process is started with: what Deno itself needs, what is the same on every
 * machine, and what was granted.
 *
 * Nothing is inherited. Deno asks for a permission before it shows a variable, but a native library
 * reads all of them, and a token that is not there cannot be read by any way that nobody thought of.
 *
 * @module
 */

/** Where Deno keeps what it downloaded, and what an operating system needs to start a program. */
const PLACES = [
  ..."HOME DENO_DIR XDG_CACHE_HOME TMPDIR TEMP TMP".split(" "),
  ..."USERPROFILE LOCALAPPDATA APPDATA SystemRoot SYSTEMROOT windir ComSpec PATHEXT".split(" "),
];

/** The way to the network, and whom to believe there. */
const NETWORK = [
  ..."HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy".split(
    " ",
  ),
  ..."SSL_CERT_FILE SSL_CERT_DIR DENO_CERT DENO_TLS_CA_STORE NODE_EXTRA_CA_CERTS".split(" "),
];

/** Which registries, and who asks there. */
const REGISTRIES =
  /^(npm_config_.+|NPM_CONFIG_.+|NPM_TOKEN|JSR_URL|DENO_AUTH_TOKENS|NODE_AUTH_TOKEN)$/;

/** What finds and tunes libraries that compute. */
const ENGINES =
  /^(PATH|LD_LIBRARY_PATH|DYLD_.+|VK_.+|CUDA_.+|NVIDIA_.+|MESA_.+|LIBGL_.+|WGPU_.+|OMP_.+|ORT_.+|XDG_RUNTIME_DIR)$/;

/** One place and one language, so that no result depends on where it was made. */
const EVERYWHERE = {
  TZ: "UTC",
  LANG: "en_US.UTF-8",
  LC_ALL: "en_US.UTF-8",
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
};

/**
 * Deno asks no permission for a GPU. Its drivers load libraries, write caches into the home folder, and
 * a result that came from it would be in no key: who computes on none finds none, in workers neither.
 */
const NO_GPU = { DENO_WEBGPU_BACKEND: "noop" };

/** What a process does that decides what it is started with. */
export interface EnvironmentNeeds {
  /** Connects to other machines. */
  readonly network?: boolean;
  /** Downloads packages: no code of a stage runs in it. */
  readonly registries?: boolean;
  /** Loads a native library or a GPU's. */
  readonly engines?: boolean;
  /** Computes on a GPU. */
  readonly gpu?: boolean;
  /** Variables beside those: granted ones, and what an engine wants. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Variables by name. */
export type Environment = Readonly<Record<string, string>>;

/** All variables that a process is started with. */
export function processEnvironment(
  needs: EnvironmentNeeds,
  all: Environment = Deno.env.toObject(),
): Record<string, string> {
  const inherited = Object.entries(all).filter(([name]) =>
    PLACES.includes(name) ||
    (needs.network === true && NETWORK.includes(name)) ||
    (needs.registries === true && REGISTRIES.test(name)) ||
    (needs.engines === true && ENGINES.test(name))
  );
  return {
    ...Object.fromEntries(inherited),
    ...EVERYWHERE,
    ...(needs.gpu === true ? {} : NO_GPU),
    ...needs.variables,
  };
}

/**
 * The values of granted variables.
 *
 * @param names What was granted; those that are not set are left out.
 */
export function grantedVariables(
  names: readonly string[],
  valueOf: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Record<string, string> {
  const set = names.map((name) => [name, valueOf(name)] as const);
  return Object.fromEntries(
    set.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
