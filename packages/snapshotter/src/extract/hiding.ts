import { unlinkSync } from 'node:fs'
import { type BinaryPath, fsPath } from '../binary-path.js'
import { statFile } from '../files/stat.js'
import { makeWhiteout, markOpaque } from '../files/xattrs.js'
import type { LayerFormat } from '../layers/layer.js'

/** Keeps in a layer that is being unpacked what it says of the layers below. Paths are relative to the layer's root. */
export interface Hiding {
  /** The entry of lower layers is gone; a directory of this layer at that path becomes opaque, anything else stands for itself. */
  hide(path: BinaryPath): void
  /** Makes room for an entry at `path`. @returns whether lower layers were hidden there */
  unhide(path: BinaryPath): boolean
  /** The directory at `path` was removed, with all in it. */
  forgetBelow(path: BinaryPath): void
  /** The list of `Layer.hidden`. */
  readonly hidden: ReadonlySet<BinaryPath>
}

/** @param root '' for the thread's own root */
export function createHiding(format: LayerFormat, root: BinaryPath): Hiding {
  return format === 'overlay' ? overlayHiding(root) : nativeHiding()
}

function overlayHiding(root: BinaryPath): Hiding {
  return {
    hidden: new Set(),
    hide(path) {
      const full = `${root}/${path}`
      const stat = statFile(full)
      if (stat === undefined) makeWhiteout(full)
      else if (stat.type === 'directory') markOpaque(full)
    },
    unhide(path) {
      const full = `${root}/${path}`
      if (statFile(full)?.type !== 'whiteout') return false
      unlinkSync(fsPath(full))
      return true
    },
    forgetBelow() {},
  }
}

function nativeHiding(): Hiding {
  const hidden = new Set<BinaryPath>()
  return {
    hidden,
    hide: (path) => void hidden.add(path),
    unhide: (path) => hidden.delete(path),
    forgetBelow(path) {
      for (const known of hidden) if (known.startsWith(`${path}/`)) hidden.delete(known)
    },
  }
}
