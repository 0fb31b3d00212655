import { mkdirSync } from 'node:fs'
import type { Mount, SnapshotName } from '@tsbuild/spec'
import { publishUpper } from './publish-upper.js'
import type { SnapshotDirectory } from './snapshot-directory.js'
import type { Strategy } from './strategy.js'

/** Shows chains by overlayfs: nothing is copied but what changes. */
export function overlayStrategy(directory: SnapshotDirectory): Strategy {
  const { layout } = directory
  // overlayfs refuses a directory twice. Only layers that do not depend on what is below stand twice in a chain (`COPY --link`): they
  // hide nothing, so the lower one adds nothing to the upper one.
  const lower = (layers: readonly SnapshotName[]) => [...new Set([...layers].reverse())].map((name) => `${name}/fs`)
  const mount = (active: string, layers: readonly SnapshotName[]): Mount => {
    const upper = `${active}/fs`
    if (layers.length === 0) return { kind: 'bind', source: upper, readonly: false }
    return {
      kind: 'overlay',
      base: layout.base,
      lower: lower(layers),
      upper: layout.relative(upper),
      work: layout.relative(`${active}/work`),
      volatile: true,
    }
  }
  return {
    kind: 'overlay',
    async prepare(_key, active, layers): Promise<Mount> {
      if (layers.length > 0) {
        directory.inheritRoot(`${active}/fs`, layout.committed(layers.at(-1)!))
        mkdirSync(`${active}/work`, 0o700)
      }
      return mount(active, layers)
    },
    mount,
    async view(layers) {
      directory.chain(layers)
      // a layer alone may hold whiteouts, which only overlayfs hides; it wants two directories for that
      const mount: Mount =
        layers.length === 0
          ? { kind: 'bind', source: layout.empty, readonly: true }
          : { kind: 'overlay', base: layout.base, lower: [...lower(layers), layout.relative(layout.empty)] }
      return { mount, [Symbol.asyncDispose]: async () => {} }
    },
    commit: (request) => publishUpper(directory, 'overlay', request),
  }
}
