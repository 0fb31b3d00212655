import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Workload } from './workloads/index.js'

/** Writes a workload as a folder that any builder takes. */
export async function writeWorkload(directory: string, workload: Workload, base: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'Dockerfile'), workload.dockerfile(base))
  await workload.writeFiles?.(directory)
}

/** Edits the one file that the scenario "one file touched" edits. */
export async function touch(directory: string, file: string): Promise<void> {
  await appendFile(join(directory, file), `// ${process.hrtime.bigint()}\n`)
  // Longer than a clock tick, so that no builder has to distrust the file's time.
  await sleep(50)
}
