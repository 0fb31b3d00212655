import { execFileSync } from 'node:child_process'
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { type ContainerWorkspace, containerSkip, containerWorkspace, program, until } from './container-workspace.js'

const options = { skip: containerSkip(), timeoutMs: 120_000 }
const service = ['sh', '-c', 'echo started > /started; trap "exit 0" TERM; while true; do sleep 0.05; done']

/** A container of `script` that has ended, on snapshots of either kind. */
async function ended(work: ContainerWorkspace, name: string, script: string, ...flags: string[]): Promise<void> {
  await work.ok(['run', '--name', name, ...flags, 'bb', 'sh', '-c', script])
}

async function running(work: ContainerWorkspace, name: string, ...flags: string[]): Promise<void> {
  await work.ok(['run', '-d', '--name', name, ...flags, 'bb', ...service])
  await until('the service', async () => (await work.tsbuild(['exec', name, 'test', '-s', '/started'])).code === 0)
}

const changes = [
  'set -e',
  'mkdir -p /new/deep; echo x > /new/deep/f; ln /new/deep/f /new/twin; ln -s f /new/deep/link',
  'rm /etc/group; echo more >> /etc/passwd; chmod 711 /home; rm -r /home/app; mkdir /home/app; touch /home/app/own',
  'echo text > /etc/hosts',
].join('\n')

const changed = [
  'C /etc',
  'D /etc/group',
  'C /etc/passwd',
  'C /home',
  'C /home/app',
  'A /home/app/own',
  'A /new',
  'A /new/deep',
  'A /new/deep/f',
  'A /new/deep/link',
  'A /new/twin',
]

