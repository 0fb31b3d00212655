import { closeSync, fstatSync, readSync, writeSync } from 'node:fs'
import { type ChildCall, hasErrno, openHost, TIOCSCTTY } from '@tsbuild/host'
import { type RegisterTest, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

// Only root may open the multiplexer itself on most machines.
const skip = process.getuid?.() === 0 ? undefined : 'needs root'

tests('terminals', (register) => {
  const test: RegisterTest = (title, body) => register(title, body, { skip })

  test('openTerminal() opens both ends, and its master does not block', () => {
    const host = openHost()
    const { master, slave, index } = host.openTerminal('/dev/pts/ptmx')
    assert.ok(fstatSync(slave).isCharacterDevice())
    assert.is(fstatSync(slave).rdev & 0xff, index & 0xff)
    const buffer = Buffer.alloc(100)
    assert.is(host.readNow(master, buffer), undefined)
    writeSync(slave, 'out\n')
    assert.is(buffer.toString('utf8', 0, host.readNow(master, buffer)), 'out\r\n')
    assert.is(host.writeNow(master, Buffer.from('xin\n').subarray(1)), 3)
    assert.is(buffer.toString('utf8', 0, readSync(slave, buffer)), 'in\n')
    closeSync(slave)
    host.readNow(master, buffer)
    assert.throws(
      () => host.readNow(master, buffer),
      (error: unknown) => hasErrno(error, 'EIO'),
    )
    host.close(master)
  })

  test('openTerminal() refuses what is no multiplexer', () => {
    for (const path of ['/dev/null', '/dev/pts', '/no/such', '/proc/self/fd/0'])
      assert.throws(() => openHost().openTerminal(path))
  })

  test('setTerminalSize() is what a program sees on its controlling terminal', async () => {
    const host = openHost()
    const { master, slave } = host.openTerminal('/dev/pts/ptmx')
    host.setTerminalSize(master, 123, 45)
    const stdio = [0, 1, 2].map((fd): ChildCall => ({ name: 'dup3', args: [slave, fd, 0] }))
    const args = ['/bin/sh', '-c', 'stty size < /dev/tty; exit 0']
    const pid = host.spawn([
      { name: 'setsid', args: [] },
      { name: 'ioctl', args: [slave, TIOCSCTTY, 0] },
      ...stdio,
      { name: 'execve', args: ['/bin/sh', args, ['PATH=/usr/bin:/bin']] },
    ])
    while (host.wait(pid) === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
    const buffer = Buffer.alloc(100)
    assert.is(buffer.toString('utf8', 0, host.readNow(master, buffer)), '45 123\r\n')
    closeSync(slave)
    host.close(master)
  })

  test('writeNow() takes no more than there is room for', () => {
    const host = openHost()
    const [read, write] = host.pipe2(0o4000)
    const chunk = Buffer.alloc(1 << 20)
    const taken = host.writeNow(write, chunk)
    assert.ok(taken > 0 && taken < chunk.length)
    assert.is(host.writeNow(write, chunk), 0)
    assert.is(host.writeNow(write, Buffer.alloc(0)), 0)
    for (const fd of [read, write]) host.close(fd)
  })
})
