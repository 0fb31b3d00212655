import { carryError } from '@tsbuild/host'
import type { ProcessTarget, SendReply } from './launcher-protocol.js'
import { pauseContainer } from './pause/pause.js'
import type { Lifeline } from './watcher.js'

/** The containers that a launcher has paused. */
export interface LauncherPauses {
  pause(id: number, target: ProcessTarget): void
  /** Also while it is not paused yet. */
  resume(id: number): void
}

export function createPauses(send: SendReply): LauncherPauses {
  const pauses = new Map<number, Promise<Lifeline | undefined>>()
  const fail = (id: number, error: unknown) => {
    pauses.delete(id)
    send({ kind: 'failed', id, error: carryError(error), retired: false })
  }
  return {
    pause(id, target) {
      const pausing = pauseContainer(target).then(
        (lifeline) => {
          send({ kind: 'paused', id })
          return lifeline
        },
        (error) => {
          fail(id, error)
          return undefined
        },
      )
      pauses.set(id, pausing)
    },
    resume(id) {
      const pausing = pauses.get(id)
      pauses.delete(id)
      void pausing
        ?.then((lifeline) => lifeline?.end())
        .then(
          () => send({ kind: 'resumed', id }),
          (error) => fail(id, error),
        )
    },
  }
}
