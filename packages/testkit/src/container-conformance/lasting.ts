import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import { rejection } from '../runtime-conformance/fixture.js'
import { makeDirs, processesWith, uniqueSeconds } from '../runtime-conformance/processes.js'
import type { ContainerTest } from './fixture.js'

/** Processes that run long: input, output, signals, their files and their end. */
export function lastingTests(test: ContainerTest): void {
  inputTests(test)
  endTests(test)
  fileTests(test)
}

function inputTests(test: ContainerTest): void {
  test('start() hands input on, and its end', async ({ start }) => {
    const cat = await start(['cat'], { start: { stdin: true } })
    await cat.write(Buffer.from('one\n'))
    await cat.says('one\n')
    await cat.write(Buffer.from([0, 255, 10]))
    cat.endInput()
    assert.equal(await cat.ended, { code: 0 })
    assert.is(cat.printed.stdout, 'one\n\0\xff\n')
  })

  test('start() hands much input on unchanged, also where the command is slow', async ({ start }) => {
    const sum = await start(['sh', '-c', 'sleep 0.2; md5sum'], { start: { stdin: true } })
    for (let index = 0; index < 40; index++) await sum.write(Buffer.alloc(65_536, index))
    sum.endInput()
    assert.equal(await sum.ended, { code: 0 })
    assert.is(sum.printed.stdout, '45b269d4e2f12cf08a9354832bd23bbd  -\n')
  })

  test('start() gives /dev/null as input unless it is asked for', async ({ start }) => {
    const cat = await start(['cat'])
    assert.equal(await cat.ended, { code: 0 })
    assert.ok(hasCode(await rejection(cat.write(Buffer.from('x'))), 'INPUT_CLOSED'))
  })

  test('write() waits for a reader, and rejects with INPUT_CLOSED when there is none any more', async ({
    container,
  }) => {
    const deaf = await container({ start: { stdin: true } })
    const writes = Array.from({ length: 4 }, () =>
      deaf.write(Buffer.alloc(65_536)).then(
        () => 'taken',
        (error) => error.code,
      ),
    )
    deaf.kill('SIGKILL')
    await deaf.ended
    assert.is((await Promise.all(writes)).at(-1), 'INPUT_CLOSED')
    assert.ok(hasCode(await rejection(deaf.write(Buffer.from('x'))), 'INPUT_CLOSED'))
  })

  test('write() rejects with INPUT_CLOSED when the command has closed its input', async ({ start }) => {
    const closing = await start(['sh', '-c', 'exec 0<&-; echo closed; while :; do sleep 1000; done'], {
      start: { stdin: true },
    })
    await closing.says('closed')
    assert.ok(hasCode(await rejection(closing.write(Buffer.from('x'))), 'INPUT_CLOSED'))
    closing.kill('SIGKILL')
    assert.equal(await closing.ended, { code: 137, signal: 'SIGKILL' })
  })

  test('start() lets the command wait for a slow reader of its output', async ({ start, sh }) => {
    const bytes = 30_000_000
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    let taken = 0
    let chunks = 0
    let full = () => {}
    const window = new Promise<void>((resolve) => {
      full = resolve
    })
    const writer = await start(['head', '-c', String(bytes), '/dev/zero'], {
      start: {
        onOutput(_, chunk) {
          taken += chunk.length
          if (++chunks === 16) full()
          return gate
        },
      },
    })
    await window
    assert.is((await sh('exit 3')).status.code, 3)
    assert.ok(taken <= 16 * 65_536, `${taken} bytes in ${chunks} chunks`)
    open()
    assert.equal(await writer.ended, { code: 0 })
    assert.is(taken, bytes)
  })

  test('start() ends a command whose output is refused, and says with what', async ({ start }) => {
    const refusal = new Error('no more')
    const writer = await start(['yes'], { start: { onOutput: () => Promise.reject(refusal) } })
    assert.is(await rejection(writer.ended), refusal)
  })
}

