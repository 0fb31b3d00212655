import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startTimeOf } from '../process-identity.js'

const pattern = /^tsbuild-(\d+)-(\d+)-\d+$/

/** Names of containers tell whose they are: process id and start time, which together are never used twice in one boot. */
export function createContainerIds(): () => string {
  let count = 0
  const owner = `${process.pid}-${startTimeOf(process.pid)}`
  return () => `tsbuild-${owner}-${++count}`
}

/** Makes an OCI program forget a container, its cgroups included; nothing happens where it knows none. */
export async function deleteContainer(program: string, stateRoot: string, id: string): Promise<void> {
  if (!existsSync(join(stateRoot, id))) return
  await new Promise<void>((resolve) => {
    execFile(program, ['--root', stateRoot, 'delete', '-f', id], { timeout: 10_000 }, () => resolve())
  })
  // A program that was killed early leaves a folder that it does not know itself.
  await rm(join(stateRoot, id), { recursive: true, force: true })
}

/** Deletes what processes left behind that are dead. Their steps are gone already: the kernel ends them with their program. */
export async function deleteLeftovers(program: string, stateRoot: string): Promise<void> {
  for (const id of readdirSync(stateRoot)) {
    const [, pid = '', started = ''] = pattern.exec(id) ?? []
    if (pid !== '' && startTimeOf(Number(pid)) !== started) await deleteContainer(program, stateRoot, id)
  }
}