tests('files of a container', (test) => {
  test(
    'diff tells added, changed and deleted paths, and none of the runtime, also while it runs',
    async () => {
      await using work = await containerWorkspace()
      await ended(work, 'done', changes)
      assert.equal((await work.ok(['diff', 'done'])).split('\n'), changed)
      await running(work, 'going', '-v', `${work.path}/volume:/some/volume`, '--tmpfs', '/memory')
      await work.ok(['exec', 'going', 'touch', '/some/volume/outside', '/memory/outside', '/inside'])
      assert.is(await work.ok(['diff', 'going']), 'A /inside\nA /started')
      await using engine = await openEngine({ root: work.root })
      const found = await (await engine.containers.get('done')).diff()
      assert.equal(found[0], { kind: 'changed', path: '/etc' })
    },
    options,
  )

  test(
    'commit keeps changes, links and deletions, and what run was told, of a container that runs or not',
    async () => {
      await using work = await containerWorkspace()
      const flags = ['-e', 'ADDED=1', '-w', '/new', '-u', '0:0', '-l', 'tier=front', '--expose', '81']
      await ended(work, 'done', changes, ...flags)
      const id = await work.ok(['commit', '-c', 'ENV MORE=$ADDED', '-c', 'USER app', 'done', 'made:1'])
      const script =
        'ls -id deep/f twin | while read i n; do echo $i; done | uniq | wc -l; ls /home/app; test -e /etc/group || echo gone'
      const seen = await work.ok(['run', '--rm', 'made:1', 'sh', '-c', `${script}; echo $ADDED$MORE; id -u; pwd`])
      assert.equal(seen.split('\n'), ['1', 'own', 'gone', '11', '1000', '/new'])
      const config = JSON.parse(await work.ok(['inspect', '-f', '{{json .Config}}', 'made:1']))
      assert.equal(config.Labels, { tier: 'front' })
      assert.equal(config.ExposedPorts, { '81/tcp': {} })
      assert.ok(config.Env.includes('FROM_IMAGE=yes'))
      const layers = (name: string) => work.ok(['inspect', '-f', '{{len .RootFS.Layers}}', name])
      assert.is(Number(await layers('made:1')), Number(await layers('bb')) + 1)
      await running(work, 'going')
      const unnamed = await work.ok(['commit', 'going'])
      assert.is(await work.ok(['run', '--rm', unnamed, 'cat', '/started']), 'started')
      await ended(work, 'idle', 'true')
      await work.ok(['commit', 'idle', 'same'])
      assert.is(await layers('same'), await layers('bb'), 'without changes there is no layer')
      assert.match(id, /^sha256:/)
      const wrong = await work.tsbuild(['commit', '-c', 'RUN ls', 'done'])
      assert.is(wrong.code, 1)
      assert.match(wrong.stderr, /"RUN" is not allowed here/)
    },
    options,
  )

  test(
    'commit is consistent while a container writes, which goes on; so it is with --pause=false, without that promise',
    async () => {
      await using work = await containerWorkspace()
      const script = 'i=0; while true; do i=$((i+1)); echo $i >> /a; echo $i >> /b; done'
      await work.ok(['run', '-d', '--name', 'writer', 'bb', 'sh', '-c', script])
      const count = async (...command: string[]) => {
        const text = await work.ok([...command, 'sh', '-c', 'wc -l < /a; wc -l < /b'])
        return text.split('\n').map(Number) as [number, number]
      }
      await until('both files', async () => (await work.tsbuild(['exec', 'writer', 'test', '-s', '/b'])).code === 0)
      for (const name of ['one', 'two']) {
        await work.ok(['commit', 'writer', name])
        const [a, b] = await count('run', '--rm', name)
        assert.ok(b > 0 && (a === b || a === b + 1), `${a} and ${b} lines`)
        await until('more lines', async () => (await count('exec', 'writer'))[0] > a)
      }
      await work.ok(['commit', '--pause=false', 'writer', 'three'])
      const [a] = await count('run', '--rm', 'three')
      assert.ok(a > 0)
      await work.ok(['rm', '-f', 'writer'])
    },
    options,
  )

  test(
    'commit, diff and export work on native snapshots, without touching the container',
    async () => {
      await using work = await containerWorkspace()
      const native = { env: { TSBUILD_ROOT: join(work.path, 'native') } }
      const flags = ['--snapshotter', 'native']
      await writeFile(join(work.path, 'D'), 'FROM scratch\nCOPY . /\n')
      await work.ok(['build', '-q', ...flags, '-t', 'bb', '-f', join(work.path, 'D'), work.context], native)
      await work.ok(['run', ...flags, '--name', 'done', 'bb', 'sh', '-c', changes], native)
      await using engine = await openEngine({ root: native.env.TSBUILD_ROOT, snapshotter: 'native' })
      const container = await engine.containers.get('done')
      const lines = (await container.diff()).map(({ kind, path }) => `${kind[0]?.toUpperCase()} ${path}`)
      assert.equal(lines, changed)
      const { id } = await container.commit({ name: 'made' })
      await container.exec(['sh', '-c', 'echo later >> /new/deep/f'], { check: true })
      const again = await engine.containers.create({ image: id })
      const read = await again.exec(['cat', '/new/deep/f', '/new/twin'], { check: true })
      assert.is(read.stdout, 'x\nx\n', 'the image has a copy of its own')
      await again.remove()
      await container.remove()
    },
    options,
  )

  test(
    'export writes all files but those of the runtime, and refuses a terminal',
    async () => {
      await using work = await containerWorkspace()
      await running(work, 'going', '-v', `${work.path}/volume:/some/volume`)
      const file = join(work.path, 'all.tar')
      await work.ok(['export', '-o', file, 'going'])
      const names = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).split('\n')
      assert.ok(names.includes('bin/busybox') && names.includes('started'))
      for (const name of ['proc/', 'sys/', 'some/', 'etc/resolv.conf', 'dev/console']) {
        if (!(await exists(join(work.context, name)))) assert.not.ok(names.includes(name), name)
      }
      await work.ok(['import', file, 'flat'])
      assert.is(await work.ok(['run', '--rm', 'flat', 'cat', '/started']), 'started')
      const unknown = await work.tsbuild(['export', '-o', join(work.path, 'none.tar'), 'nosuch'])
      assert.equal([unknown.code, await exists(join(work.path, 'none.tar'))], [1, false])
    },
    options,
  )
})

