/**
 * A registry of npm on this machine, for packages of the scope `@temper-test`.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** It serves, and counts what it is asked for. */
export interface PackageRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Paths of all requests. */
  readonly asked: string[];
}

/** Serves some packages: `@temper-test/NAME` -> version -> text of its only module. */
export function packageRegistry(
  packages: Readonly<Record<string, Readonly<Record<string, string>>>>,
): PackageRegistry {
  const asked: string[] = [];
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request): Promise<Response> => {
      const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
      asked.push(path);
      const [name = "", version] = path.split("/-/");
      const versions = packages[name];
      if (versions === undefined) return new Response("not found", { status: 404 });
      const origin = `http://${host}`;
      if (version !== undefined) {
        return new Response(await packed(name, version, versions[version] ?? ""));
      }
      const entries = await Promise.all(
        Object.entries(versions).map(async ([version, text]) => {
          const integrity = createHash("sha512").update(await packed(name, version, text)).digest(
            "base64",
          );
          const dist = {
            tarball: `${origin}/${name}/-/${version}`,
            integrity: `sha512-${integrity}`,
          };
          return [version, { name, version, dist }];
        }),
      );
      const latest = Object.keys(versions).at(-1);
      return Response.json({
        name,
        "dist-tags": { latest },
        versions: Object.fromEntries(entries),
      });
    },
  );
  const host: string = `127.0.0.1:${server.addr.port}`;
  return { host, asked, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function packed(
  name: string,
  version: string,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const manifest = JSON.stringify({
    name,
    version,
    type: "module",
    main: "mod.js",
    exports: "./mod.js",
  });
  const tar = [
    ...tarFile("package/package.json", manifest),
    ...tarFile("package/mod.js", text),
    new Uint8Array(1024),
  ];
  const stream = new Blob(tar).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A header of POSIX tar, and the content in blocks of 512 bytes. */
function tarFile(name: string, text: string): Uint8Array<ArrayBuffer>[] {
  const encoder = new TextEncoder();
  const content = encoder.encode(text);
  const header = new Uint8Array(512);
  const put = (at: number, value: string): void => header.set(encoder.encode(value), at);
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${content.length.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\x0000");
  const sum = header.reduce((all, byte) => all + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return [header, new Uint8Array(content), new Uint8Array((512 - content.length % 512) % 512)];
}
