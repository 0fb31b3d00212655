import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip, containerWorkspace } from './container-workspace.js'

const options = { skip: containerSkip(), timeoutMs: 120_000 }

/** A command that runs until it is told to end, and is ready once it has said so. */
const service = ['sh', '-c', 'trap "exit 5" TERM; echo ready; while true; do sleep 0.05; done']

tests('tsbuild run', (test) => {
  test(
    'run passes on output, exit code and input, byte for byte',
    async () => {
      await using work = await containerWorkspace()
      const ended = await work.tsbuild(['run', '--rm', 'bb', 'sh', '-c', 'echo out; echo err >&2; exit 7'])
      assert.equal([ended.code, ended.stdout, ended.stderr], [7, 'out\n', 'err\n'])
      const bytes = randomBytes(1 << 20).toString('hex')
      const echoed = await work.tsbuild(['run', '--rm', '-i', 'bb', 'cat'], { input: bytes })
      assert.ok(echoed.stdout === bytes)
      assert.is(await work.ok(['run', '--rm', 'bb', 'cat'], { input: 'not for it' }), '')
      assert.is(await work.ok(['ps', '-aq']), '')
      assert.equal(await readdir(join(work.root, 'containers')), [])
    },
    options,
  )

  test(
    'run exits as docker run does when it cannot run',
    async () => {
      await using work = await containerWorkspace()
      const table: readonly [string[], number, RegExp][] = [
        [['bb', 'nosuch'], 127, /Cannot find the command "nosuch"/],
        [['bb', '/etc/passwd'], 126, /permission denied/],
        [['--pull=never', 'nosuch'], 125, /Cannot find image "nosuch"/],
        [['--pull=never', 'bb:lates'], 125, /Did you mean "bb:latest"/],
        [['--nosuch', 'bb'], 125, /unknown option '--nosuch'/],
        [['--entrypoint', '', 'bb'], 125, /neither it nor you say which command/],
        [['-v', 'data:/x', 'bb'], 125, /"data" is not an absolute path/],
        [['--mount', 'type=bind,src=/does/not/exist,dst=/x', 'bb'], 125, /no such file or directory on the host/],
        [['--name', 'x y', 'bb'], 125, /Cannot name container "x y"/],
        [['-u', 'nobody-here', 'bb', 'true'], 125, /nobody-here/],
        [['-t', '-i', 'bb'], 125, /the input device is not a TTY/],
        [['--stop-signal', 'NOPE', 'bb'], 125, /there is no such signal/],
      ]
      for (const [args, code, message] of table) {
        const ended = await work.tsbuild(['run', '--rm', ...args])
        assert.is(ended.code, code, `${args.join(' ')}: ${ended.stderr}`)
        assert.match(ended.stderr, message)
      }
      assert.is(await work.ok(['ps', '-aq']), '')
      const noImage = await work.tsbuild(['run'])
      assert.is(noImage.code, 1)
      assert.match(noImage.stderr, /missing required argument/)
    },
    options,
  )

  test(
    'run gives the command what the flags say',
    async () => {
      await using work = await containerWorkspace()
      const data = join(work.path, 'data')
      await mkdir(data)
      await writeFile(join(data, 'file'), 'from the host\n')
      await writeFile(join(work.path, 'env'), 'B=file\nC=file\n')
      const script = `
        echo "$A $B $C $FROM_IMAGE $HERE"; pwd; id -u; hostname; grep db /etc/hosts; ulimit -n
        cat /data/file; touch /data/x 2>/dev/null || echo readonly; touch /made/y; touch /x 2>/dev/null || echo root readonly
        touch /mem/z && echo memory`
      const out = await work
        .ok(
          [
            ...['run', '--rm', '-e', 'A=1', '-e', 'C=flag', '-e', 'HERE', '--env-file', join(work.path, 'env')],
            ...['-w', '/tmp', '-u', 'app', '-h', 'box', '--add-host', 'db:10.1.2.3', '--ulimit', 'nofile=99'],
            ...['-v', `${data}:/data:ro`, '-v', `${work.path}/made:/made`, '--tmpfs', '/mem', '--read-only'],
            ...['--network', 'none', '--cidfile', join(work.path, 'cid'), 'bb', 'sh', '-c', script],
          ],
          { env: { HERE: 'environment' } },
        )
        .catch((error: Error) => error.message)
      const lines = out.split('\n').map((line) => line.replaceAll('\t', ' '))
      assert.equal(
        lines.filter((line) => !/made/.test(line)),
        [
          ...['1 file flag yes environment', '/tmp', '1000', 'box', '10.1.2.3 db', '99', 'from the host', 'readonly'],
          ...['root readonly', 'memory'],
        ],
      )
      assert.match(await readFile(join(work.path, 'cid'), 'utf8'), /^[0-9a-f]{64}$/)
      assert.equal(await readdir(join(work.path, 'made')), [])
    },
    options,
  )

  test(
    'run leaves a container that keeps what it wrote, and start -a runs it again',
    async () => {
      await using work = await containerWorkspace()
      await work
        .ok(['run', '--name', 'job', 'bb', 'sh', '-c', 'echo x >> /count; wc -l < /count; exit 4'])
        .catch(() => {})
      assert.match(await work.ok(['ps', '-a', '--format', '{{.Names}} {{.Status}}']), /^job Exited \(4\) .* ago$/)
      const again = await work.tsbuild(['start', '-a', 'job'])
      assert.equal([again.code, again.stdout], [4, '2\n'])
      // a build sweeps what dead sessions left: the container's snapshot is none of that
      await work.write({ more: 'x' })
      await work.ok(['build', '-q', '-f', join(work.path, 'Dockerfile'), work.context])
      assert.is(await work.ok(['start', 'job']), 'job')
      assert.is(await work.ok(['wait', 'job']), '4')
      assert.is(await work.ok(['logs', 'job']), '1\n2\n3')
    },
    options,
  )

  test(
    'run -d leaves it running; logs, exec, stop and rm work from other processes',
    async () => {
      await using work = await containerWorkspace()
      const id = await work.ok(['run', '-d', '--name', 'web', '-e', 'A=own', '-l', 'tier=front', 'bb', ...service])
      assert.match(id, /^[0-9a-f]{64}$/)
      const logs = work.begin(['logs', '-f', 'web'])
      await logs.shows('ready')
      assert.is(await work.ok(['ps', '-q', '--no-trunc', '--filter', 'label=tier=front']), id)
      const script = 'echo $A $B $PWD; id -u; tr "\\0" " " < /proc/1/cmdline; exit 3'
      const joined = await work.tsbuild(['exec', '-e', 'B=2', '-w', '/tmp', '-u', '1000', 'web', 'sh', '-c', script])
      assert.is(joined.code, 3, joined.stderr)
      assert.match(joined.stdout, /^own 2 \/tmp\n1000\nsh -c trap/)
      assert.is((await work.tsbuild(['exec', 'web', 'nosuch'])).code, 127)
      await work.ok(['exec', '-d', 'web', 'sh', '-c', 'echo from exec > /dev/null; touch /marked'])
      const running = await work.tsbuild(['rm', 'web'])
      assert.is(running.code, 1)
      assert.match(running.stderr, /Cannot remove container "web": it is running\nHint: Stop it before/)
      assert.is(await work.ok(['stop', 'web']), 'web')
      assert.is((await logs.ended).code, 0)
      assert.is(await work.inspect('web', '{{.State.ExitCode}} {{.State.Status}} {{.State.Pid}}'), '5 exited 0')
      const refused = await work.tsbuild(['exec', 'web', 'ls'])
      assert.equal([refused.code, /does not run/.test(refused.stderr)], [1, true])
      assert.is(await work.ok(['rm', 'web']), 'web')
      assert.equal(work.monitors(), [])
    },
    options,
  )

  test(
    'run --rm -d removes it when it ends',
    async () => {
      await using work = await containerWorkspace()
      await work.ok([
        'run',
        '--rm',
        '-d',
        '--name',
        'short',
        'bb',
        'sh',
        '-c',
        'until [ -e /go ]; do sleep 0.05; done; exit 9',
      ])
      const wait = work.begin(['wait', 'short'])
      await work.ok(['exec', 'short', 'touch', '/go'])
      const { code, stdout, stderr } = await wait.ended
      // the waiting process may have come too late to find it
      if (code === 0) assert.is(stdout, '9\n')
      else assert.match(stderr, /no such container/)
      const gone = await work.tsbuild(['logs', '-f', 'short'])
      if (gone.code !== 0) assert.match(gone.stderr, /no such container/)
      assert.is(await work.ok(['ps', '-aq']), '')
      assert.equal(await readdir(join(work.root, 'containers')), [])
      assert.equal(await readdir(join(work.root, 'snapshots', '_active')), [])
    },
    options,
  )

  test(
    'stop sends the stop signal and kills after its time; kill sends any',
    async () => {
      await using work = await containerWorkspace()
      const script = 'trap "exit 6" QUIT; trap "echo again" HUP; echo ready; while true; do sleep 0.05; done'
      await work.ok(['run', '-d', '--name', 'one', '--stop-signal', 'QUIT', 'bb', 'sh', '-c', script])
      const logs = work.begin(['logs', '-f', 'one'])
      await logs.shows('ready')
      await work.ok(['kill', '-s', 'HUP', 'one'])
      await logs.shows('again')
      await work.ok(['stop', 'one'])
      assert.is(await work.ok(['wait', 'one']), '6')
      await work.ok(['run', '-d', '--name', 'deaf', 'bb', 'sleep', '1000'])
      await work.ok(['stop', '-t', '0', 'deaf'])
      assert.is(await work.ok(['wait', 'deaf']), '137')
      const late = await work.tsbuild(['kill', 'deaf'])
      assert.equal([late.code, /does not run/.test(late.stderr)], [1, true])
      const wrong = await work.tsbuild(['kill', '-s', 'NOPE', 'deaf'])
      assert.match(wrong.stderr, /there is no such signal/)
      await work.ok(['start', 'deaf'])
      await work.ok(['restart', '-t', '0', 'deaf'])
      assert.is(await work.inspect('deaf', '{{.State.Running}}'), 'true')
    },
    options,
  )

  test(
    'names and ids are found, also when they are cut short, and mistakes are told',
    async () => {
      await using work = await containerWorkspace()
      const id = await work.ok(['create', '--name', 'storage', 'bb'])
      const other = await work.ok(['create', 'bb'])
      const look = (name: string) => work.tsbuild(['container', 'inspect', '-f', '{{.Id}}', name])
      for (const name of ['storage', '/storage', id, id.slice(0, 12)]) assert.is((await look(name)).stdout.trim(), id)
      assert.match((await look('storge')).stderr, /no such container\nHint: Did you mean "storage"/)
      assert.match(await work.inspect(other, '{{.Name}}'), /^\/[a-z]+_[a-z]+\d*$/)
      const taken = await work.tsbuild(['create', '--name', 'storage', 'bb'])
      assert.is(taken.code, 1)
      assert.match(taken.stderr, /Cannot name container "storage": container [0-9a-f]{64} has that name/)
      const renamed = await work.tsbuild(['rename', other, 'storage'])
      assert.match(renamed.stderr, /has that name/)
      await work.ok(['rename', 'storage', 'store'])
      assert.is(await work.inspect('store', '{{.Id}}'), id)
      const mixed = await work.tsbuild(['rm', 'store', 'nosuch'])
      assert.equal([mixed.code, mixed.stdout], [1, 'store\n'])
      assert.match(mixed.stderr, /Cannot find container "nosuch"/)
      assert.is((await work.tsbuild(['rm', '-f', 'nosuch'])).code, 0)
      assert.match(await work.ok(['container', 'prune', '-f']), new RegExp(`^Deleted Containers:\n${other}\n\nTotal`))
    },
    options,
  )

  test(
    'logs shows the tail, times, and each stream where it belongs',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['run', '--name', 'chat', 'bb', 'sh', '-c', 'for i in 1 2 3 4 5; do echo $i; done; printf end'])
      assert.is((await work.tsbuild(['logs', '--tail', '2', 'chat'])).stdout, '5\nend')
      await work.ok(['run', '--name', 'streams', 'bb', 'sh', '-c', 'echo good; echo bad >&2'])
      const both = await work.tsbuild(['logs', 'streams'])
      assert.equal([both.stdout, both.stderr], ['good\n', 'bad\n'])
      const timed = await work.ok(['logs', '-t', 'chat'])
      assert.is(timed.split('\n').filter((line) => /^\d{4}-\d\d-\d\dT[\d:.]+Z (\d|end)$/.test(line)).length, 6)
      assert.is(await work.ok(['logs', '--until', '2020-01-01', 'chat']), '')
      assert.is(await work.ok(['logs', '--since', '1h', '-n', '0', 'chat']), '')
      assert.is((await work.tsbuild(['logs', '--tail', 'x', 'chat'])).code, 125)
    },
    options,
  )

  test(
    'a health check shows starting, healthy and unhealthy',
    async () => {
      await using work = await containerWorkspace()
      const flags = ['--health-cmd', 'echo looked; test -e /ok', '--health-interval', '50ms', '--health-retries', '2']
      await work.ok(['run', '-d', '--name', 'patient', ...flags, 'bb', 'sleep', '1000'])
      const status = () => work.ok(['ps', '--format', '{{.Status}}'])
      const becomes = async (text: string) => {
        for (;;) if ((await status()).includes(text)) return
      }
      await becomes('(unhealthy)')
      const log = JSON.parse(await work.inspect('patient', '{{json .State.Health}}'))
      assert.ok(log.FailingStreak >= 2)
      assert.equal([log.Log[0].ExitCode, log.Log[0].Output], [1, 'looked\n'])
      await work.ok(['exec', 'patient', 'touch', '/ok'])
      await becomes('(healthy)')
      await work.ok(['run', '-d', '--name', 'young', '--health-cmd', 'true', 'bb', 'sleep', '1000'])
      assert.match(await work.ok(['ps', '--filter', 'name=young', '--format', '{{.Status}}']), /\(health: starting\)$/)
    },
    options,
  )
})
