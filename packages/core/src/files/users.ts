import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { CoreError } from '../errors.js'

/** An owner by numbers. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Files above this are not the user data base of any image. */
const maxBytes = 8 << 20
const maxId = 2 ** 32 - 2

/** Looks a `user[:group]` up in the root of this thread. A number needs no look-up, and is its group's number, too; a name has the group of
 * its entry in /etc/passwd. An image without that file has no names: they count as 0 there, as in BuildKit.
 * @param lenient whether an unknown name is 0, too
 * @throws {CoreError} `USER_NOT_FOUND` */
export function findOwner(text: string, { lenient = false } = {}): Owner {
  const colon = text.indexOf(':')
  const user = colon < 0 ? text : text.slice(0, colon)
  const group = colon < 0 ? '' : text.slice(colon + 1)
  const owner = findUser(user, lenient)
  return group === '' ? owner : { uid: owner.uid, gid: findGroup(group, lenient) }
}

function findUser(user: string, lenient: boolean): Owner {
  if (user === '') return { uid: 0, gid: 0 }
  const id = parseId(user)
  if (id !== undefined) return { uid: id, gid: id }
  const lines = readLines('/etc/passwd')
  const fields = lines?.map((line) => line.split(':')).find(([name]) => name === user)
  const uid = parseId(fields?.[2] ?? '')
  const gid = parseId(fields?.[3] ?? '')
  if (uid !== undefined && gid !== undefined) return { uid, gid }
  if (lines === undefined || lenient) return { uid: 0, gid: 0 }
  throw unknown('user', user, '/etc/passwd')
}

function findGroup(group: string, lenient: boolean): number {
  const id = parseId(group)
  if (id !== undefined) return id
  const lines = readLines('/etc/group')
  const fields = lines?.map((line) => line.split(':')).find(([name]) => name === group)
  const gid = parseId(fields?.[2] ?? '')
  if (gid !== undefined) return gid
  if (lines === undefined || lenient) return 0
  throw unknown('group', group, '/etc/group')
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id <= maxId ? id : undefined
}

/** `undefined` where there is no such file. Anything but a regular file counts as none: an image may hold whatever it likes there. */
function readLines(path: string): string[] | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined
    const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, maxBytes))
    const length = readSync(fd, buffer, 0, buffer.length, 0)
    return buffer.toString('utf8', 0, length).split('\n')
  } finally {
    closeSync(fd)
  }
}

function unknown(kind: 'user' | 'group', name: string, file: string): CoreError {
  return new CoreError('USER_NOT_FOUND', `Cannot look up ${kind} "${name}": no such ${kind} in the image's ${file}`, {
    hint: `Create it before, or give its number`,
  })
}
