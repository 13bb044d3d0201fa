import assert from "node:assert/strict";
import { crc32c, encodeTfRecords } from "../../lib/data/formats/tfrecord.ts";
import { EVENTS_FILE, scalarEvents } from "../../lib/train/loop/tensorboard.ts";
import { planTraining } from "../../lib/train/arguments/arguments.ts";
import { initialState } from "../../lib/train/loop/trainer_state.ts";
import { ARGUMENTS } from "./fixture.ts";

/** The same events as tensorboard 2.21 (its Event messages in its RecordWriter) writes them. */
const EXPECTED =
  "0f000000000000006d532b091a0d627261696e2e4576656e743a32fc98512914000000000000005e3d29152a12" +
  "0a100a096576616c2f6c6f73731500006040f235109916000000000000004f61be282a140a120a0b747261696e" +
  "2f65706f63681500000000c3e6286a200000000000000029eda95009000000000000004010022a130a110a0a74" +
  "7261696e2f6c6f7373150000a03fe2552dd82100000000000000017becf609000000000000004010022a140a12" +
  "0a0b747261696e2f65706f6368150000003facdb7fc22700000000000000bbe1b146090000000000c0724010ac" +
  "022a190a170a10747261696e2f747261696e5f6c6f73731500000040f20c8c74220000000000000078113dfd09" +
  "0000000000c0724010ac022a140a120a0b747261696e2f65706f6368150000803fd8ebd6de";

Deno.test("event files have the bytes that tensorboard writes", () => {
  const state = initialState(ARGUMENTS, planTraining(ARGUMENTS, 8));
  state.log_history.push(
    { eval_loss: 3.5, epoch: 0, step: 0 },
    { loss: 1.25, epoch: 0.5, step: 2 },
    { train_loss: 2, epoch: 1, step: 300 },
  );
  const bytes = encodeTfRecords(scalarEvents(state));
  assert.equal(bytes.toHex(), EXPECTED);
  assert.match(EVENTS_FILE, /tfevents/);
});

Deno.test("crc32c() is Castagnoli's", () => {
  // RFC 3720, B.4
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});
