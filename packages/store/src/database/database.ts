/** Reads rows; keys and values are bytes. */
export interface Reader {
  get(key: Buffer): Buffer | undefined
  has(key: Buffer): boolean
  /** Rows whose key begins with `prefix` (and, with `after`, sorts behind that key), in byte order; stopping early is fine. */
  range(prefix: Buffer, after?: Buffer): Iterable<{ readonly key: Buffer; readonly value: Buffer }>
}

/** One atomic change of several rows. Reads see the newest state of all processes, without what this change has put so far. */
export interface Transaction extends Reader {
  put(key: Buffer, value: Uint8Array): void
  remove(key: Buffer): void
}

export type Change = readonly [key: Buffer, value: Uint8Array | undefined]

/** The rows of a root folder, shared by several processes.
 *
 * Reads outside of `update` are synchronous, cost microseconds and see a state at most one turn of the event loop old.
 * Writes of one turn become one commit; they resolve when all processes see them. */
export interface Database extends Reader, AsyncDisposable {
  /** Makes all changes visible together. @throws {StoreError} `STORE_FULL`, `METADATA_FAILED`, `ROOT_READ_ONLY`, `STORE_CLOSED` */
  batch(changes: readonly Change[]): Promise<void>
  /** Runs `work` while nobody else in any process can write, then makes its changes visible together.
   *  `work` is synchronous, short, and may run twice when the disk was full. Nothing changes when it throws. */
  update<Result>(work: (tx: Transaction) => Result): Promise<Result>
  /** The next read sees what other processes have written up to now. */
  refresh(): void
  /** Frees the slots of readers that were killed; they keep old pages alive. */
  dropDeadReaders(): void
}