tests('mounts of containers on the host', (test) => {
  test(
    'mount shows the files on the host until umount or rm; meanwhile the container does not start',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['create', '--name', 'still', 'bb'])
      const path = await work.ok(['mount', 'still'])
      assert.is(await work.ok(['mount', 'still']), path, 'once is enough')
      assert.match(await work.ok(['mount']), new RegExp(`^[0-9a-f]{64} ${path}$`))
      await writeFile(join(path, 'made'), 'on the host')
      assert.is(await work.ok(['diff', 'still']), 'A /made')
      await work.ok(['commit', 'still', 'made'])
      assert.is(await work.ok(['run', '--rm', 'made', 'cat', '/made']), 'on the host')
      await work.ok(['cp', join(path, 'made'), 'still:/copied'])
      assert.is(await readFile(join(path, 'copied'), 'utf8'), 'on the host')
      const start = await work.tsbuild(['start', 'still'])
      assert.equal([start.code, /it is mounted on the host/.test(start.stderr)], [1, true])
      await using engine = await openEngine({ root: work.root })
      const container = await engine.containers.get('still')
      const refused = await container.exec(['true']).catch((error: Error) => error.message)
      assert.match(String(refused), /it is mounted on the host/)
      assert.is((await work.ok(['umount', '-a'])).length, 64)
      assert.is(await exists(path), false)
      assert.is((await container.exec(['cat', '/made'], { check: true })).stdout, 'on the host')
      await running(work, 'going')
      const wrong = await work.tsbuild(['mount', 'going'])
      assert.equal([wrong.code, /it is running/.test(wrong.stderr)], [1, true])
      await work.ok(['mount', 'still'])
      await work.ok(['rm', 'still'])
      assert.not.ok((await readFile('/proc/self/mountinfo', 'utf8')).includes(work.root))
    },
    options,
  )
})

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}

/** Docker's table for `docker cp`, into a container and out of it. */
const rules: readonly {
  readonly from: string
  readonly to: string
  /** What is there then, with its content; or why it is refused. */
  readonly gives: readonly [path: string, content: string] | RegExp
}[] = [
  { from: 'file', to: 'fresh', gives: ['fresh', 'file'] },
  { from: 'file', to: 'fresh-dir/', gives: /there is no such directory/ },
  { from: 'file', to: 'no/parent', gives: /the directory that it is in is not there/ },
  { from: 'file', to: 'old', gives: ['old', 'file'] },
  { from: 'file', to: 'old/', gives: /it is not a directory/ },
  { from: 'file', to: 'there', gives: ['there/file', 'file'] },
  { from: 'file', to: 'there/', gives: ['there/file', 'file'] },
  { from: 'file/', to: 'fresh', gives: /"[^"]*file\/": it is not a directory/ },
  { from: 'dir', to: 'fresh', gives: ['fresh/inner', 'inner'] },
  { from: 'dir', to: 'fresh/', gives: ['fresh/inner', 'inner'] },
  { from: 'dir', to: 'old', gives: /it is not a directory, but the source is/ },
  { from: 'dir', to: 'there', gives: ['there/dir/inner', 'inner'] },
  { from: 'dir/.', to: 'there', gives: ['there/inner', 'inner'] },
  { from: 'dir/.', to: 'fresh', gives: ['fresh/inner', 'inner'] },
  { from: 'dir', to: 'clash', gives: /Cannot overwrite "[^"]*clash\/dir": it is not a directory, but the source is/ },
  { from: 'nothing', to: 'fresh', gives: /there is no such file/ },
]

async function sources(directory: string): Promise<void> {
  await mkdir(join(directory, 'dir'), { recursive: true })
  await writeFile(join(directory, 'file'), 'file')
  await writeFile(join(directory, 'dir/inner'), 'inner')
}

async function destinations(directory: string): Promise<void> {
  await mkdir(join(directory, 'there'), { recursive: true })
  await mkdir(join(directory, 'clash'))
  await writeFile(join(directory, 'clash/dir'), 'in the way')
  await writeFile(join(directory, 'old'), 'old')
}

