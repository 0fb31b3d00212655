import { execFileSync } from 'node:child_process'
import { closeSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ChildCall, type ChildEnd, openHost, SpawnError } from '@tsbuild/host'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

async function ended(pid: number): Promise<ChildEnd> {
  for (;;) {
    const end = openHost().wait(pid)
    if (end) return end
    await delay(1)
  }
}

const execute = (...args: string[]): ChildCall => ({ name: 'execve', args: [args[0] ?? '', args, ['A=1', 'B=2']] })

tests('spawn', (test) => {
  test('spawn() runs a program with arguments and environment', async () => {
    const host = openHost()
    const [read, write] = host.pipe2()
    const pid = host.spawn([
      { name: 'dup3', args: [write, 1, 0] },
      execute('/bin/sh', '-c', 'echo $0 $A $B; exit 3', 'näme'),
    ])
    closeSync(write)
    assert.equal(await ended(pid), { code: 3 })
    const buffer = Buffer.alloc(100)
    assert.is(buffer.toString('utf8', 0, readSync(read, buffer)), 'näme 1 2\n')
    closeSync(read)
  })

  test('wait() tells the signal that ended a child', async () => {
    const pid = openHost().spawn([execute('/bin/sh', '-c', 'kill -SEGV $$')])
    assert.equal(await ended(pid), { signal: 11 })
  })

  test('spawn() tells which call failed, skips optional ones, and leaves no child', () => {
    const host = openHost()
    try {
      host.spawn([
        { name: 'fchdir', args: [-1], optional: true },
        { name: 'umask', args: [0o22] },
        { name: 'execve', args: ['/no/such/program', ['x'], []] },
      ])
      assert.unreachable()
    } catch (error) {
      assert.instance(error, SpawnError)
      assert.is((error as SpawnError).index, 2)
      assert.is((error as SpawnError).errno, 'ENOENT')
    }
    const children = execFileSync('ps', ['-o', 'stat=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    assert.not.match(children, /Z/)
  })

  test(
    'spawn() hands a BPF program over, with the signals set before it is in force',
    async () => {
      const instruction = (code: number, yes: number, no: number, value: number) => {
        const bytes = Buffer.alloc(8)
        bytes.writeUInt16LE(code, 0)
        bytes[2] = yes
        bytes[3] = no
        bytes.writeUInt32LE(value, 4)
        return bytes
      }
      const { rt_sigaction: action, umask } =
        process.arch === 'x64' ? { rt_sigaction: 13, umask: 95 } : { rt_sigaction: 134, umask: 166 }
      const bpf = Buffer.concat([
        instruction(0x20, 0, 0, 0),
        instruction(0x15, 2, 0, umask),
        instruction(0x15, 1, 0, action),
        instruction(0x06, 0, 0, 0x7fff0000),
        instruction(0x06, 0, 0, 0x50000 | 7),
      ])
      const host = openHost()
      const filter: ChildCall = { name: 'seccomp', args: [1, 0, { bpf }] }
      const [read, write] = host.pipe2()
      const pid = host.spawn([
        { name: 'dup3', args: [write, 1, 0] },
        filter,
        execute('/bin/grep', '-E', '^(Seccomp|SigIgn):', '/proc/self/status'),
      ])
      closeSync(write)
      assert.equal(await ended(pid), { code: 0 })
      const buffer = Buffer.alloc(100)
      assert.is(buffer.toString('utf8', 0, readSync(read, buffer)), 'SigIgn:\t0000000000000000\nSeccomp:\t2\n')
      closeSync(read)
      try {
        host.spawn([filter, { name: 'umask', args: [0] }, execute('/bin/true')])
        assert.unreachable()
      } catch (error) {
        assert.instance(error, SpawnError)
        const { index, syscall, errno } = error as SpawnError
        assert.equal([index, syscall, errno], [1, 'umask', 'E2BIG'])
      }
    },
    { skip: process.getuid?.() === 0 ? undefined : 'needs root' },
  )

  test('spawn() leaves descriptors, umask, limits and directory of this process alone', async () => {
    const host = openHost()
    const before = readFileSync('/proc/self/limits', 'utf8') + process.umask().toString(8) + process.cwd()
    const limit = Buffer.alloc(16)
    limit.writeBigUInt64LE(64n, 0)
    limit.writeBigUInt64LE(64n, 8)
    const pid = host.spawn([
      { name: 'umask', args: [0o77] },
      { name: 'prlimit64', args: [0, 7, limit, null] },
      { name: 'dup3', args: [2, 50, 0] },
      { name: 'close_range', args: [3, 0xffffffff, 0] },
      execute('/bin/sh', '-c', 'test $(ulimit -n) = 64 && test $(umask) = 0077 && test ! -e /proc/self/fd/50'),
    ])
    assert.equal(await ended(pid), { code: 0 })
    assert.is(readFileSync('/proc/self/limits', 'utf8') + process.umask().toString(8) + process.cwd(), before)
  })

  test('spawn() takes 100 KiB arguments and thousands of variables', async () => {
    const env = Array.from({ length: 5000 }, (_, index) => `V${index}=${index}`)
    const args = [
      '/bin/sh',
      '-c',
      'test $(env | grep -c ^V) = 5000 && test $(printf %s $0 | wc -c) = 100000',
      'x'.repeat(100_000),
    ]
    const pid = openHost().spawn([{ name: 'execve', args: ['/bin/sh', args, [...env, 'PATH=/usr/bin:/bin']] }])
    assert.equal(await ended(pid), { code: 0 })
  })

  test('spawn() works hundreds of times while signals arrive', async () => {
    await using dir = await tempDir()
    const host = openHost()
    let handled = 0
    const count = () => {
      handled++
    }
    process.on('SIGUSR1', count)
    const file = join(dir.path, 'go')
    writeFileSync(file, '')
    const noise = host.spawn([execute('/bin/sh', '-c', `while test -e ${file}; do kill -USR1 ${process.pid}; done`)])
    for (let round = 0; round < 300; round++) {
      const pid = host.spawn([execute('/bin/true')])
      if (round % 20 === 0) assert.equal(await ended(pid), { code: 0 })
      else while (!host.wait(pid));
    }
    execFileSync('rm', [file])
    await ended(noise)
    process.off('SIGUSR1', count)
    assert.ok(handled > 0)
  })
})
