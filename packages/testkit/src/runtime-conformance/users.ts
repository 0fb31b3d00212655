import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type BenchTest, rejection } from './fixture.js'

/** USER, and what the image's files say about it. */
export function userTests(test: BenchTest): void {
  const users: Record<string, string> = {
    '': '0:0 0 10 /root',
    root: '0:0 0 10 /root',
    '0': '0:0 0 10 /root',
    app: '1000:1000 10 1000 2000 /home/app',
    '1000': '1000:1000 10 1000 2000 /home/app',
    'app:extra': '1000:2000 2000 /home/app',
    '1000:10': '1000:10 10 /home/app',
    'app:4711': '1000:4711 4711 /home/app',
    '1234': '1234:0 0 /',
    '1234:77': '1234:77 77 /',
    '4242': '77:78 78 /home/number',
    homeless: '1001:1000 1000 /',
    '3000000000:4000000000': '3000000000:4000000000 4000000000 /',
  }
  for (const [user, expected] of Object.entries(users)) {
    test(`run() runs as USER "${user}"`, async ({ sh }) => {
      const script = 'set -- $(grep -E "^(Uid|Gid|Groups):" /proc/self/status); echo $*; echo $HOME'
      const [ids = '', home] = (await sh(script, { user })).stdout.split('\n')
      const [, uid, gid, groups = ''] = /^Uid: (\d+) .*Gid: (\d+) .*Groups:(.*)$/.exec(ids) ?? []
      const all = [...new Set([gid, ...groups.trim().split(' ').filter(Boolean)])].map(Number).sort((a, b) => a - b)
      assert.is(`${uid}:${gid} ${all.join(' ')} ${home}`, expected)
    })
  }

  for (const user of ['nobody-here', 'app:no-group', ':no-group', '99999999999', '-1']) {
    test(`run() rejects USER "${user}" with USER_NOT_FOUND`, async ({ sh }) => {
      const error = await rejection(sh('true', { user }))
      assert.is(error.code, 'USER_NOT_FOUND')
    })
  }

  test('run() reads /etc/passwd inside the root, wherever a link in it leads', async ({ sh, rootfs, directory }) => {
    writeFileSync(join(directory, 'host-passwd'), 'evil:x:0:0::/:\n')
    for (const target of [join(directory, 'host-passwd'), '../../../../../../../../../etc/passwd']) {
      rmSync(join(rootfs, 'etc/passwd'))
      symlinkSync(target, join(rootfs, 'etc/passwd'))
      for (const user of ['evil', 'daemon']) assert.is((await rejection(sh('true', { user }))).code, 'USER_NOT_FOUND')
    }
    assert.is((await sh('id -u', { user: '5' })).stdout, '5\n')
  })

  test('run() is not held up by a fifo or a device in place of /etc/passwd', async ({ sh, rootfs }) => {
    for (const node of [['p'], ['c', '1', '5']]) {
      rmSync(join(rootfs, 'etc/passwd'))
      execFileSync('mknod', [join(rootfs, 'etc/passwd'), ...node])
      assert.is((await sh('echo on', { user: '5' })).stdout, 'on\n')
    }
  })

  test('run() lets the user write to its own /dev/stdout and /dev/stderr', async ({ sh }) => {
    for (const user of ['root', 'app']) {
      const { stdout, stderr } = await sh(
        'echo one > /dev/stdout; echo two > /dev/stderr; echo three > /proc/self/fd/1',
        { user },
      )
      assert.is(stdout, 'one\nthree\n')
      assert.is(stderr, 'two\n')
    }
  })

  test('run() keeps the user out of what is not its own', async ({ sh, overlay }) => {
    const root = overlay()
    await sh('mkdir -m 700 /closed; echo x > /closed/file', { root })
    const { status, stderr } = await sh('cat /closed/file', { root, user: 'app' })
    assert.is(status.code, 1)
    assert.match(stderr, /Permission denied/)
  })
}
