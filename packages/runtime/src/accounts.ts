/** One line of /etc/passwd (passwd(5)). */
export interface PasswdEntry {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** One line of /etc/group (group(5)). */
export interface GroupEntry {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/** Lines that are not well formed are left out, as everywhere. */
export function parsePasswd(text: string): PasswdEntry[] {
  return fields(text).flatMap(([name, , uid, gid, , home = '']) => {
    const ids = { uid: parseId(uid), gid: parseId(gid) }
    if (!name || ids.uid === undefined || ids.gid === undefined) return []
    return [{ name, uid: ids.uid, gid: ids.gid, home }]
  })
}

export function parseGroup(text: string): GroupEntry[] {
  return fields(text).flatMap(([name, , id, members = '']) => {
    const gid = parseId(id)
    if (!name || gid === undefined) return []
    return [{ name, gid, members: members.split(',').filter(Boolean) }]
  })
}

/** A user or group id; the last one, 2^32-1, means "none" to the kernel. */
export function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id <= 0xfffffffe ? id : undefined
}

function fields(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
}
