import type { SessionLocks } from '@tsbuild/spec'

/** A value that is made when it is first asked for, and given away once. */
export interface Lazy<T> {
  (): T
  /** What was made, if anything was. */
  readonly made: () => T | undefined
}

export function lazy<T>(make: () => T): Lazy<T> {
  let state: { readonly value: T } | undefined
  const get = () => {
    state ??= { value: make() }
    return state.value
  }
  return Object.assign(get, { made: () => state?.value })
}

/** Session locks that are taken at the first use: a build that only hits writes nothing and needs no lock. */
export function lazySessionLocks(open: () => SessionLocks): SessionLocks {
  const locks = lazy(open)
  return {
    get session() {
      return locks().session
    },
    takeDead: (session) => locks().takeDead(session),
    list: () => locks().list(),
    [Symbol.asyncDispose]: async () => locks.made()?.[Symbol.asyncDispose](),
  }
}
