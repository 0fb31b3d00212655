/** Type and permission bits of `st_mode`. */
export const typeMask = 0o170000
export const modeMask = 0o7777

export type FileType = 'directory' | 'file' | 'symlink' | 'character-device' | 'block-device' | 'fifo'

/** What COPY makes of a mode; a socket becomes an empty file. */
export function fileType(mode: number): FileType {
  switch (mode & typeMask) {
    case 0o040000:
      return 'directory'
    case 0o120000:
      return 'symlink'
    case 0o020000:
      return 'character-device'
    case 0o060000:
      return 'block-device'
    case 0o010000:
      return 'fifo'
    default:
      return 'file'
  }
}

export function isDirectory(mode: number): boolean {
  return (mode & typeMask) === 0o040000
}

/** Whether there are bytes to read: not so for a socket, which only counts as a file. */
export function isRegular(mode: number): boolean {
  return (mode & typeMask) === 0o100000
}

export function isSymlink(mode: number): boolean {
  return (mode & typeMask) === 0o120000
}
