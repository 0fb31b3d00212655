import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS, MNT_DETACH, MS_PRIVATE, MS_REC } from './constants.js'
import { openHost } from './open-host.js'
import { serveWorker } from './serve-worker.js'
import { openMountTree } from './trees.js'

/** Tries what a build needs, on a thread that is thrown away afterwards. */
serveWorker({
  overlay(directory: string) {
    for (const name of ['lower', 'upper', 'work']) mkdirSync(join(directory, name))
    const tree = openMountTree({ kind: 'overlay', base: directory, lower: ['lower'], upper: 'upper', work: 'work' })
    try {
      tree.enter()
      writeFileSync('/probe', '')
    } finally {
      tree[Symbol.dispose]()
    }
  },
  namespaces() {
    const host = openHost()
    host.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)
    host.mount(null, '/', null, MS_REC | MS_PRIVATE)
    host.mount('tmpfs', '/proc', 'tmpfs', 0)
    host.umount2('/proc', MNT_DETACH)
  },
})