tests('copies of files', (test) => {
  test(
    'copyIn() and copyOut() follow the rules of docker cp',
    async () => {
      await using work = await containerWorkspace()
      await using engine = await openEngine({ root: work.root })
      const container = await engine.containers.create({ image: 'bb' })
      try {
        await sources(join(work.path, 'from'))
        await container.copyIn(join(work.path, 'from'), '/from')
        for (const at of rules.keys()) await destinations(join(work.path, `to/${at}`))
        await container.copyIn(join(work.path, 'to'), '/to')
        for (const [at, { from, to, gives }] of rules.entries()) {
          const host = join(work.path, `to/${at}`)
          const inside = `/to/${at}`
          const outward = () => container.copyOut(`/from/${from}`, `${host}/${to}`)
          const inward = () => container.copyIn(`${join(work.path, 'from')}/${from}`, `${inside}/${to}`)
          const title = `${from} → ${to}`
          for (const copy of [outward, inward]) {
            const error = await copy().then(
              () => undefined,
              (failure: Error) => failure,
            )
            if (gives instanceof RegExp) assert.match(error?.message ?? 'no error', gives, title)
            else assert.is(error, undefined, `${title}: ${error?.message}`)
          }
          if (gives instanceof RegExp) continue
          const [path, content] = gives
          assert.is(await readFile(join(host, path), 'utf8'), content, title)
          const { stdout } = await container.exec(['cat', `${inside}/${path}`], { check: true })
          assert.is(stdout, content, title)
        }
      } finally {
        await container.remove()
      }
    },
    options,
  )

  test(
    'cp keeps links inside, sees mounts of a container that runs, and sets owners',
    async () => {
      await using work = await containerWorkspace()
      const volume = join(work.path, 'volume')
      await mkdir(volume)
      await running(work, 'going', '-v', `${volume}:/volume`)
      const script =
        'ln -s / /up; ln -s ../../../../etc/passwd /link; mkdir /own; echo x > /own/f; chown -R 1000:1000 /own'
      await work.ok(['exec', 'going', 'sh', '-c', script])
      await writeFile(join(work.path, 'file'), 'mine')
      await work.ok(['cp', join(work.path, 'file'), 'going:/up/volume/copied'])
      assert.is(await readFile(join(volume, 'copied'), 'utf8'), 'mine')
      await work.ok(['cp', join(work.path, 'file'), `going:/up/up${work.path}`]).catch(() => {})
      assert.is(await readFile(join(work.path, 'file'), 'utf8'), 'mine')
      await work.ok(['cp', 'going:/link', join(work.path, 'as-link')])
      assert.is(await readlink(join(work.path, 'as-link')), '../../../../etc/passwd')
      await work.ok(['cp', '-L', 'going:/link', join(work.path, 'as-file')])
      assert.match(await readFile(join(work.path, 'as-file'), 'utf8'), /homeless/)
      const quiet = await work.tsbuild(['cp', '-q', '-a', 'going:/own', join(work.path, 'kept')])
      assert.equal([quiet.code, quiet.stderr], [0, ''])
      await work.ok(['cp', 'going:/own', join(work.path, 'ours')])
      const owner = async (path: string) => (await lstat(join(work.path, path))).uid
      assert.equal([await owner('kept/f'), await owner('ours/f')], [1000, process.getuid?.()])
      await symlink('/etc', join(work.path, 'kept/out'))
      await work.ok(['cp', join(work.path, 'kept'), 'going:/'])
      await work.ok(['cp', '-a', join(work.path, 'kept'), 'going:/kept-a'])
      assert.is(await work.ok(['exec', 'going', 'stat', '-c', '%u', '/kept/f', '/kept-a/f']), '0\n1000')
    },
    options,
  )

  test(
    'cp takes a tar from standard input and gives one, of a container that does not run, too',
    async () => {
      await using work = await containerWorkspace()
      await work.ok(['create', '--name', 'still', 'bb'])
      await sources(join(work.path, 'from'))
      const tar = execFileSync('tar', ['-c', '-C', join(work.path, 'from'), '.'])
      await work.ok(['cp', '-', 'still:/home'], { input: tar })
      const out = work.spawn(['sh', '-c', `${process.execPath} "$0" cp still:/home/dir - | tar -tv`, program])
      assert.match((await out.ended).stdout, /dir\/\n.* dir\/inner\n/)
      const nowhere = await work.tsbuild(['cp', '-', 'still:/nowhere'], { input: tar })
      assert.match(nowhere.stderr, /there is no such directory/)
      const broken = await work.tsbuild(['cp', '-', 'still:/home'], { input: 'this is no tar at all'.repeat(100) })
      assert.match(broken.stderr, /the tar is not valid/)
      const both = await work.tsbuild(['cp', 'still:/home', 'still:/etc'])
      assert.match(both.stderr, /between containers is not possible/)
      const neither = await work.tsbuild(['cp', '/a', '/b'])
      assert.match(neither.stderr, /neither the source nor the destination/)
      assert.equal((await readdir(join(work.root, 'snapshots', '_active'))).length, 1)
    },
    options,
  )
})
