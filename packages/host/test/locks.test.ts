import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyLocks, openSessionLocks, removeFreeLocks, tryLockFile } from '@tsbuild/host'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const host = import.meta.resolve('@tsbuild/host')

/** Another process that runs `code`; resolves when it prints its first line, with that line. */
async function other(code: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `import * as host from '${host}'\n${code}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (data) => resolve(String(data).trim())),
  )
  return { child, line }
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

tests('locks', (test) => {
  test('openSessionLocks() tells living sessions from dead ones', async () => {
    await using dir = await tempDir()
    await using locks = openSessionLocks(join(dir.path, 'locks'))
    assert.match(locks.session, /^[a-z0-9]{8,24}$/)
    const { child, line } = await other(
      `console.log(host.openSessionLocks('${dir.path}/locks').session); setInterval(() => {}, 1000)`,
    )
    assert.equal((await locks.list()).sort(), [locks.session, line].sort())
    assert.is(locks.takeDead(line), undefined)
    assert.is(locks.takeDead(locks.session), undefined)
    await killed(child)
    const dead = locks.takeDead(line)
    assert.ok(dead)
    assert.is(locks.takeDead(line), undefined)
    await dead[Symbol.asyncDispose]()
    assert.equal(await locks.list(), [locks.session])
    await locks[Symbol.asyncDispose]()
    assert.equal(readdirSync(join(dir.path, 'locks')), [])
  })

  test('takeDead() takes a session whose lock file is gone, and no foreign names', async () => {
    await using dir = await tempDir()
    await using locks = openSessionLocks(dir.path)
    await using dead = locks.takeDead('abcdefgh1234')
    assert.ok(dead)
    for (const name of ['../x', '', 'UPPERCASE', 'short', 'a/b/c/d/e']) assert.is(locks.takeDead(name), undefined)
  })

  test('openSessionLocks() says what is wrong with the directory', async () => {
    await using dir = await tempDir()
    writeFileSync(join(dir.path, 'file'), '')
    assert.throws(() => openSessionLocks(join(dir.path, 'file')))
  })

  test('tryLockFile() refuses a link', async () => {
    await using dir = await tempDir()
    const { symlinkSync } = await import('node:fs')
    symlinkSync(join(dir.path, 'target'), join(dir.path, 'link'))
    assert.throws(
      () => tryLockFile(join(dir.path, 'link')),
      (error: unknown) => hasCode(error, 'LOCK_UNUSABLE'),
    )
    assert.not.ok(existsSync(join(dir.path, 'target')))
  })

  test('acquire() lets one in at a time, in order, and removes its file', async () => {
    await using dir = await tempDir()
    const locks = createKeyLocks(dir.path)
    const order: number[] = []
    let inside = 0
    const enter = async (index: number) => {
      await using _ = await locks.acquire('name')
      assert.is(++inside, 1)
      await new Promise((resolve) => setTimeout(resolve, 2))
      order.push(index)
      inside--
    }
    await Promise.all(Array.from({ length: 10 }, (_, index) => enter(index)))
    assert.equal(
      order,
      Array.from({ length: 10 }, (_, index) => index),
    )
    assert.equal(readdirSync(dir.path), [])
  })

  test('acquire() does not wait for other names', async () => {
    await using dir = await tempDir()
    const locks = createKeyLocks(dir.path)
    await using _a = await locks.acquire('a')
    await using _b = await locks.acquire('b')
    assert.is(readdirSync(dir.path).length, 2)
  })

  test('acquire() gives up by signal, and who waits behind goes on', async () => {
    await using dir = await tempDir()
    const locks = createKeyLocks(dir.path)
    const first = await locks.acquire('x')
    const second = locks.acquire('x', { signal: AbortSignal.timeout(20) }).catch((error: unknown) => error)
    const third = locks.acquire('x')
    assert.is(((await second) as Error).name, 'TimeoutError')
    await first[Symbol.asyncDispose]()
    await (await third)[Symbol.asyncDispose]()
    await (await locks.acquire('x', { signal: AbortSignal.timeout(1000) }))[Symbol.asyncDispose]()
  })

  test('acquire() excludes other processes, and gets the lock when they die', async () => {
    await using dir = await tempDir()
    const locks = createKeyLocks(dir.path)
    const { child } = await other(
      `await host.createKeyLocks('${dir.path}').acquire('k'); console.log('held'); setInterval(() => {}, 1000)`,
    )
    const refused = await locks.acquire('k', { signal: AbortSignal.timeout(150) }).catch((error: unknown) => error)
    assert.is((refused as Error).name, 'TimeoutError')
    const waiting = locks.acquire('k')
    await killed(child)
    await (await waiting)[Symbol.asyncDispose]()
  })

  test('acquire() never lets two processes in, whoever removes the file', async () => {
    await using dir = await tempDir()
    const code = `
      import { mkdirSync, rmdirSync } from 'node:fs'
      const locks = host.createKeyLocks('${dir.path}/locks')
      let clashes = 0
      for (let i = 0; i < 100; i++) {
        await using _ = await locks.acquire('k')
        try { mkdirSync('${dir.path}/inside') } catch { clashes++ }
        await null
        rmdirSync('${dir.path}/inside')
      }
      console.log(clashes)`
      .replace('await using _ =', 'const held =')
      .replace(/rmdirSync\('(.*)'\)\n/, "rmdirSync('$1'); await held[Symbol.asyncDispose]()\n")
    const results = await Promise.all([other(code), other(code), other(code)])
    assert.equal(
      results.map(({ line }) => line),
      ['0', '0', '0'],
    )
  })

  test('removeFreeLocks() removes what dead processes left, and nothing that is held', async () => {
    await using dir = await tempDir()
    const directory = join(dir.path, 'locks')
    await removeFreeLocks(directory)
    await using locks = openSessionLocks(directory)
    await using _held = await createKeyLocks(directory).acquire('held')
    const mine = readdirSync(directory).sort()
    const { child } = await other(
      `host.openSessionLocks('${directory}'); await host.createKeyLocks('${directory}').acquire('lost'); console.log(1); setInterval(() => {}, 1000)`,
    )
    await removeFreeLocks(directory)
    assert.is(readdirSync(directory).length, 4)
    await killed(child)
    writeFileSync(join(directory, 'other'), '')
    await removeFreeLocks(directory)
    assert.equal(readdirSync(directory).sort(), [...mine, 'other'].sort())
    assert.ok(locks.session)
  })
})
