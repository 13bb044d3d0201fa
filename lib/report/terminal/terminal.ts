/**
 * Follows a run in a terminal: one line a stage, with bar, rate and time left, redrawn in place;
 * in a pipe plain lines, a few a minute.
 *
 * @module
 */
import { indented, jsonForTerminal, visibleValue } from "../../base/outside/text.ts";
import type { RunEvent } from "../../pipeline/run/events.ts";
import { newRunState, type RunState, type StageState, update } from "./state.ts";
import { failures, nameWidth, paths, results, stageLine, stageTable } from "./summary.ts";
import { clip, columnsOf, padColumns } from "./columns.ts";
import { progressLine, progressText } from "./progress.ts";
import { formatDuration, type Page, wrap } from "./text.ts";

/** Takes a run's events and shows them. */
export interface Reporter {
  event(event: RunEvent): void;
  /** Draws what is left to draw; nothing is shown after it. */
  close(): void;
}

/** Where a reporter writes. */
export interface Screen extends Page {
  /** What a person asked for. */
  readonly out: (text: string) => void;
  /** Failures. */
  readonly err: (text: string) => void;
  /** Lines of the window; only a live reporter needs it. */
  readonly height: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How often the live lines are drawn at most. */
const REDRAW_MS = 100;

/** Columns of a stage's name, however narrow the window is. */
const SHORTEST_NAME = 8;

/** How often a stage's progress is told in a pipe. */
const PLAIN_PROGRESS_MS = 10_000;

/** For a terminal. */
export function liveReporter(screen: Screen): Reporter {
  const run = newRunState();
  let drawn = 0;
  let last = 0;
  let closed = false;
  const engines = new Set<string>();
  const draw = (lines: readonly string[]): void => {
    const up = drawn > 0 ? `\x1b[${drawn}A` : "";
    // Each line is cleared to its end and what is left below, too: no flicker, no leftovers.
    screen.out(`${up}\r${lines.map((line) => `${line}\x1b[K\n`).join("")}\x1b[J`);
    drawn = lines.length;
    last = screen.now();
  };
  const redraw = (): void => draw(liveLines(run, screen));
  const timer = setInterval(() => {
    if (run.start !== undefined && run.end === undefined) redraw();
  }, 500);
  Deno.unrefTimer(timer);
  const close = (): void => {
    if (closed) return;
    closed = true;
    clearInterval(timer);
    if (run.start === undefined) return;
    draw(stageTable(run, screen));
    finish(run, screen);
  };
  return {
    event(told): void {
      const event = visibleEvent(told);
      update(run, event);
      const note = event.type === "note"
        ? noteText(event)
        : event.type === "stage_start"
        ? engineNote(event, engines)
        : undefined;
      if (note !== undefined) {
        const lines = wrap(note, screen.width);
        draw([...lines, ...liveLines(run, screen)]);
        drawn -= lines.length; // The note stays above.
      } else if (event.type === "run_end") close();
      else if (screen.now() - last >= REDRAW_MS) redraw();
    },
    close,
  };
}

/** For a pipe. */
export function plainReporter(screen: Screen): Reporter {
  const run = newRunState();
  const progress = new Map<string, number>();
  const engines = new Set<string>();
  let closed = false;
  const line = (text: string): void => screen.out(text + "\n");
  return {
    event(told): void {
      const event = visibleEvent(told);
      update(run, event);
      switch (event.type) {
        case "stage_start": {
          progress.set(event.stage, screen.now());
          const engine = engineNote(event, engines);
          if (engine !== undefined) line(engine);
          const threads = event.threads === undefined ? "" : `, ${threadText(event.threads)}`;
          const on = event.device === undefined ? "" : ` on ${event.device}${threads}`;
          line(`${event.stage}: started${on} (${event.reasons.join("; ")})`);
          return;
        }
        case "progress": {
          if (screen.now() - (progress.get(event.stage) ?? 0) < PLAIN_PROGRESS_MS) return;
          progress.set(event.stage, screen.now());
          line(`${event.stage}: ${progressText(run.stages.get(event.stage)!, screen.now())}`);
          return;
        }
        case "stage_end":
          // A cached stage is only in the table at the end: it did nothing worth a line.
          if (event.outcome === "done") {
            line(`${event.stage}: done in ${formatDuration(event.duration)}`);
          } else if (event.outcome === "failed" || event.outcome === "interrupted") {
            line(`${event.stage}: ${event.outcome}`);
          }
          return;
        case "note":
          line(noteText(event));
          return;
        case "run_end":
          if (closed) return;
          closed = true;
          for (const text of stageTable(run, screen)) line(text);
          finish(run, screen);
          return;
      }
    },
    close(): void {},
  };
}

/** For `--json`: every event as one line. */
export function jsonReporter(out: (text: string) => void): Reporter {
  return {
    event: (event) => out(jsonForTerminal(event) + "\n"),
    close(): void {},
  };
}

/** Members of events that may have several lines; a newline anywhere else would begin a line of nobody's. */
const WITH_LINES = new Set(["what", "requirement", "remedy", "text", "prompt"]);

/** An event as it may be shown. Here all that stages, servers and files say enters the terminal. */
function visibleEvent(event: RunEvent): RunEvent {
  return visibleValue(event, (name) => WITH_LINES.has(name));
}

/** Results, failures and paths, after the table. */
function finish(run: RunState, screen: Screen): void {
  const out = [...results(run, screen), ...paths(run, screen)];
  if (out.length > 0) screen.out(out.join("\n") + "\n");
  const err = failures(run, screen);
  if (err.length > 0) screen.err(err.join("\n") + "\n");
}

/** The stages as they are now, no more than the window holds; those at work come first where it is too small. */
function liveLines(run: RunState, screen: Screen): string[] {
  const names = nameWidth(run);
  const stages = [...run.stages.values()];
  const room = Math.max(1, screen.height - 2);
  const busy = stages.filter((stage) => stage.state === "running");
  const shown = stages.length <= room ? stages : busy.slice(0, room - 1);
  const lines = shown.map((stage) =>
    stage.state === "running" ? runningLine(stage, names, screen) : stageLine(stage, names, screen)
  );
  if (shown.length < stages.length) {
    const ended = stages.filter((stage) => !["waiting", "running"].includes(stage.state)).length;
    lines.push(`  ${ended} of ${stages.length} stages ended`);
  }
  // A line that wraps is two, and what is drawn above it would stay.
  return lines.map((line) => clip(line, screen.width));
}

function runningLine(stage: StageState, names: number, screen: Screen): string {
  // At least half of the line is for what changes.
  const most = Math.max(SHORTEST_NAME, Math.min(names, screen.width >> 1));
  const head = `› ${padColumns(clip(stage.id, most), Math.min(names, most))}  `;
  const now = screen.now();
  if (stage.progress !== undefined) {
    return head + progressLine(stage, { room: screen.width - columnsOf(head), now });
  }
  const elapsed = Math.max(0, now - (stage.started ?? now));
  const engine = stage.device === undefined ? "" : ` on ${stage.device}`;
  return `${head}running${engine}, ${formatDuration(Math.round(elapsed / 1000) * 1000)}`;
}

/** Which engine and why, once a run. */
function engineNote(
  event: RunEvent & { type: "stage_start" },
  told: Set<string>,
): string | undefined {
  if (event.device === undefined || told.has(event.device)) return undefined;
  told.add(event.device);
  return `computing on ${event.device}: ${event.device_why ?? "asked for"}`;
}

function threadText(threads: number): string {
  return `${threads} ${threads === 1 ? "thread" : "threads"}`;
}

function noteText(event: RunEvent & { type: "note" }): string {
  return indented(event.stage === undefined ? event.text : `${event.stage}: ${event.text}`);
}
