/**
 * Event files that TensorBoard shows: every figure of `log_history` as a scalar, under the tags that
 * transformers' `TensorBoardCallback` gives them.
 *
 * Events are `tensorflow.Event` messages (tensorflow/core/util/event.proto) in TFRecord framing. They are
 * made of the history when training ends, and an event's wall time is its step in seconds: the time of day
 * would make the bytes of an artifact depend on when it was made. So TensorBoard's axes STEP and RELATIVE
 * tell the same, and WALL begins in 1970.
 *
 * @module
 */
import { writeTfRecords } from "../../data/formats/tfrecord.ts";
import { MessageWriter } from "../../graph/onnx/protobuf.ts";
import type { TrainerState } from "./trainer_state.ts";

/** TensorBoard takes files with `tfevents` in their name; the number stands where others have the time. */
export const EVENTS_FILE = "events.out.tfevents.0.temper";

/** Version of the format, the first event of every file. */
const FILE_VERSION = "brain.Event:2";

/**
 * The events of a run.
 *
 * @returns Encoded messages: the version, then one for each figure.
 */
export function scalarEvents({ log_history: history }: TrainerState): Uint8Array[] {
  const events = [event(0, (message) => message.string(3, FILE_VERSION))];
  for (const { step, ...figures } of history) {
    for (const [name, value] of Object.entries(figures)) {
      events.push(event(step, (message) => {
        message.message(5, (summary) =>
          summary.message(1, (scalar) => {
            scalar.string(1, tagOf(name));
            scalar.float(2, value);
          }));
      }));
    }
  }
  return events;
}

/** Writes the events of a run into a folder. */
export async function writeEvents(dir: string, trainer: TrainerState): Promise<void> {
  await writeTfRecords(`${dir}/${EVENTS_FILE}`, scalarEvents(trainer));
}

/** An event at a step. Zeros are left out, as everywhere in protocol buffers of version 3. */
function event(step: number, write: (message: MessageWriter) => void): Uint8Array {
  const message = new MessageWriter();
  if (step !== 0) {
    message.double(1, step);
    message.integer(2, step);
  }
  write(message);
  return message.finish();
}

/** `loss` -> `train/loss`, `eval_loss` -> `eval/loss`. */
function tagOf(name: string): string {
  return name.startsWith("eval_") ? `eval/${name.slice("eval_".length)}` : `train/${name}`;
}
