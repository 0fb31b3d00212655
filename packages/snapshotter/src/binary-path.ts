import { dirname } from 'node:path/posix'

/** A path or name as the kernel has it: one character (U+0000–U+00FF) per byte. Comparing two of them compares their bytes,
 * and names that are not UTF-8 survive. */
export type BinaryPath = string

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
const ascii = /^[\x00-\x7f]*$/

/** The form that `node:fs` takes; plain strings where they mean the same bytes, since those are cheaper. */
export function fsPath(path: BinaryPath): string | Buffer {
  return ascii.test(path) ? path : Buffer.from(path, 'latin1')
}

/** From an ordinary string (UTF-8 outside). */
export function toBinary(text: string): BinaryPath {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** For messages: UTF-8 where the bytes are UTF-8, else with replacement characters; control characters escaped. */
export function showPath(path: BinaryPath): string {
  const text = ascii.test(path) ? path : Buffer.from(path, 'latin1').toString('utf8')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const safe = text.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return safe.length > 300 ? `${safe.slice(0, 300)}…` : safe
}

export function isAscii(text: string): boolean {
  return ascii.test(text)
}

export { dirname as parentPath }

export function joinPath(directory: BinaryPath, name: BinaryPath): BinaryPath {
  return directory === '' ? name : directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

/** Order of the bytes, the order of entries in a layer within one directory. */
export function compareBytes(a: BinaryPath, b: BinaryPath): number {
  return a < b ? -1 : a > b ? 1 : 0
}
