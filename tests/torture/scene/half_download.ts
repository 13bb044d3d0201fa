/**
 * A download that was cut off in its middle by a kill: its first half lies in the cache.
 *
 * @module
 */
import { join } from "node:path";
import { noStageLeft, pause } from "./processes.ts";
import { type Project, type Scene, startRun } from "./scene.ts";

const TEXT = new TextEncoder().encode(
  Array.from({ length: 50 }, (_, i) => `verse ${i}. The sea is wide and blue.\n`).join(""),
);

let address: string | undefined;
let stalls = false;

/** Sends the text, or half of it and then nothing for ever. Lives as long as this process. */
function server(): string {
  if (address !== undefined) return address;
  const { addr } = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    const headers = {
      "etag": '"one"',
      "accept-ranges": "bytes",
      "content-length": String(TEXT.length - from),
      ...(from > 0 ? { "content-range": `bytes ${from}-${TEXT.length - 1}/${TEXT.length}` } : {}),
    };
    const status = from > 0 ? 206 : 200;
    if (request.method === "HEAD") return new Response(null, { headers });
    if (!stalls) return new Response(TEXT.slice(from), { status, headers });
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(TEXT.slice(from, TEXT.length >> 1)),
    });
    return new Response(half, { status, headers });
  });
  return address = `http://127.0.0.1:${addr.port}/verses.txt`;
}

/** A pipeline that downloads a text. */
export function downloadingProject(): Project {
  const yaml = `name: torture
stages:
  verses: { uses: download, with: { from: "${server()}" } }
`;
  return { stages: ["verses"], files: { "p.yaml": yaml } };
}

/** Runs it, and kills the runner when half of the text has come. */
export async function killDownload(scene: Scene): Promise<void> {
  stalls = true;
  const child = startRun(scene);
  const output = child.output();
  let ended = false;
  output.finally(() => ended = true);
  while (!ended && !await halfThere(join(scene.runs, "store/downloads/shared"))) await pause(10);
  if (!ended) child.kill("SIGKILL");
  await output;
  stalls = false;
  await noStageLeft(scene.runs);
}

async function halfThere(folder: string): Promise<boolean> {
  for (const { name } of await Array.fromAsync(Deno.readDir(folder)).catch(() => [])) {
    // The note comes after the bytes that it is of.
    if (name.endsWith(".json")) return true;
  }
  return false;
}
