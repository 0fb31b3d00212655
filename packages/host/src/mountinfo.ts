/** One line of /proc/<pid>/mountinfo (proc(5)). */
export interface MountInfo {
  readonly id: number
  /** `major:minor` of the file system. */
  readonly device: string
  /** Which directory of the file system is mounted. */
  readonly root: string
  readonly mountPoint: string
  readonly type: string
  /** The file system's own options, unescaped. */
  readonly superOptions: string
}

/** Reads mountinfo's text; lines that are not well formed are left out. */
export function parseMountInfo(text: string): MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ')
    const [id, , device, root, mountPoint] = before?.split(' ') ?? []
    const [type, , superOptions = ''] = after?.split(' ') ?? []
    if (!device || root === undefined || mountPoint === undefined || type === undefined) return []
    return [
      {
        id: Number(id),
        device,
        root: unescapeOctal(root),
        mountPoint: unescapeOctal(mountPoint),
        type,
        superOptions: unescapeOctal(superOptions),
      },
    ]
  })
}

/** Space, tab, newline, backslash and the like are written as `\ooo`; bytes, so that UTF-8 survives. */
function unescapeOctal(field: string): string {
  if (!field.includes('\\')) return field
  const bytes = Buffer.from(field)
    .toString('latin1')
    .replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
  return Buffer.from(bytes, 'latin1').toString()
}
