import { execFileSync } from 'node:child_process'
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type HostError, LOCK_EX, LOCK_NB, openHost, RESOLVE_IN_ROOT, S_IFCHR, S_IFIFO } from '@tsbuild/host'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const root = process.getuid?.() === 0 ? undefined : 'needs root'
const failure = (action: () => unknown): HostError => {
  try {
    action()
  } catch (error) {
    return error as HostError
  }
  throw new Error('should have failed')
}

tests('file calls', (test) => {
  test(
    'mknod() makes devices and fifos with large numbers',
    async () => {
      await using dir = await tempDir()
      const host = openHost()
      for (const [major, minor] of [
        [0, 0],
        [1, 3],
        [259, 65_536],
        [4095, 1_048_575],
      ] as const) {
        const path = join(dir.path, `${major}-${minor}`)
        host.mknod(path, S_IFCHR | 0o600, major, minor)
        const [hexMajor, hexMinor] = execFileSync('stat', ['-c', '%t %T', path], { encoding: 'utf8' }).trim().split(' ')
        assert.is(`${Number.parseInt(hexMajor!, 16)}-${Number.parseInt(hexMinor!, 16)}`, `${major}-${minor}`)
      }
      host.mknod(join(dir.path, 'fifo'), S_IFIFO | 0o644)
      assert.ok(lstatSync(join(dir.path, 'fifo')).isFIFO())
    },
    { skip: root },
  )

  test(
    'xattrs are kept byte for byte, also on links and names that are not UTF-8',
    async () => {
      await using dir = await tempDir()
      const host = openHost()
      const value = Buffer.from([1, 0, 0, 2, 0xff, 0, 0x80])
      const odd = Buffer.concat([Buffer.from(`${dir.path}/`), Buffer.from([0xff, 0xfe])])
      symlinkSync('nowhere', join(dir.path, 'link'))
      writeFileSync(odd, '')
      for (const [path, name] of [
        [odd, 'user.x'],
        [join(dir.path, 'link'), 'trusted.x'],
      ] as const) {
        assert.equal(host.llistxattr(path), [])
        assert.is(host.lgetxattr(path, name), undefined)
        host.lsetxattr(path, name, value)
        assert.equal(host.lgetxattr(path, name), value)
        assert.equal(host.llistxattr(path), [name])
        host.lremovexattr(path, name)
        assert.is(host.lgetxattr(path, name), undefined)
      }
      host.lsetxattr(odd, 'user.empty', new Uint8Array())
      host.lsetxattr(odd, 'user.big', new Uint8Array(2000).fill(7))
      assert.equal(host.llistxattr(odd), ['user.big', 'user.empty'])
      assert.is(host.lgetxattr(odd, 'user.empty')?.length, 0)
      assert.is(host.lgetxattr(odd, 'user.big')?.length, 2000)
    },
    { skip: root },
  )

  test('utimens() sets nanoseconds, negative times, links, and one time alone', async () => {
    await using dir = await tempDir()
    const host = openHost()
    const path = join(dir.path, 'file')
    const link = join(dir.path, 'link')
    writeFileSync(path, '')
    symlinkSync('file', link)
    const times = (name: string) => execFileSync('stat', ['-c', '%.9X %.9Y', name], { encoding: 'utf8' }).trim()
    host.utimens(path, 1_234_567_890_123_456_789n, -1n)
    assert.is(lstatSync(path, { bigint: true }).mtimeNs, -1n)
    host.utimens(path, undefined, -5_000_000_000n)
    assert.is(lstatSync(path, { bigint: true }).mtimeNs, -5_000_000_000n)
    assert.is(lstatSync(path, { bigint: true }).atimeNs, 1_234_567_890_123_456_789n)
    host.utimens(link, 1n, 2n)
    assert.is(times(link), '0.000000001 0.000000002')
    host.utimens(link, 3n, 4n, true)
    assert.is(times(path), '0.000000003 0.000000004')
  })

  test(
    "lchown() takes ids up to 2^32-2 and leaves a link's target alone",
    async () => {
      await using dir = await tempDir()
      const link = join(dir.path, 'link')
      symlinkSync('/etc/passwd', link)
      openHost().lchown(link, 4_294_967_294, 300_000)
      assert.is(lstatSync(link).uid, 4_294_967_294)
      assert.is(lstatSync(link).gid, 300_000)
      assert.is(lstatSync('/etc/passwd').uid, 0)
    },
    { skip: root },
  )

  test('flock() takes a lock once', async () => {
    await using dir = await tempDir()
    const host = openHost()
    const [a, b] = [0, 1].map(() => openSync(join(dir.path, 'lock'), 'w')) as [number, number]
    assert.is(host.flock(a, LOCK_EX | LOCK_NB), true)
    assert.is(host.flock(b, LOCK_EX | LOCK_NB), false)
    closeSync(a)
    assert.is(host.flock(b, LOCK_EX | LOCK_NB), true)
    host.syncfs(b)
    closeSync(b)
  })

  test('openat2() keeps links inside the root', async () => {
    await using dir = await tempDir()
    const host = openHost()
    mkdirSync(join(dir.path, 'etc'))
    writeFileSync(join(dir.path, 'etc/passwd'), 'inside')
    symlinkSync('/etc/passwd', join(dir.path, 'abs'))
    const directory = openSync(dir.path, 'r')
    const fd = host.openat2(directory, 'abs', { flags: 0, resolve: RESOLVE_IN_ROOT })
    assert.is(readFileSync(fd, 'utf8'), 'inside')
    host.close(fd)
    closeSync(directory)
  })

  test('pipe2() makes a pipe, copyFileRange() copies', async () => {
    await using dir = await tempDir()
    const host = openHost()
    const [read, write] = host.pipe2()
    writeFileSync(write, 'hello')
    const buffer = Buffer.alloc(5)
    assert.is(readSync(read, buffer), 5)
    assert.is(buffer.toString(), 'hello')
    host.fchown(write, 0, 0)
    host.close(read)
    host.close(write)
    writeFileSync(join(dir.path, 'a'), 'x'.repeat(10_000))
    const from = openSync(join(dir.path, 'a'), 'r')
    const to = openSync(join(dir.path, 'b'), 'w')
    while (host.copyFileRange(from, to, 4096) > 0);
    assert.is(fstatSync(to).size, 10_000)
    closeSync(from)
    closeSync(to)
  })

  test('errors name the call, the thing and the reason', () => {
    const error = failure(() => openHost().lsetxattr('/no/such/file', 'user.x', Buffer.from('v')))
    assert.is(error.message, 'Cannot set attribute user.x of "/no/such/file": ENOENT (no such file or directory)')
    assert.is(error.code, 'SYSCALL_FAILED')
    assert.is(error.errno, 'ENOENT')
    assert.is(error.syscall, 'lsetxattr')
    assert.is(failure(() => openHost().lchown('a\0b', 0, 0)).errno, 'EINVAL')
  })

  test('capget() and prlimit() read what the kernel shows', () => {
    const host = openHost()
    const status = readFileSync('/proc/self/status', 'utf8')
    assert.is(host.capget().permitted.toString(16).padStart(16, '0'), /^CapPrm:\s*(\S+)/m.exec(status)?.[1])
    const limit = host.prlimit(0, 'nofile')
    assert.match(
      readFileSync('/proc/self/limits', 'utf8'),
      new RegExp(`Max open files\\s+${limit.soft}\\s+${limit.hard}`),
    )
    assert.is(failure(() => host.prlimit(0, 'patience')).code, 'HOST_UNSUPPORTED')
    host.capset(host.capget())
    assert.is(host.kill(999_999_999, 0), false)
  })
})
