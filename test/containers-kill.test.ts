import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip, containerWorkspace, isAlive, program, until } from './container-workspace.js'

const options = { skip: containerSkip(), timeoutMs: 120_000 }
const terminal = { ...options, skip: options.skip ?? (findProgram('script') ? undefined : 'script is not installed') }

/** Goes on until /go is there. */
const waiting = (then: string) => ['sh', '-c', `echo up; until [ -e /go ]; do sleep 0.05; done; ${then}`]

tests('containers and the ends of others', (test) => {
  test(
    'Ctrl-C of a foreground run goes to the command, and its exit code comes back',
    async () => {
      await using work = await containerWorkspace()
      const script = 'trap "echo caught; exit 3" INT; echo up; while true; do sleep 0.05; done'
      const run = work.begin(['run', '--rm', 'bb', 'sh', '-c', script])
      await run.shows('up')
      run.child.kill('SIGINT')
      const { code, stdout } = await run.ended
      assert.equal([code, stdout], [3, 'up\ncaught\n'])
      assert.is(await work.ok(['ps', '-aq']), '')
    },
    options,
  )

  test(
    'the third Ctrl-C leaves a command alone that does not listen',
    async () => {
      await using work = await containerWorkspace()
      const run = work.begin([
        'run',
        '--name',
        'deaf',
        'bb',
        'sh',
        '-c',
        'trap "echo no" INT; echo up; while true; do sleep 0.05; done',
      ])
      await run.shows('up')
      run.child.kill('SIGINT')
      await run.shows('no')
      run.child.kill('SIGINT')
      await run.shows('no\nno')
      run.child.kill('SIGINT')
      const { code, stderr } = await run.ended
      assert.is(code, 1)
      assert.match(stderr, /forcefully exiting/)
      assert.is(await work.inspect('deaf', '{{.State.Status}}'), 'running')
    },
    options,
  )

  test(
    'kill -9 of a run before its container began: the monitor ends, too, and the container can be started',
    async () => {
      await using work = await containerWorkspace()
      const run = work.begin(['run', '-d', '--name', 'early', 'bb', 'sleep', '1000'])
      await until('a monitor', () => work.monitors().length > 0)
      run.child.kill('SIGKILL')
      await run.ended
      // Where the kill came late, the container runs, and its monitor is right to stay.
      await until('the end of the monitor, or a container that runs', async () => {
        return work.monitors().length === 0 || (await work.inspect('early', '{{.State.Status}}')) === 'running'
      })
      await work.ok(['start', 'early'])
      await work.ok(['rm', '-f', 'early'])
      await until('the end of the monitors', () => work.monitors().length === 0)
    },
    options,
  )

  test(
    'kill -9 of a foreground run: the container goes on, is waited for, and removes itself',
    async () => {
      await using work = await containerWorkspace()
      const run = work.begin(['run', '--rm', '--name', 'on', 'bb', ...waiting('echo late; exit 8')])
      await run.shows('up')
      run.child.kill('SIGKILL')
      await run.ended
      assert.match(await work.ok(['ps', '--format', '{{.Names}} {{.Status}}']), /^on Up /)
      const attached = work.begin(['attach', 'on'])
      const logs = work.begin(['logs', '-f', 'on'])
      await logs.shows('up')
      await work.ok(['exec', 'on', 'touch', '/go'])
      assert.is((await logs.ended).stdout, 'up\nlate\n')
      assert.is((await attached.ended).code, 8)
      assert.is(await work.ok(['ps', '-aq']), '')
      assert.equal(work.monitors(), [])
    },
    options,
  )

  test(
    'kill -9 of a container process is an exit with 137',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['run', '-d', '--name', 'victim', 'bb', 'sleep', '1000'])
      const pid = Number(await work.inspect('victim', '{{.State.Pid}}'))
      const wait = work.begin(['wait', 'victim'])
      process.kill(pid, 'SIGKILL')
      assert.is((await wait.ended).stdout, '137\n')
      assert.match(await work.ok(['ps', '-a', '--format', '{{.Status}}']), /^Exited \(137\)/)
      assert.equal(work.monitors(), [])
    },
    options,
  )

  test(
    'kill -9 of the monitor: the container dies with it, ps says so, and it starts again with its files',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['run', '-d', '--name', 'orphan', 'bb', 'sh', '-c', 'echo x >> /kept; wc -l < /kept; sleep 1000'])
      const logs = work.begin(['logs', '-f', 'orphan'])
      await logs.shows('1')
      const pid = Number(await work.inspect('orphan', '{{.State.Pid}}'))
      const wait = work.begin(['wait', 'orphan'])
      const attached = work.begin(['attach', 'orphan'])
      const [monitor = 0, ...more] = work.monitors()
      assert.equal(more, [])
      process.kill(monitor, 'SIGKILL')
      assert.is((await logs.ended).code, 0)
      assert.is((await wait.ended).stdout, '137\n')
      // it may have come too late to attach
      assert.ok([137, 1].includes((await attached.ended).code ?? 0))
      await until('the end of the container', () => !isAlive(pid))
      assert.match(await work.ok(['ps', '-a', '--format', '{{.Status}}']), /^Exited \(137\)/)
      assert.is(await work.inspect('orphan', '{{.State.Error}}'), 'its monitor was killed')
      await work.ok(['start', 'orphan'])
      const again = work.begin(['logs', '-f', 'orphan'])
      await again.shows('2')
      const [next = 0] = work.monitors()
      process.kill(next, 'SIGKILL')
      await again.ended
      assert.is(await work.ok(['rm', 'orphan']), 'orphan')
      assert.equal(await readdir(join(work.root, 'snapshots', '_active')), [])
    },
    options,
  )

  test(
    'a container of --rm whose monitor was killed is gone, and swept',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['run', '--rm', '-d', '--name', 'lost', 'bb', 'sleep', '1000'])
      const pid = Number(await work.inspect('lost', '{{.State.Pid}}'))
      for (const monitor of work.monitors()) process.kill(monitor, 'SIGKILL')
      await until('the end of the container', () => !isAlive(pid))
      assert.is(await work.ok(['ps', '-aq']), '')
      await work.ok(['run', '--rm', '--name', 'next', 'bb', 'true'])
      assert.equal(await readdir(join(work.root, 'containers')), [])
      assert.equal(await readdir(join(work.root, 'snapshots', '_active')), [])
    },
    options,
  )

  test(
    'two processes start, name, stop and remove the same container at once',
    async () => {
      await using work = await containerWorkspace()
      const both = async (...args: string[]) => {
        const ends = await Promise.all([work.tsbuild(args), work.tsbuild(args)])
        return ends.sort((a, b) => (a.code ?? 0) - (b.code ?? 0))
      }
      const [made, refused] = await both('create', '--name', 'same', 'bb', 'sh', '-c', 'echo x >> /runs; sleep 1000')
      assert.equal([made?.code, refused?.code], [0, 1])
      assert.match(refused?.stderr ?? '', /has that name/)
      for (const { code, stderr } of await both('start', 'same')) assert.is(code, 0, stderr)
      assert.is(work.monitors().length, 1)
      assert.is(await work.ok(['exec', 'same', 'wc', '-l', '/runs']), '1 /runs')
      for (const { code, stderr } of await both('stop', '-t', '0', 'same')) assert.is(code, 0, stderr)
      await work.ok(['start', 'same'])
      for (const { code, stderr } of await both('rm', '-f', 'same')) assert.is(code, 0, stderr)
      assert.is(await work.ok(['ps', '-aq']), '')
      assert.equal(work.monitors(), [])
      assert.equal(await readdir(join(work.root, 'containers')), [])
    },
    options,
  )

  test(
    'a reader that goes away ends a foreground run',
    async () => {
      await using work = await containerWorkspace()
      const line = `"${process.execPath}" "${program}" run --rm bb yes | head -n 2`
      const { stdout } = await work.spawn(['sh', '-c', line]).ended
      assert.is(stdout, 'y\ny\n')
      await until('the end of the monitor', () => work.monitors().length === 0)
      assert.is(await work.ok(['ps', '-aq']), '')
    },
    options,
  )

  test(
    'run -it has a terminal, and its keys leave it running',
    async () => {
      await using work = await containerWorkspace()
      const command = (args: string) => ['script', '-qec', `"${process.execPath}" "${program}" ${args}`, '/dev/null']
      const run = work.spawn(command('run -it --name shell bb sh'))
      await run.shows('#')
      run.child.stdin?.write('test -t 0 && echo a-$TERM; tty\n')
      await run.shows('a-xterm')
      run.child.stdin?.write('\u0010\u0011')
      await run.ended
      assert.is(await work.inspect('shell', '{{.State.Status}}'), 'running')
      const attached = work.spawn(command('attach shell'))
      attached.child.stdin?.write('echo back-$((40+2)); exit 4\n')
      await attached.shows('back-42')
      assert.is((await attached.ended).code, 4)
      await work.ok(['start', 'shell'])
      const exec = work.spawn(command('exec -it shell sh'))
      await exec.shows('#')
      exec.child.stdin?.write('tty; exit 6\n')
      assert.match(await exec.shows('/dev/pts/'), /\/dev\/pts\//)
      assert.is((await exec.ended).code, 6)
    },
    terminal,
  )
})
