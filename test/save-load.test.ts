import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, findProgram, type TempDir, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { dockerdProblem, startDockerd } from './dockerd.js'
import { rootSkip } from './progress.js'
import { program, type Workspace, workspace } from './workspace.js'

const skip = rootSkip()

function missing(...programs: readonly string[]): string | undefined {
  const absent = programs.find((name) => findProgram(name) === undefined)
  return skip ?? (absent === undefined ? undefined : `${absent} is not installed`)
}

/** What must stay when an image travels. */
interface Facts {
  readonly id: string
  readonly layers: readonly string[]
  readonly history: string
  readonly config: unknown
}

async function factsOf(work: Workspace, name: string): Promise<Facts> {
  const [image] = JSON.parse(await work.ok(['image', 'inspect', name])) as {
    Id: string
    RootFS: { Layers: string[] }
    Config: unknown
  }[]
  const format = '{{.CreatedAt}} {{.CreatedBy}} {{.Comment}}'
  const history = await work.ok(['history', '--no-trunc', '--format', format, name])
  return { id: image?.Id ?? '', layers: image?.RootFS.Layers ?? [], history, config: image?.Config }
}

/** Two images with a layer in common, one of which has the same layer twice. */
async function samples(work: Workspace): Promise<void> {
  await work.write({ one: 'one\n', two: 'two\n', many: 'many '.repeat(400_000) })
  const dockerfile = (more: string) => `FROM scratch\nCOPY many /\nCOPY --link one /a/\n${more}`
  await work.write({
    'one.Dockerfile': dockerfile('ENV A=b\nLABEL x="ü y"\nCMD ["/a/one"]\n'),
    'two.Dockerfile': dockerfile('COPY two /a/\nCOPY --link one /a/\nEXPOSE 80\nWORKDIR /a\n'),
  })
  for (const name of ['one', 'two']) {
    const file = join(work.context, `${name}.Dockerfile`)
    await work.ok(['build', '-q', '-t', `localhost:5000/team/${name}:1`, '-f', file, work.context])
  }
}

const names = ['localhost:5000/team/one:1', 'localhost:5000/team/two:1']

/** Loads an archive into a new root folder, where the images must be as they are in `from`. */
async function comesBack(from: Workspace, archive: string, loaded: readonly string[] = names): Promise<void> {
  await using other = await workspace()
  const said = await other.ok(['load', '-i', archive])
  for (const [at, name] of loaded.entries()) {
    assert.ok(said.includes(`Loaded image: ${name}`), said)
    assert.equal(await factsOf(other, name), await factsOf(from, names[at] ?? name), name)
  }
  const files = join(other.path, 'files')
  await other.write({ Dockerfile: `FROM ${loaded.at(-1)}\n` })
  await other.ok(['build', '-q', '-o', files, other.context])
  assert.is(await readFile(join(files, 'a/two'), 'utf8'), 'two\n')
  assert.is((await readFile(join(files, 'many'), 'utf8')).length, 2_000_000)
}

function podmanOn(store: TempDir) {
  const directories = ['root', 'runroot', 'tmpdir'].flatMap((name) => [`--${name}`, join(store.path, name)])
  return (...args: string[]) =>
    command('podman', [...directories, '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', ...args])
}

async function unmount(directory: string): Promise<void> {
  await command('sh', ['-c', `grep -o ' ${directory}[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l`])
}

