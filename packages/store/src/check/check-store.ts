import { readdir } from 'node:fs/promises'
import { takeDeadSessions } from '../garbage/dead-sessions.js'
import { sweep } from '../garbage/sweep.js'
import { openLeaseSessions } from '../leases/leases.js'
import { checkBlobs } from './check-blobs.js'
import { checkImages } from './check-images.js'
import { checkRecords } from './check-records.js'
import { checkRepositories } from './check-repositories.js'
import { checkLayers, checkSnapshots } from './check-snapshots.js'
import type { CheckContext } from './context.js'
import type { Finding, Problem } from './finding.js'

/** Compares everything in a store with everything else: what others rely on comes first, so that with `repair` what relied on a thing
 * that was taken away is found broken, too, and mended in turn. Each problem is looked at twice before it is told, since others may
 * be at work. */
export async function checkStore(context: CheckContext): Promise<Finding[]> {
  const { db, options } = context
  db.refresh()
  const findings: Finding[] = []
  const phases = [checkSessions, checkBlobs, checkSnapshots, checkRecords, checkImages, checkLayers, checkRepositories]
  for (const phase of phases) {
    for await (const problem of phase(context)) findings.push(await settle(problem, options.repair === true))
  }
  return findings
}

/** Mends a problem, if asked to, and says what became of it. */
export async function settle({ mend, ...finding }: Problem, repair: boolean): Promise<Finding> {
  return { ...finding, repaired: repair && (await mend()) }
}

/** Partial blobs and leases of processes that are gone. */
async function* checkSessions({ paths, db, sessions }: CheckContext): AsyncGenerator<Problem> {
  const names = await readdir(paths.ingest).catch(() => [])
  const owners = new Set([...names.map((name) => name.split('.', 1)[0] ?? ''), ...openLeaseSessions(db)])
  await using dead = takeDeadSessions(sessions, owners)
  const ids = [...dead.ids]
  await dead[Symbol.asyncDispose]()
  for (const id of ids) {
    yield {
      kind: 'sessionLeft',
      severity: 'leftover',
      subject: id,
      state: 'its process is gone, and its partial blobs or leases are there',
      repair: 'remove them',
      async mend() {
        await sweep(paths, db, sessions)
        return true
      },
    }
  }
}
