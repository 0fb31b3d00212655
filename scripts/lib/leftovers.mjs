import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { capture } from './run.mjs'

/** A mark that processes inherit by their environment, so that who started them is known even after they were orphaned. */
export function marker() {
  const id = `TSBUILD_TEST_RUN=${randomUUID()}`
  const [name = '', value = ''] = id.split('=')
  return { id, env: { [name]: value } }
}

/** What a run left behind: marked processes, processes that live in its temp folder, mounts there, files there.
 * Processes are killed and mounts detached, so that the next file starts clean.
 * @param {{ id: string }} mark
 * @param {string} temp
 * @returns {Promise<string[]>} one line each */
export async function leftovers(mark, temp) {
  const processes = await processesLeft(mark, temp)
  for (const { pid } of processes) kill(pid)
  const mounts = mountPoints().filter((path) => path.startsWith(`${temp}/`))
  for (const path of mounts.toReversed()) await capture('umount', ['-l', path])
  return [
    ...processes.map(({ pid, command }) => `left process ${pid} behind: ${command}`),
    ...mounts.map((path) => `left a mount behind: ${path}`),
    ...readdirSync(temp)
      .filter((name) => !tolerated.has(name))
      .map((name) => `left ${temp}/${name} behind`),
  ]
}

/** Folders that Node and npm make in the temp folder for themselves. */
const tolerated = new Set(['node-compile-cache'])

/** Where file systems are mounted in this process's namespace. */
export function mountPoints() {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
    )
}

/** A process that is on its way out gets a moment. */
async function processesLeft(mark, temp) {
  for (const wait of [0, 50, 200, 750]) {
    await sleep(wait)
    const found = findProcesses(mark, temp)
    if (found.length === 0 || wait === 750) return found
  }
  return []
}

function findProcesses(mark, temp) {
  return pids()
    .filter((pid) => isOurs(pid, mark, temp) && !isZombie(pid))
    .map(describe)
}

function isOurs(pid, mark, temp) {
  if (read(`/proc/${pid}/environ`).includes(mark.id)) return true
  if ([link(`/proc/${pid}/cwd`), link(`/proc/${pid}/root`)].some((path) => path.startsWith(`${temp}/`))) return true
  // Only the root counts: any new namespace starts with copies of all the mounts of the host, those of other tests included.
  return rootMount(pid).includes(`${temp}/`)
}

/** The line of mountinfo that shows what a process has as its root. */
function rootMount(pid) {
  return (
    read(`/proc/${pid}/mountinfo`)
      .split('\n')
      .find((line) => line.split(' ')[4] === '/') ?? ''
  )
}

/** Processes of PID namespaces other than this one's, with overlays of ours (relative `lowerdir`) as their root.
 * They can't be told apart by test, so they are looked at before and after a whole run.
 * @returns {{ pid: number, command: string }[]} */
export function containedProcesses() {
  return pids()
    .filter((pid) => link(`/proc/${pid}/ns/pid`) !== link('/proc/self/ns/pid'))
    .filter((pid) => / - overlay .*lowerdir=[^/]/.test(rootMount(pid)))
    .map(describe)
}

const pids = () =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== '1' && Number(name) !== process.pid)

const describe = (pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() })

function isZombie(pid) {
  return / Z /.test(read(`/proc/${pid}/stat`).replace(/\(.*\)/s, ''))
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function link(path) {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
