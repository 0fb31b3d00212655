import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createWorkerPool } from './worker-pool.js'

/** Whether something works here, and why not. */
export type Probe =
  | { readonly works: true }
  | { readonly works: false; readonly reason: string; readonly cause: unknown }

export interface ProbeOptions {
  readonly workerDir?: string
}

/** Whether an overlay with an upper directory below `directory` can be mounted and written to: it takes the privilege to mount and a
 * file system that overlayfs accepts (not overlayfs itself). Leaves nothing behind; takes about 40 ms.
 * @param directory an existing directory */
export async function probeOverlay(directory: string, options: ProbeOptions = {}): Promise<Probe> {
  let place: string
  try {
    place = await mkdtemp(join(directory, '.probe-'))
  } catch (cause) {
    return failed(cause)
  }
  try {
    return await probe('overlay', place, options)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** Whether this process may make mount, IPC, UTS and network namespaces and mount in them. */
export function probeNamespaces(options: ProbeOptions = {}): Promise<Probe> {
  return probe('namespaces', undefined, options)
}

async function probe(method: string, input: unknown, options: ProbeOptions): Promise<Probe> {
  const entry = new URL('./host-probe-worker.js', import.meta.url)
  await using pool = createWorkerPool({ entry, size: 1, name: 'tsbuild-probe', ...options })
  try {
    await pool.run(method, input)
    return { works: true }
  } catch (cause) {
    return failed(cause)
  }
}

function failed(cause: unknown): Probe {
  return { works: false, reason: cause instanceof Error ? cause.message : String(cause), cause }
}