tests('archives from and for others', (test) => {
  test(
    'dockerd loads what save wrote, and load takes what dockerd saves',
    async () => {
      await using work = await workspace()
      await samples(work)
      const saved = join(work.path, 'saved.tar.gz')
      await work.ok(['save', '--compress', 'gzip', '-o', saved, ...names])
      await using dockerd = await startDockerd()
      const said = await dockerd.docker(['load', '-i', saved])
      for (const name of names) {
        const { id, layers } = await factsOf(work, name)
        assert.ok(said.includes(`Loaded image: ${name}`), said)
        const inspected = await dockerd.docker(['inspect', '--format', '{{.Id}} {{json .RootFS.Layers}}', name])
        assert.is(inspected.trim(), `${id} ${JSON.stringify(layers)}`)
        const lines = (await dockerd.docker(['history', '-q', name])).trim().split('\n')
        assert.is(lines.length, (await factsOf(work, name)).history.split('\n').length)
      }
      const theirs = join(work.path, 'theirs.tar')
      await dockerd.docker(['save', '-o', theirs, ...names])
      assert.match(await command('tar', ['-tvf', theirs]), /layer\.tar -> /, 'a repeated layer is a link there')
      await comesBack(work, theirs)
    },
    { skip: skip ?? dockerdProblem(), timeoutMs: 180_000 },
  )

  test(
    'podman loads what save wrote, and load takes what podman saves',
    async () => {
      await using work = await workspace()
      await using store = await tempDir('tsbuild-podman-')
      await samples(work)
      const podman = podmanOn(store)
      try {
        for (const format of ['docker-archive', 'oci-archive']) {
          const saved = join(work.path, `${format}.tar`)
          const chosen = format === 'docker-archive' ? names : names.slice(1)
          await work.ok(['save', '--format', format, '-o', saved, ...chosen])
          await podman('load', '-i', saved)
          for (const name of chosen) {
            const { id } = await factsOf(work, name)
            const found = await podman('image', 'inspect', '--format', '{{.Id}}', id.replace('sha256:', ''))
            assert.is(`sha256:${found.trim()}`, id)
          }
          if (format === 'oci-archive') await podman('tag', (await factsOf(work, names[1]!)).id.slice(7), names[1]!)
          const theirs = join(work.path, `theirs-${format}.tar`)
          if (format === 'docker-archive') {
            await podman('save', '--multi-image-archive', '-o', theirs, ...names)
            await comesBack(work, theirs)
          } else {
            await podman('save', '--format', format, '-o', theirs, names[1]!)
            await using other = await workspace()
            await other.ok(['load', '-i', theirs])
            assert.equal(await factsOf(other, names[1]!), await factsOf(work, names[1]!))
          }
          await podman('rmi', '-a', '-f')
        }
      } finally {
        await unmount(store.path)
      }
    },
    { skip: missing('podman'), timeoutMs: 180_000 },
  )

  test(
    'skopeo and umoci read what save wrote, and load takes what they write',
    async () => {
      await using work = await workspace()
      await samples(work)
      const layout = join(work.path, 'layout')
      await work.ok(['save', '--format', 'oci-dir', '-o', layout, names[1]!])
      const skopeo = (...args: string[]) => command('skopeo', ['--insecure-policy', ...args])
      const bundle = join(work.path, 'bundle')
      await command('umoci', ['unpack', '--image', `${layout}:1`, bundle])
      assert.is(await readFile(join(bundle, 'rootfs/a/two'), 'utf8'), 'two\n')
      const facts = await factsOf(work, names[1]!)
      for (const [kind, compressed] of [
        ['docker-archive', false],
        ['oci-archive', true],
        ['oci', true],
      ] as const) {
        const path = join(work.path, `skopeo-${kind}`)
        const more = compressed ? ['--dest-compress-format', 'zstd', '--dest-compress'] : []
        await skopeo('copy', '--quiet', ...more, `oci:${layout}:1`, `${kind}:${path}:${names[1]}`)
        await using other = await workspace()
        await other.ok(['load', '-i', path])
        assert.equal(await factsOf(other, names[1]!), facts, kind)
      }
      const saved = join(work.path, 'saved.tar')
      await work.ok(['save', '-o', saved, ...names])
      const inspected = await skopeo('inspect', '--config', `docker-archive:${saved}:${names[0]}`)
      assert.match(inspected, /ü y/)
      await command('umoci', ['config', '--image', `${layout}:1`, '--config.user', 'nobody'])
      await using other = await workspace()
      const said = await other.ok(['load', '-i', layout])
      const id = /sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? said.replace('Loaded image: ', '')
      assert.is(await other.ok(['image', 'inspect', '--format', '{{.Config.User}}', id]), 'nobody')
    },
    { skip: missing('skopeo', 'umoci'), timeoutMs: 120_000 },
  )

  test(
    'save and load go through pipes, packed by other programs, too',
    async () => {
      await using work = await workspace()
      await samples(work)
      const pipe = async (to: Workspace, middle: string) => {
        const save = `"${process.execPath}" "${program}" save ${names.join(' ')}`
        const load = `"${process.execPath}" "${program}" load -q`
        const script = `set -o pipefail; TSBUILD_ROOT="${work.root}" ${save} | ${middle} | TSBUILD_ROOT="${to.root}" ${load}`
        return await command('bash', ['-c', script])
      }
      for (const middle of ['cat', 'xz -0']) {
        await using other = await workspace()
        assert.is(await pipe(other, middle), names.map((name) => `Loaded image: ${name}\n`).join(''))
        assert.equal(await factsOf(other, names[0]!), await factsOf(work, names[0]!))
      }
    },
    { skip: missing('xz'), timeoutMs: 60_000 },
  )
})

