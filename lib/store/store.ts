/**
 * A store: everything under one `runs` folder.
 *
 * @module
 */
import { Actions } from "./records/action.ts";
import { Artifacts } from "./artifact.ts";
import { Blobs } from "./blobs.ts";
import { StoreIndex } from "./index.ts";
import { layoutOf, type StoreLayout } from "./disk/layout.ts";
import { mendFolders, type SetAside } from "./disk/mend.ts";
import { Locks } from "./locks/lock.ts";
import { Runs } from "./records/record.ts";
import { ResumeFolders } from "./resume.ts";
import { Scratch } from "./scratch.ts";
import { Snapshots } from "./snapshots.ts";

/** The rooms of a store. Nothing is created on disk before it is needed. */
export interface Store extends Disposable {
  readonly layout: StoreLayout;
  readonly blobs: Blobs;
  readonly artifacts: Artifacts;
  readonly actions: Actions;
  readonly runs: Runs;
  readonly locks: Locks;
  readonly scratch: Scratch;
  readonly resume: ResumeFolders;
  readonly snapshots: Snapshots;
  readonly index: StoreIndex;
  /** Sets aside what stands where the store's own folders belong. */
  mend(): Promise<SetAside[]>;
  /** Removes what dead processes left (scratch folders, locks, temporary files) and what nobody used for long. */
  sweep(): Promise<void>;
  /** Closes the index. */
  close(): void;
}

/**
 * Opens the store of a `runs` folder.
 *
 * @param runs Path of the folder; it need not exist.
 * @param options `verify`: every byte that a result stands on is read again (`--verify`); `lease`:
 *   milliseconds after which a holder of a lock that shows no sign of life is taken for dead, where its
 *   pid tells nothing; default a minute.
 */
export function openStore(
  runs: string,
  { verify = false, ...options }: { readonly verify?: boolean; readonly lease?: number } = {},
): Store {
  const layout = layoutOf(runs);
  const index = new StoreIndex(layout.index, { verify });
  const blobs = new Blobs(layout, index);
  const locks = new Locks(layout, options);
  const scratch = new Scratch(layout, options);
  const actions = new Actions(layout);
  const resume = new ResumeFolders(layout, { actions, locks });
  const snapshots = new Snapshots(layout, index);
  const records = new Runs(layout, options);
  const close = (): void => index.close();
  return {
    layout,
    blobs,
    locks,
    scratch,
    resume,
    snapshots,
    index,
    artifacts: new Artifacts(layout, blobs),
    actions,
    runs: records,
    mend: () => mendFolders(layout),
    sweep: async () => {
      const isBusy = (): Promise<boolean> => records.isBusy();
      await scratch.sweep({ isBusy });
      await resume.sweep();
      await snapshots.sweep({ isBusy });
      await locks.sweep();
      await records.sweep();
    },
    close,
    [Symbol.dispose]: close,
  };
}
