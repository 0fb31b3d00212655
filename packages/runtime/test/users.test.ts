import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseGroup, parseId, parsePasswd } from '../dist/accounts.js'
import { resolveUser } from '../dist/resolve-user.js'

const passwd = parsePasswd(
  'root:x:0:0::/root:/bin/sh\na:x:5:6::/a\n# b:x:1:1::/\n\nbroken\nc:x:-1:2::/\n  d:x:7:8::/d:/bin/sh\r\n9:x:11:12::/nine:',
)
const group = parseGroup('root:x:0:\ng:x:6:a,b\nh:x:20:a\ni:x:21:a\ni2:x:21:a\nbad:x:x:a\n77:x:78:\n')

tests('users', (test) => {
  test('parsePasswd() keeps well-formed lines', () => {
    assert.equal(
      passwd.map(({ name, uid, gid }) => `${name} ${uid} ${gid}`),
      ['root 0 0', 'a 5 6', 'd 7 8', '9 11 12'],
    )
  })

  const good: Record<string, [uid: number, gid: number, groups: number[], home: string]> = {
    '': [0, 0, [], '/root'],
    a: [5, 6, [6, 20, 21], '/a'],
    '5': [5, 6, [6, 20, 21], '/a'],
    'a:': [5, 6, [6, 20, 21], '/a'],
    'a:h': [5, 20, [], '/a'],
    'a:99': [5, 99, [], '/a'],
    '9': [11, 12, [], '/nine'],
    '3:77': [3, 78, [], '/'],
    ':h': [0, 20, [], '/root'],
    '4294967294:4294967294': [4_294_967_294, 4_294_967_294, [], '/'],
  }
  for (const [user, [uid, gid, groups, home]] of Object.entries(good)) {
    test(`resolveUser() knows "${user}"`, () => {
      assert.equal(resolveUser(user, passwd, group), { uid, gid, groups, home })
    })
  }

  for (const user of ['b', 'c', 'a:nope', '4294967295', '-1', '1e3', ' a', 'a b', '0x0']) {
    test(`resolveUser() refuses "${user}"`, () => {
      assert.throws(
        () => resolveUser(user, passwd, group),
        (error: unknown) => hasCode(error, 'USER_NOT_FOUND'),
      )
    })
  }

  test('parseId() gives back every id that the kernel knows, and nothing else', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xfffffffe }), (id) => parseId(String(id)) === id))
    fc.assert(
      fc.property(fc.string(), (text) => {
        const id = parseId(text)
        return id === undefined || (Number.isInteger(id) && id >= 0 && id <= 0xfffffffe)
      }),
    )
  })

  test('parsePasswd() and parseGroup() take any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const { uid, gid } of parsePasswd(text)) assert.ok(uid >= 0 && gid >= 0)
        for (const { gid } of parseGroup(text)) assert.ok(gid >= 0)
      }),
    )
  })
})
