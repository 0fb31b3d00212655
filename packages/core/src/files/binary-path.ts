/** A path as the kernel has it: one character (U+0000–U+00FF) per byte. Comparing two of them compares their bytes, and names
 * that are not UTF-8 survive. Inside a tree paths are relative, without `.` and `..`; '' is the tree's root. */
export type BinaryPath = string

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
const ascii = /^[\x00-\x7f]*$/

/** The form that `node:fs` takes; a plain string where it means the same bytes, since those are cheaper. */
export function fsPath(path: BinaryPath): string | Buffer {
  return ascii.test(path) ? path : Buffer.from(path, 'latin1')
}

/** From ordinary text (UTF-8 outside). */
export function toBinary(text: string): BinaryPath {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** To ordinary text, for patterns and messages; bytes that are not UTF-8 become replacement characters. */
export function toText(path: BinaryPath): string {
  return ascii.test(path) ? path : Buffer.from(path, 'latin1').toString('utf8')
}

export function joinPath(directory: BinaryPath, name: BinaryPath): BinaryPath {
  return directory === '' ? name : `${directory}/${name}`
}

export function parentPath(path: BinaryPath): BinaryPath {
  const at = path.lastIndexOf('/')
  return at < 0 ? '' : path.slice(0, at)
}

export function baseName(path: BinaryPath): BinaryPath {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A path that someone wrote, as one inside a tree: `.`, empty parts and slashes at the ends go away, `..` stops at the root. */
export function cleanPath(path: BinaryPath): BinaryPath {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/** How a path of a tree is shown in messages. */
export function showPath(path: BinaryPath): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return `/${toText(path)}`.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
