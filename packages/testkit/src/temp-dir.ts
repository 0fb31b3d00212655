import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A fresh directory that is removed, with all in it, when it is disposed. */
export interface TempDir extends AsyncDisposable {
  readonly path: string
}

/** Makes a temp folder. `prefix` begins its name. */
export async function tempDir(prefix = 'tsbuild-test-'): Promise<TempDir> {
  const path = await realpath(await mkdtemp(join(tmpdir(), prefix)))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}
