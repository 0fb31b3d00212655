import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parseGroup, parsePasswd } from './accounts.js'
import { type ResolvedUser, resolveUser } from './resolve-user.js'

const largestFileBytes = 4 << 20

/** Looks a user up in the files of the thread's present root.
 * @throws {RuntimeError} `USER_NOT_FOUND` */
export function lookUpUser(user: string): ResolvedUser {
  return resolveUser(user, parsePasswd(readAccounts('/etc/passwd')), parseGroup(readAccounts('/etc/group')))
}

/** The image decides what is there: a fifo must not block, a device not be read, a huge file not fill the memory. */
function readAccounts(path: string): string {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return ''
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || stat.size > largestFileBytes) return ''
    const buffer = Buffer.alloc(stat.size)
    return buffer.toString('utf8', 0, readSync(fd, buffer))
  } finally {
    closeSync(fd)
  }
}
