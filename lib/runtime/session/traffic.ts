/**
 * What passes between this process and a device, as an engine that has one counts it.
 *
 * @module
 */

/** Counts since the engine was opened. */
export interface GpuTraffic {
  /** Compute kernels started. */
  readonly launches: number;
  /** Lists of commands handed over. */
  readonly submits: number;
  /** Bytes of tensors written from host memory: feeds, weights. */
  readonly uploadedBytes: number;
  /** Bytes of launches' own parameters (uniform buffers); they grow with `launches` alone. */
  readonly uniformBytes: number;
  /** Times that host memory waited for results. */
  readonly readbacks: number;
  /** Bytes copied to where the host reads them, in units of 4. */
  readonly downloadedBytes: number;
  /** Bytes copied from one GPU buffer to another. */
  readonly copiedBytes: number;
  /** Buffers filled with zeros. */
  readonly clears: number;
  /** Buffers made, and their bytes. */
  readonly buffers: number;
  readonly bufferBytes: number;
  /** Bytes of the buffers that there are now: neither destroyed nor collected as garbage. */
  readonly allocatedBytes: number;
  /** The most that there were. Depends on when garbage was collected. */
  readonly peakBytes: number;
}

/** Something that counts. */
export interface TrafficCounter {
  /** The counts as they are now. */
  read(): GpuTraffic;
}
