/**
 * The `train` stage: fine-tunes a model, or trains one from scratch.
 *
 * @module
 */
import { defineStage, type Misuse } from "temper";
import { trainOptions } from "../lib/train/arguments/options.ts";

export default defineStage({
  doc: `Trains a language model or a classifier, from a model folder or from scratch.

Reads tokens and, to go on from, a model (\`model\`); without one the option \`config\` says what to make.
Where the template of tokenize marks what is learned (\`{% generation %}\`), the loss is that of these tokens.
Tokens with classes (\`label_column\` of tokenize) train a classifier: of a language model's folder all but the
output layer, with a new head that knows the classes by name (\`id2label\`); evaluations report accuracy beside
the loss. Tokens without train a language model, and report perplexity.
Trains on the split \`train\` (on all rows where they were never split). Options have the names, meanings
and defaults of transformers' \`TrainingArguments\`; a step's loss is the mean over all that it predicts,
whatever the batch size and accumulation.

Writes a Hugging Face model folder: \`config.json\`, \`model.safetensors\`,
\`generation_config.json\`, the tokenizer's files, and \`trainer_state.json\` with \`log_history\` (loss,
grad_norm, learning_rate, epoch, step). On the native engine the same seed gives the same bytes. With
\`lora\` the adapters are merged into the weights, and lie in the folder \`adapter\` as peft loads them.

Stopped or killed at any moment, the next run of the same stage goes on from its last checkpoint (see
\`save_strategy\`) and ends with the same bytes. Checkpoints hold weights and optimizer state, three times the
size of the weights with AdamW; they lie in \`runs/store/resume\` until the result is there.

\`\`\`yaml
tuned:
  uses: train
  inputs: { data: tokens, model: base }
  with: { learning_rate: 2.0e-5, per_device_train_batch_size: 2, num_train_epochs: 3, eval_strategy: epoch }
adapted:
  uses: train
  inputs: { data: tokens, model: base }
  with: { lora: { r: 8, lora_alpha: 16, target_modules: [c_attn, c_proj] }, learning_rate: 2.0e-4 }
thawed:
  uses: train
  inputs: { data: tokens, model: base }
  with: { freeze: [wte, wpe, h.0-11], unfreeze: [{ epoch: 1, modules: [h.6-11] }] }
small:
  uses: train
  inputs: { data: tokens }
  with: { config: { model_type: gpt2, n_layer: 4, n_head: 4, n_embd: 192, n_positions: 128 }, learning_rate: 1.0e-3 }
spam:
  uses: train
  inputs: { data: labelled, model: base }
  with: { eval_strategy: epoch, load_best_model_at_end: true, save_strategy: epoch, metric_for_best_model: accuracy }
\`\`\``,
  inputs: { data: "tokens", model: "model?" },
  output: "model",
  compute: true,
  resumable: true,
  options: trainOptions,
  check({ options, inputs }): Misuse | undefined {
    const hasModel = inputs.includes("model");
    if (hasModel !== (options.config === undefined)) {
      return {
        what: hasModel
          ? "there are both an input `model` and the option `config`"
          : "there is neither an input `model` nor the option `config`",
        requirement: "exactly one of them",
        remedy: "inputs: { model: … } goes on from a model; " +
          "with: { config: { model_type: gpt2, … } } makes one from scratch",
      };
    }
    return undefined;
  },
  async run(context): Promise<void> {
    const { openEngine } = await import("../lib/runtime/engine.ts");
    const { trainModel } = await import("../lib/train/run.ts");
    const { shardSize } = await import("../lib/checkpoint/shards.ts");
    const { trainingArguments } = await import("../lib/train/arguments/arguments.ts");
    const { inputs, output, resume, options, seed, device, threads, log, progress, signal } =
      context;
    const { config, config_overrides: configOverrides, ...others } = options;
    const { save_dtype: dtype, max_shard_size: size, ...runOptions } = others;
    const engine = await openEngine(device, { threads });
    try {
      log(engine.description);
      const result = await trainModel({
        engine,
        data: inputs.data!.path,
        model: inputs.model?.path,
        config,
        configOverrides,
        args: trainingArguments(runOptions, { seed }),
        output: output.path,
        saving: { dtype, maxShardSize: shardSize(size) },
        resume: resume?.path,
        log,
        progress,
        signal,
      });
      const { finalLoss, evaluation } = result;
      context.summary({ type: "figure", label: "training loss", value: finalLoss });
      for (const figure of ["perplexity", "accuracy"]) {
        const value = evaluation?.[`eval_${figure}`];
        if (value === undefined) continue;
        context.summary({ type: "figure", label: `validation ${figure}`, value });
      }
    } finally {
      await engine.dispose();
    }
  },
});
