import { closeSync, constants, openSync } from 'node:fs'
import { AT_EMPTY_PATH, type ChildCall, O_CLOEXEC, openHost } from '@tsbuild/host'
import { closeOtherCalls } from './close-other-calls.js'
import { waitForEnd } from './step-end.js'

/** The end of this process, however it comes, and the end of a lifeline look the same to a watcher. */
export interface Lifeline {
  /** Starts a process that waits for the end of the line, and then makes `calls`.
   * @param kept descriptors that the calls use */
  watch(calls: readonly ChildCall[], kept: readonly number[]): void
  /** Ends the line; settles when all watchers have done their calls. Harmless when done twice. */
  end(): Promise<void>
}

const F_SETFD = 2

/** Opens a pipe of which only this process holds the writing end: the kernel closes it even after `kill -9`. */
export function openLifeline(): Lifeline {
  const host = openHost()
  const [read, write] = host.pipe2()
  const watchers: number[] = []
  let ending: Promise<void> | undefined
  return {
    watch(calls, kept) {
      watchers.push(startWatcher(read, calls, kept))
    },
    end() {
      if (!ending) {
        host.close(read)
        host.close(write)
        const now = Promise.resolve()
        ending = Promise.all(watchers.map((pid) => waitForEnd(pid, now))).then(() => {})
      }
      return ending
    },
  }
}

/** It is a program of a few hundred bytes, in a session of its own, so that what ends this process's terminal does not end it. */
function startWatcher(lifeline: number, calls: readonly ChildCall[], kept: readonly number[]): number {
  const host = openHost()
  const nothing = openSync('/dev/null', constants.O_RDWR | O_CLOEXEC)
  const program = host.callProgram(
    [
      { name: 'read', args: [lifeline, new Uint8Array(8), 8], optional: true },
      ...calls.map((call) => ({ ...call, optional: true })),
      { name: 'exit', args: [0] },
    ],
    2,
  )
  const all = [lifeline, ...kept]
  try {
    return host.spawn([
      { name: 'setsid', args: [] },
      ...[0, 1, 2].map((fd): ChildCall => ({ name: 'dup3', args: [nothing, fd, 0] })),
      ...all.map((fd): ChildCall => ({ name: 'fcntl', args: [fd, F_SETFD, 0] })),
      ...closeOtherCalls([...all, program]),
      { name: 'execveat', args: [program, '', ['tsbuild-watcher'], [], AT_EMPTY_PATH] },
    ])
  } finally {
    host.close(program)
    closeSync(nothing)
  }
}