function endTests(test: ContainerTest): void {
  test('kill() sends a signal that the command handles', async ({ start }) => {
    const process = await start(['sh', '-c', 'trap "echo got; exit 9" USR1; echo up; while :; do sleep 0.01; done'])
    await process.says('up')
    process.kill(10)
    assert.equal(await process.ended, { code: 9 })
    assert.is(process.printed.stdout, 'up\ngot\n')
    process.kill('SIGKILL')
  })

  test('kill() refuses what is no signal', async ({ container }) => {
    const process = await container()
    for (const signal of ['SIGNOTHING', 65, -1, 1.5]) {
      assert.throws(
        () => process.kill(signal as NodeJS.Signals),
        (error: unknown) => hasCode(error, 'SIGNAL_UNKNOWN'),
      )
    }
  })

  test('start() runs several at once, and steps beside them', async ({ container, sh }) => {
    const running = await Promise.all([container(), container(), container()])
    assert.is(new Set(running.map(({ pid }) => pid)).size, 3)
    assert.is((await sh('echo step')).stdout, 'step\n')
    for (const process of running) process.kill('SIGKILL')
    for (const process of running) assert.is((await process.ended).code, 137)
  })

  test('start() tells a command that cannot run, as run() does', async ({ start }) => {
    assert.is((await rejection(start(['no-such-command']))).code, 'COMMAND_NOT_FOUND')
    assert.is((await rejection(start(['true'], { user: 'nobody-here' }))).code, 'USER_NOT_FOUND')
  })

  test('start() kills everything when its signal aborts', async ({ start }) => {
    const seconds = uniqueSeconds()
    const stop = new AbortController()
    const process = await start(['sh', '-c', `setsid sleep ${seconds} & echo up; sleep ${seconds}`], {
      start: { signal: stop.signal, graceMs: 0 },
    })
    await process.says('up')
    const reason = new Error('enough')
    stop.abort(reason)
    assert.is(await rejection(process.ended), reason)
    assert.equal(processesWith(seconds), [])
  })

  test('disposing the runtime ends what it has started', async ({ container, runtime }) => {
    const process = await container()
    const end = rejection(process.ended)
    await runtime[Symbol.asyncDispose]()
    assert.is((await end).code, 'RUNTIME_UNAVAILABLE')
    assert.not.ok(existsSync(`/proc/${process.pid}/root/bin`))
  })
}

function fileTests(test: ContainerTest): void {
  test('start() names the mount points that it makes, and removes them at the end', async ({
    start,
    overlay,
    directory,
    rootfs,
  }) => {
    makeDirs(join(directory, 'bare/bin'))
    writeFileSync(join(directory, 'bare/bin/sh'), readFileSync(join(rootfs, 'bin/busybox')), { mode: 0o755 })
    const root = overlay('bare')
    const upper = join(directory, root.upper)
    const mounts = [{ kind: 'tmpfs', target: '/made/here' }] as const
    const process = await start(['/bin/sh', '-c', 'echo up; read x'], {
      root,
      mounts,
      container: true,
      start: { stdin: true },
    })
    await process.says('up')
    const made = [
      '/proc',
      '/sys',
      '/dev',
      '/etc',
      '/etc/resolv.conf',
      '/etc/hosts',
      '/etc/hostname',
      '/made',
      '/made/here',
    ]
    assert.equal([...process.mountPoints].sort(), made.sort())
    for (const path of process.mountPoints) assert.ok(lstatSync(join(upper, path)), path)
    process.endInput()
    await process.ended
    assert.equal(readdirSync(upper), [])
  })

  test('start() binds files and directories, writable or not, and keeps later mounts of either side apart', async ({
    start,
    directory,
  }) => {
    mkdirSync(join(directory, 'data/inner'), { recursive: true })
    writeFileSync(join(directory, 'data/file'), 'content')
    const mounts = [
      { kind: 'bind', source: join(directory, 'data'), target: '/rw', readonly: false },
      { kind: 'bind', source: join(directory, 'data/file'), target: '/one', readonly: true },
    ] as const
    const script =
      'cat /one; echo x > /one || echo no; mount -t tmpfs none /rw/inner && touch /rw/inner/hidden; echo w > /rw/w'
    const process = await start(['sh', '-c', script], { mounts, security: 'insecure' })
    await process.ended
    assert.is(process.printed.stdout, 'contentno\n')
    assert.is(readFileSync(join(directory, 'data/w'), 'utf8'), 'w\n')
    assert.equal(readdirSync(join(directory, 'data/inner')), [])
  })
}
