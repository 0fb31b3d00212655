import { createNativeSnapshotter, createOverlaySnapshotter } from '@tsbuild/snapshotter'
import { sameLayersConformance, snapshotterConformance, tests } from '@tsbuild/testkit'

tests('native snapshotter', (test) => {
  snapshotterConformance(test, (directory) => createNativeSnapshotter({ directory, threads: 2 }))
  sameLayersConformance(
    test,
    (directory) => createOverlaySnapshotter({ directory, threads: 1 }),
    (directory) => createNativeSnapshotter({ directory, threads: 1 }),
  )
})
