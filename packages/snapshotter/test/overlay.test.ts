import { createOverlaySnapshotter } from '@tsbuild/snapshotter'
import { snapshotterConformance, tests } from '@tsbuild/testkit'

tests('overlay snapshotter', (test) => {
  snapshotterConformance(test, (directory) => createOverlaySnapshotter({ directory, threads: 2 }))
})
