import type { SnapshotKey, SnapshotName } from '@tsbuild/spec'
import { SnapshotError } from '../errors.js'

const patterns = { key: /^[a-z0-9-]{1,24}$/, name: /^[a-z0-9]{1,24}$/, session: /^[a-z0-9]{8,24}$/ }

/** @throws {SnapshotError} `SNAPSHOT_NAME_INVALID` */
export function checkName(what: keyof typeof patterns, value: string): void {
  if (patterns[what].test(value)) return
  const message = `Cannot use snapshot ${what} "${value.slice(0, 60)}": it does not match ${patterns[what].source}`
  throw new SnapshotError('SNAPSHOT_NAME_INVALID', message)
}

export function isSnapshotName(value: string): value is SnapshotName {
  return patterns.name.test(value)
}

// of the process, since two snapshotters in it may have one session
let serial = 0

/** Where things are in a snapshot directory:
 * ```
 * <name>/{fs,layer.json,hidden}              committed; `hidden` in native ones that delete something
 * _active/<session>/<key>/{fs,work,chain}    active
 * _active/<session>/<anything with a dot>    in the making, or on the way out
 * _empty                                     an empty directory, the lowest layer of views
 * _format                                    kind and version
 * ```
 * The underscore cannot be in a snapshot's name, nor the dot in a key. */
export class Layout {
  readonly base: string
  readonly #session: () => string
  #known: string | undefined

  constructor(base: string, session: () => string) {
    this.base = base
    this.#session = session
  }

  /** Asked for when it is first needed: who only looks at snapshots needs no session. */
  get session(): string {
    if (this.#known === undefined) {
      const session = this.#session()
      checkName('session', session)
      this.#known = session
    }
    return this.#known
  }

  get actives(): string {
    return `${this.base}/_active`
  }

  get formatFile(): string {
    return `${this.base}/_format`
  }

  get empty(): string {
    return `${this.base}/_empty`
  }

  get ownActives(): string {
    return `${this.actives}/${this.session}`
  }

  committed(name: SnapshotName): string {
    return `${this.base}/${name}`
  }

  active(key: SnapshotKey): string {
    return `${this.ownActives}/${key}`
  }

  /** A fresh path for something that is not a snapshot yet, or not any more. */
  scratch(purpose: 'apply' | 'copy' | 'view' | 'trash'): string {
    return `${this.ownActives}/${purpose}.${process.pid}.${++serial}`
  }

  /** Relative to the base, as overlay mounts want it. */
  relative(path: string): string {
    return path.slice(this.base.length + 1)
  }
}
