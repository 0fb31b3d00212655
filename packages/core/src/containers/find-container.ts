import { suggest } from '@tsbuild/parser'
import type { ContainerTable } from '@tsbuild/store'
import { CoreError } from '../errors.js'
import { type ContainerRecord, fromStored } from './record.js'

/** The containers that are shown: neither half made nor half removed. */
export function shownContainers(containers: ContainerTable): ContainerRecord[] {
  return containers
    .list()
    .map(fromStored)
    .filter(({ state }) => state.status !== 'creating' && state.status !== 'removing')
}

/** The container with this id or name, or the only one whose id begins so.
 * @throws {CoreError} `CONTAINER_NOT_FOUND`, with the nearest name as hint; `CONTAINER_AMBIGUOUS` */
export function findContainer(containers: ContainerTable, nameOrId: string): ContainerRecord {
  const all = shownContainers(containers)
  const bare = nameOrId.replace(/^\//, '')
  const exact = all.find(({ id }) => id === bare) ?? all.find(({ name }) => name === bare)
  if (exact !== undefined) return exact
  const begun = /^[0-9a-f]{1,64}$/.test(bare) ? all.filter(({ id }) => id.startsWith(bare)) : []
  if (begun.length > 1) {
    const hint = `They are ${begun.map(({ id, name }) => `${id.slice(0, 12)} (${name})`).join(', ')}`
    throw new CoreError('CONTAINER_AMBIGUOUS', `Cannot find container "${nameOrId}": ${begun.length} ids begin so`, {
      hint,
    })
  }
  const [found] = begun
  if (found !== undefined) return found
  throw noContainer(
    nameOrId,
    all.map(({ name }) => name),
  )
}

export function noContainer(nameOrId: string, names: readonly string[] = []): CoreError {
  const near = suggest(nameOrId, names)
  const message = `Cannot find container "${nameOrId}": no such container`
  return new CoreError('CONTAINER_NOT_FOUND', message, near === undefined ? {} : { hint: `Did you mean "${near}"?` })
}
