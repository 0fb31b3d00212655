import { applyConformance } from './snapshotter-conformance/apply.js'
import { attributesConformance } from './snapshotter-conformance/attributes.js'
import { changesConformance } from './snapshotter-conformance/changes.js'
import { lifecycleConformance } from './snapshotter-conformance/lifecycle.js'
import type { CreateSnapshotter } from './snapshotter-fixture.js'
import type { RegisterTest } from './tests.js'

export { sameLayersConformance } from './snapshotter-conformance/same-layers.js'
export type { CreateSnapshotter } from './snapshotter-fixture.js'

/** What every `Snapshotter` must do. Needs root, to mount; `create` opens the snapshotter on a directory that may not exist yet. */
export function snapshotterConformance(test: RegisterTest, create: CreateSnapshotter): void {
  const reason = process.getuid?.() === 0 ? undefined : 'needs root to mount snapshots'
  const rooted: RegisterTest = (title, body, options = {}) =>
    test(title, body, { ...options, skip: options.skip || reason })
  lifecycleConformance(rooted, create)
  changesConformance(rooted, create)
  attributesConformance(rooted, create)
  applyConformance(rooted, create)
}
