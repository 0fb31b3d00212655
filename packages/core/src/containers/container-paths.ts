import { join } from 'node:path'

/** Where a container's things lie in the root folder, its snapshot apart. */
export interface ContainerPaths {
  readonly directory: string
  /** Held by the monitor while it lives. */
  readonly lock: string
  /** The current log; older ones are `log.1`, `log.2` … */
  readonly log: string
  /** What the monitor itself had to say when something went wrong. */
  readonly monitorLog: string
}

export function containerPaths(root: string, id: string): ContainerPaths {
  const directory = join(root, 'containers', id)
  return {
    directory,
    lock: join(directory, 'lock'),
    log: join(directory, 'log'),
    monitorLog: join(directory, 'monitor.log'),
  }
}

/** Name of the monitor's socket in the container's directory. */
export const socketName = 'socket'
