import { readdir } from 'node:fs/promises'
import { hasErrno, killProcessesUsing } from '@tsbuild/host'
import { faultPoint } from '@tsbuild/spec'
import type { SnapshotDirectory } from './snapshot-directory.js'

/** Removes what dead sessions left, one after the other, and says whose it was. Processes that still work in such a snapshot are
 * killed first. */
export async function sweepSessions(
  directory: SnapshotDirectory,
  isDead: (session: string) => boolean,
): Promise<string[]> {
  const { layout, pool } = directory
  const swept: string[] = []
  for (const session of await readdir(layout.actives)) {
    if (session === layout.session || !isDead(session)) continue
    const path = `${layout.actives}/${session}`
    faultPoint('snapshot.sweep.before')
    for (const key of await entriesOf(path)) await killProcessesUsing(`${path}/${key}/fs`)
    await pool.run('remove', path)
    swept.push(session)
  }
  return swept
}

async function entriesOf(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (err) {
    // another process sweeps, too
    if (hasErrno(err, 'ENOENT')) return []
    throw err
  }
}
