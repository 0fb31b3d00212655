import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gitProblem } from './git-server.js'
import { rootSkip } from './progress.js'
import type { Workspace } from './workspace.js'

const skip = rootSkip() ?? gitProblem()
export const options = { skip, timeoutMs: 120_000 }
export const text = (...path: string[]) => readFile(join(...path), 'utf8')

/** Names in a root folder's places for what is fetched. */
export async function leftOver(work: Workspace): Promise<string[]> {
  const sessions = await readdir(join(work.root, 'contexts')).catch(() => [])
  const files = await Promise.all(sessions.map((name) => readdir(join(work.root, 'contexts', name)).catch(() => [])))
  return files.flat()
}
