import { type GroupEntry, type PasswdEntry, parseId } from './accounts.js'
import { RuntimeError } from './errors.js'

/** Who a process runs as. */
export interface ResolvedUser {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: readonly number[]
  readonly home: string
}

/** Looks up Docker's USER: '', `name`, `uid`, `name:group`, `uid:gid`, `uid:` …, as Docker does.
 *
 * A name wins over an equal number. Ids need no entry: then the group is 0 and the home `/`. Supplementary groups are those that
 * list the user, unless a group is given. '' is the user with id 0.
 * @throws {RuntimeError} `USER_NOT_FOUND` */
export function resolveUser(user: string, passwd: readonly PasswdEntry[], groups: readonly GroupEntry[]): ResolvedUser {
  const [userPart = '', groupPart = ''] = user.split(':', 2)
  const wanted = userPart === '' ? '0' : userPart
  const entry = passwd.find(({ name }) => name === wanted) ?? passwd.find(({ uid }) => uid === parseId(wanted))
  const uid = entry?.uid ?? parseId(wanted)
  if (uid === undefined) throw notFound('user', userPart, '/etc/passwd')
  const home = entry?.home ? entry.home : '/'
  if (groupPart !== '') return { uid, gid: resolveGroup(groupPart, groups), groups: [], home }
  const supplementary = groups.filter(({ members }) => entry && members.includes(entry.name)).map(({ gid }) => gid)
  return { uid, gid: entry?.gid ?? 0, groups: [...new Set(supplementary)], home }
}

function resolveGroup(group: string, groups: readonly GroupEntry[]): number {
  const id = parseId(group)
  const entry = groups.find(({ name }) => name === group) ?? groups.find(({ gid }) => gid === id)
  const gid = entry?.gid ?? id
  if (gid === undefined) throw notFound('group', group, '/etc/group')
  return gid
}

function notFound(what: string, name: string, file: string): RuntimeError {
  return new RuntimeError(
    'USER_NOT_FOUND',
    `Cannot find the ${what} "${name}": no such entry in ${file} of the image`,
    {
      hint: `Add the ${what} in an earlier step, or use its number`,
    },
  )
}
