import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { runners } from "./runners.ts";

Deno.test({
  name: "eight runners on one store, in containers and killed, lose nothing and leave nothing",
  ignore: Deno.build.os === "windows",
  async fn(): Promise<void> {
    const seed = Number(Deno.env.get("TEMPER_TORTURE_SEED") ?? Date.now() % 1_000_000);
    for (let index = 0; index < runners.cases.short; index++) {
      const folder = await temporaryDirectory();
      try {
        const label = await runners.run({ index, seed: seed + index, folder });
        console.log(`${label}, seed ${seed + index}`);
      } catch (error) {
        console.log(`again with TEMPER_TORTURE_SEED=${seed + index}`);
        throw error;
      }
    }
  },
});
