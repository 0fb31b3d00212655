/** Tells living sessions from dead ones. Each engine holds a file lock for as long as its process lives; what it leaves half done
 * carries its session id, and only who can take that lock may clean up. */
export interface SessionLocks extends AsyncDisposable {
  /** Id of this session: `[a-z0-9]{8,24}`. */
  readonly session: string
  /** Takes the lock of a session that is dead; `undefined` while it lives. Dispose it after cleaning up: that forgets the session. */
  takeDead(session: string): AsyncDisposable | undefined
  /** Ids of sessions that left a lock file, living or dead, this one included. */
  list(): Promise<string[]>
}

/** Locks on names, between processes and within one; held with `await using`. Waiting ends with `signal`. */
export interface KeyLocks {
  acquire(name: string, options?: { readonly signal?: AbortSignal }): Promise<AsyncDisposable>
}
