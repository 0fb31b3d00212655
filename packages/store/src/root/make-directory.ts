import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from '../errors.js'

/** Makes a directory and those above it. Not by Node's `recursive`: that says ENOENT where the file system is read-only. */
export function makeDirectory(path: string, mode: number): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  try {
    mkdirSync(path, mode)
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        makeDirectory(dirname(path), mode)
        makeDirectory(path, mode)
        return
      case 'EEXIST':
        // Another process was quicker, or a file is in the way.
        if (statSync(path).isDirectory()) return
    }
    throw error
  }
}
