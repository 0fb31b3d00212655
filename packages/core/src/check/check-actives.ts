import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Problem } from '@tsbuild/store'
import { containerSession } from '../containers/container-snapshot.js'
import type { EngineParts } from '../engine-parts.js'

/** Looks for active snapshots and streamed contexts of processes that are gone. */
export async function* checkActives(parts: EngineParts): AsyncGenerator<Problem> {
  const { root, sessions, store } = parts
  const containers = new Set(store.containers.list().map(({ id }) => containerSession(id)))
  const places = [join(root, 'snapshots', '_active'), join(root, 'contexts')]
  const owners = (await Promise.all(places.map(used))).flat()
  for (const owner of new Set(owners)) {
    if (owner === sessions.session || containers.has(owner)) continue
    const lock = sessions.takeDead(owner)
    await lock?.[Symbol.asyncDispose]()
    if (lock === undefined) continue
    yield {
      kind: 'sessionLeft',
      severity: 'leftover',
      subject: owner,
      state: 'its process is gone, and its snapshots or contexts are there',
      repair: 'remove them',
      async mend() {
        await parts.sweep()
        return true
      },
    }
  }
}

/** Folders that have something in them; who ends in order leaves an empty one. */
async function used(place: string): Promise<string[]> {
  const out: string[] = []
  for (const name of await readdir(place).catch(() => [])) {
    if ((await readdir(join(place, name)).catch(() => [])).length > 0) out.push(name)
  }
  return out
}
