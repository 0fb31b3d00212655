import type { DiffID } from '@tsbuild/spec'

/** What becomes of a layer on its way to a registry. `preparing`: it is being compressed; `bytes` are of the uncompressed layer then,
 * else of its blob. */
export interface PushedLayer {
  readonly id: DiffID
  readonly state: 'waiting' | 'preparing' | 'pushing' | 'exists' | 'mounted' | 'pushed'
  readonly bytes?: number
  readonly total?: number
  /** The repository that it was mounted from. */
  readonly from?: string
}

export type OnPushedLayer = (layer: PushedLayer) => void

/** How a layer's way ended. */
export function outcomeOf(id: DiffID, state: 'exists' | 'mounted' | 'pushed', from: string | undefined): PushedLayer {
  return { id, state, ...(from === undefined ? {} : { from }) }
}
