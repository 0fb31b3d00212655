import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { type Container, type Engine, openEngine } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip, containerWorkspace } from './container-workspace.js'

const options = { skip: containerSkip(), timeoutMs: 120_000 }

async function refused(code: string, action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(hasCode(error, code), `${code}, not ${String(error)}`)
  return (error as Error).message
}

async function firstLine(container: Container): Promise<string> {
  for await (const { data } of container.logs({ follow: true })) return Buffer.from(data).toString()
  return ''
}

tests('engine.containers', (test) => {
  test(
    'exec() scripts an image without starting the container',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const c = await engine.containers.create({ image: 'bb', env: { A: '1' }, cwd: '/work', user: 'app' })
      await c.exec(['sh', '-c', 'echo $A $B > /tmp/f'], { env: { B: '2' }, check: true })
      assert.equal(await c.exec(['sh', '-c', 'cat /tmp/f; pwd; id -u; echo oops >&2; exit 3']), {
        exitCode: 3,
        stdout: '1 2\n/work\n1000\n',
        stderr: 'oops\n',
      })
      // an ENTRYPOINT or CMD plays no part, nor does the state
      assert.is((await c.inspect()).state.status, 'created')
      assert.equal(work.monitors(), [])
      const message = await refused('COMMAND_FAILED', c.exec(['sh', '-c', 'echo why >&2; exit 2'], { check: true }))
      assert.match(message, /it exited with 2$/)
      await refused('COMMAND_NOT_FOUND', c.exec(['nosuch']))
      await refused('COMMAND_MISSING', c.exec([]))
      await refused('CONTAINER_NOT_RUNNING', c.exec(['true'], { runningOnly: true }))
      const many = Array.from({ length: 4 }, (_, n) => c.exec(['sh', '-c', `echo ${n} >> /tmp/many`], { check: true }))
      await Promise.all(many)
      assert.is((await c.exec(['wc', '-l', '/tmp/many'])).stdout, '4 /tmp/many\n')
      await c.remove()
      await refused('CONTAINER_NOT_FOUND', c.inspect())
    },
    options,
  )

  test(
    'exec() takes streams and a signal, and keeps the end of long output',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const c = await engine.containers.create({ image: 'bb' })
      const stdout = new PassThrough()
      const text = stdout.setEncoding('utf8').toArray()
      const streamed = await c.exec(['cat'], { stdin: Readable.from(['one ', 'two']), stdout })
      stdout.end()
      assert.equal([streamed.stdout, (await text).join('')], ['', 'one two'])
      assert.is((await c.exec(['cat'], { stdin: Buffer.from([0x68, 0x69]) })).stdout, 'hi')
      assert.is((await c.exec(['seq', '100000'], { maxOutputBytes: 7 })).stdout, '100000\n')
      const stop = new AbortController()
      const said = new PassThrough().setEncoding('utf8')
      said.once('data', () => stop.abort(new Error('enough')))
      const action = c.exec(['sh', '-c', 'echo up; sleep 1000'], { signal: stop.signal, stdout: said })
      assert.match(String(await action.catch((error: unknown) => error)), /enough/)
      assert.is((await c.exec(['echo', 'free again'])).stdout, 'free again\n')
      const turns = await engine.containers.create({ image: 'bb', command: ['sh', '-c', 'echo y >> /f; exit 7'] })
      await turns.exec(['sh', '-c', 'echo x > /f'], { check: true })
      await turns.start()
      assert.is(await turns.wait(), 7)
      assert.is((await turns.exec(['cat', '/f'])).stdout, 'x\ny\n')
    },
    options,
  )

  test(
    'start() attaches, exec() joins, stop() and wait() tell the end',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const script = 'trap "echo bye; exit 5" TERM; read line; echo got $line; while true; do sleep 0.05; done'
      const c = await engine.containers.create({ image: 'bb', command: ['sh', '-c', script], stdin: true })
      let output = ''
      let heard = () => {}
      const hears = (text: string) =>
        new Promise<void>((resolve) => {
          heard = () => output.includes(text) && resolve()
          heard()
        })
      const onOutput = (_: string, chunk: Uint8Array) => {
        output += Buffer.from(chunk).toString()
        heard()
      }
      await using attachment = await c.start({ attach: { stdin: true, onOutput } })
      await attachment?.write(Buffer.from('hello\n'))
      await hears('got hello\n')
      const { stdout } = await c.exec(['tr', '\\0', ' '], { stdin: Readable.from(['x']) })
      assert.is(stdout, 'x')
      assert.match((await c.exec(['cat', '/proc/1/cmdline'])).stdout, /^sh\0-c\0trap/)
      assert.is(await c.start(), undefined)
      await refused('CONTAINER_RUNNING', c.remove())
      const [listed] = await engine.containers.list()
      assert.equal([listed?.id, listed?.status, listed?.image], [c.id, 'running', 'bb'])
      await c.stop()
      assert.equal([await attachment?.ended, await c.wait()], [5, 5])
      assert.is(output, 'got hello\nbye\n')
      await refused('CONTAINER_NOT_RUNNING', c.kill())
      await refused('CONTAINER_NOT_RUNNING', c.attach())
      await refused('CONTAINER_NOT_RUNNING', c.execDetached(['true']))
      assert.equal(await engine.containers.list(), [])
      assert.is(await firstLine(c), 'got hello\n')
    },
    options,
  )

  test(
    'stop() kills a container whose stop signal no kernel has, and refuses to send such a signal',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const c = await engine.containers.create({ image: 'bb', command: ['sleep', '1000'], stopSignal: '100' })
      await c.start()
      await refused('OPTION_INVALID', c.kill('100'))
      await refused('OPTION_INVALID', c.stop({ stopSignal: '100' }))
      await c.stop({ timeoutSeconds: -1 })
      assert.is(await c.wait(), 137)
    },
    options,
  )

  test(
    'remove() with force ends an exec in a container that does not run, in this and in another process',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const removals = [
        (c: Container) => c.remove({ force: true }),
        (c: Container) => work.ok(['rm', '-f', c.id]),
      ] as const
      for (const remove of removals) {
        const c = await engine.containers.create({ image: 'bb' })
        const stdout = new PassThrough()
        const exec = c.exec(['sh', '-c', 'echo up; sleep 1000'], { stdout })
        await once(stdout, 'data')
        await remove(c)
        assert.is((await exec).exitCode, 137)
        await refused('CONTAINER_NOT_FOUND', c.inspect())
      }
      assert.equal(await engine.containers.list({ all: true }), [])
    },
    options,
  )

  test(
    'run() collects the output; its signal stops the container',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const { exitCode, stdout, stderr } = await engine.containers.run({
        image: 'bb',
        command: ['sh', '-c', 'echo out; echo err >&2; exit 3'],
        autoRemove: true,
      })
      assert.equal([exitCode, stdout, stderr], [3, 'out\n', 'err\n'])
      assert.equal(await engine.containers.list({ all: true }), [])
      const stop = new AbortController()
      const said = new PassThrough()
      said.once('data', () => stop.abort(new Error('enough')))
      const run = engine.containers.run({
        image: 'bb',
        command: ['sh', '-c', 'trap "exit 1" TERM; echo up; while true; do sleep 0.05; done'],
        name: 'long',
        stdout: said,
        signal: stop.signal,
      })
      assert.match(String(await run.catch((error: unknown) => error)), /enough/)
      const long = await engine.containers.get('long')
      assert.equal([await long.wait(), (await long.inspect()).state.status], [1, 'exited'])
    },
    options,
  )

  test(
    'create() refuses what was not granted, and leaves nothing when it fails',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const create = (more: Parameters<Engine['containers']['create']>[0]) => engine.containers.create(more)
      await refused('ENTITLEMENT_MISSING', create({ image: 'bb', privileged: true }))
      await refused('ENTITLEMENT_MISSING', create({ image: 'bb', sandbox: { capAdd: ['SYS_ADMIN'] } }))
      await refused('IMAGE_NOT_FOUND', create({ image: 'nosuch', pull: 'never' }))
      await refused('OPTION_INVALID', create({ image: 'bb', cwd: 'relative' }))
      const stop = AbortSignal.abort(new Error('no'))
      await create({ image: 'bb', signal: stop }).then(
        () => assert.unreachable(),
        (error: unknown) => assert.match(String(error), /no/),
      )
      assert.equal(await engine.containers.list({ all: true }), [])
      await using privileged = await openEngine({ root: work.root, entitlements: ['security.insecure'] })
      const c = await privileged.containers.create({ image: 'bb', privileged: true })
      await refused('ENTITLEMENT_MISSING', (await engine.containers.get(c.name)).exec(['true'], { privileged: true }))
      assert.is((await c.exec(['sh', '-c', 'mkdir -p /mnt && mount -t tmpfs x /mnt'])).exitCode, 0)
    },
    options,
  )
})