async function leftovers(work: Workspace): Promise<string[]> {
  const list = async (...path: string[]) => (await readdir(join(work.root, ...path)).catch(() => [])).sort()
  const snapshots = (await list('snapshots')).filter((name) => !name.startsWith('_'))
  return [...(await list('ingest')), ...(await list('content', 'blobs', 'sha256')), ...snapshots]
}

tests('broken off', (test) => {
  test(
    'Ctrl-C during load leaves nothing',
    async () => {
      await using work = await workspace()
      await samples(work)
      const saved = join(work.path, 'saved.tar')
      await work.ok(['save', '-o', saved, ...names])
      const bytes = await readFile(saved)
      await using other = await workspace()
      await other.ok(['images'])
      const child = spawn(process.execPath, [program, 'load'], {
        env: { ...process.env, TSBUILD_ROOT: other.root },
        stdio: ['pipe', 'ignore', 'pipe'],
      })
      let stderr = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
      })
      child.stdin.on('error', () => {})
      // The rest never comes, so the load is at work until it is told to stop.
      child.stdin.write(bytes.subarray(0, bytes.length - 3000))
      while ((await readdir(join(other.root, 'content/blobs/sha256'))).length === 0)
        assert.is(child.exitCode, null, stderr)
      child.kill('SIGINT')
      const [code] = (await once(child, 'close')) as [number | null]
      assert.is(code, 130, stderr)
      assert.equal(await leftovers(other), [])
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'Ctrl-C during save ends it, and a terminal gets no archive',
    async () => {
      await using work = await workspace()
      await samples(work)
      const child = spawn(process.execPath, [program, 'save', ...names], {
        env: { ...process.env, TSBUILD_ROOT: work.root },
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      // A pipe holds a fraction of it: nobody reads on, so there is more to write.
      await once(child.stdout, 'readable')
      child.kill('SIGINT')
      const [code] = (await once(child, 'exit')) as [number | null]
      assert.is(code, 130)
      child.stdout.destroy()
      const typed = await command('script', [
        '-qec',
        `"${process.execPath}" "${program}" save one || true`,
        '/dev/null',
      ])
      assert.match(typed, /standard output is a terminal/)
    },
    { skip: missing('script'), timeoutMs: 60_000 },
  )

  test(
    'a full disk during load is told, and the store stays whole',
    async () => {
      await using work = await workspace()
      await work.write({ big: '' })
      await writeFile(join(work.context, 'big'), Buffer.alloc(24 << 20, 'x'))
      await work.write({
        'big.Dockerfile': 'FROM scratch\nCOPY big /\n',
        Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n',
      })
      await work.ok(['build', '-q', '-t', 'big', '-f', join(work.context, 'big.Dockerfile'), work.context])
      await work.ok(['build', '-q', '-t', 'small', work.context])
      const archives = { big: join(work.path, 'big.tar'), small: join(work.path, 'small.tar') }
      await work.ok(['save', '-o', archives.big, 'big'])
      await work.ok(['save', '-o', archives.small, 'small'])
      await using other = await workspace()
      await mkdir(other.root)
      for (const size of ['12m', '40m']) {
        await command('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', other.root])
        try {
          // With 12 MiB the archive does not fit, with 40 MiB its files do not.
          const { code, stderr } = await other.tsbuild(['load', '-i', archives.big])
          assert.is(code, 1)
          assert.match(stderr, /no space left|No space left|disk is full/i)
          assert.is(await other.ok(['images', '-a', '-q']), '')
          assert.equal(await leftovers(other), [])
          assert.is(await other.ok(['load', '-i', archives.small]), 'Loaded image: small:latest')
        } finally {
          await command('umount', [other.root])
        }
      }
    },
    { skip, timeoutMs: 90_000 },
  )
})
