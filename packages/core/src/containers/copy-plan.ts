import { CoreError } from '../errors.js'
import { baseName, parentPath, toBinary, toText } from '../files/binary-path.js'
import type { PathInfo } from './files-task.js'

/** A side of a copy: as it was written, and what is there. */
export interface CopySide {
  readonly written: string
  readonly found: Pick<PathInfo, 'path' | 'type' | 'hasParent'>
}

/** Where a copy goes. */
export interface CopyPlan {
  /** Name of the copy in that directory; `.` where the content of one goes into the other. */
  readonly name: string
  /** The directory, as `PathInfo` has it. */
  readonly directory: string
}

/** Docker's rules for `docker cp`. Pure.
 * @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID` */
export function planCopy(source: CopySide, destination: CopySide): CopyPlan {
  checkSource(source)
  const { written, found } = destination
  const refuse = (state: string) => new CoreError('COPY_INVALID', `Cannot copy to "${written}": ${state}`)
  if (found.type === 'directory') return { name: copyName(source), directory: found.path }
  const isDirectory = source.found.type === 'directory'
  if (found.type === 'other') {
    if (isDirectory) throw refuse('it is not a directory, but the source is')
    if (namesDirectory(written)) throw refuse('it is not a directory')
  } else if (!found.hasParent) {
    throw refuse('the directory that it is in is not there')
  } else if (!isDirectory && namesDirectory(written)) {
    throw refuse('there is no such directory')
  }
  return { name: toText(baseName(found.path)), directory: parentPath(found.path) }
}

/** @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID` */
export function checkSource({ written, found }: CopySide): void {
  if (found.type === 'missing')
    throw new CoreError('COPY_SOURCE_NOT_FOUND', `Cannot copy "${written}": there is no such file`)
  if (found.type === 'other' && namesDirectory(written))
    throw new CoreError('COPY_INVALID', `Cannot copy "${written}": it is not a directory`)
}

/** `dir/.` is the content of a directory; so is the root. */
export function copyName({ written, found }: CopySide): string {
  if (/(^|\/)\.$/.test(written) || found.path === '') return '.'
  const last = written.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return last === '..' || last === '' ? toText(baseName(found.path)) : toText(toBinary(last))
}

function namesDirectory(written: string): boolean {
  return /(^|\/)\.{0,2}$/.test(written)
}
