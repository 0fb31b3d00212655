import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { baseRegistryProblem, findProgram, startBaseRegistry, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

interface BadCase {
  readonly dockerfile?: string
  readonly files?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  readonly says: readonly RegExp[]
}

const cases: Record<string, BadCase> = {
  'no Dockerfile, names the nearest': {
    files: { Dockerfil: 'FROM scratch' },
    says: [/Cannot read Dockerfile "Dockerfile"/, /Did you mean "Dockerfil"/],
  },
  'an unknown instruction, with a suggestion': {
    dockerfile: 'FROM scratch\nRUM true\n',
    says: [/Dockerfile:2/, /unknown instruction: RUM/, /RUN/, />>> RUM true/],
  },
  'a syntax error, with its lines': {
    dockerfile: 'FROM scratch\nCOPY a\n',
    says: [/Dockerfile:2/, />>> COPY a/, /COPY requires at least two arguments/],
  },
  'an empty Dockerfile': { dockerfile: '\n# nothing\n', says: [/file with no instructions/i] },
  'an unknown stage': {
    dockerfile: 'FROM scratch AS build\n',
    args: ['--target', 'biuld'],
    says: [/target stage "biuld" could not be found/, /did you mean build/],
  },
  'a missing COPY source, with the nearest path': {
    dockerfile: 'FROM scratch\nCOPY pakage.json /\n',
    files: { 'package.json': '{}' },
    says: [/"\/pakage\.json": not found/, /package\.json/, />>> COPY/],
  },
  'an ignored COPY source': {
    dockerfile: 'FROM scratch\nCOPY secret /\n',
    files: { secret: 'x', '.dockerignore': 'secret\n' },
    says: [/"\/secret": not found/, /\.dockerignore/],
  },
  'an unknown flag': {
    dockerfile: 'FROM scratch\nCOPY --form=x a b\n',
    says: [/unknown flag: --form|unknown flag: form/],
  },
  'a wrong image name': { dockerfile: 'FROM Foo/Bar\n', says: [/lowercase/] },
  'a platform that can not run here': {
    dockerfile: 'FROM scratch\nRUN ["/x"]\n',
    args: ['--platform', 'windows/amd64'],
    says: [/Dockerfile:2/, /Cannot run programs for windows\/amd64/, /binfmt_misc has no emulator/],
  },
  'an unknown signal': {
    dockerfile: 'FROM scratch\nSTOPSIGNAL KILLL\n',
    says: [/Dockerfile:2/, /Invalid signal: KILLL/],
  },
  'an annotation that nothing carries': {
    dockerfile: 'FROM scratch\n',
    args: ['--annotation', 'index:a=b'],
    says: [/Cannot annotate with "a": an image for one platform has no index/],
  },
  'compression of what is not sent': {
    dockerfile: 'FROM scratch\n',
    args: ['-o', 'type=image,compression=zstd'],
    says: [/Cannot compress the image: layers in the local store are not compressed/],
  },
}

async function fails(work: Workspace, args: readonly string[]): Promise<string> {
  const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', ...args, work.context])
  assert.is(code, 1, stderr)
  assert.not.match(stderr, /\n\s+at .*\.m?js:\d+/)
  return stderr
}

tests('tsbuild build, bad input', (test) => {
  for (const [title, { dockerfile, files, args = [], says }] of Object.entries(cases)) {
    test(`build answers ${title}`, async () => {
      await using work = await workspace()
      await work.write({ ...(dockerfile === undefined ? {} : { Dockerfile: dockerfile }), ...files })
      const stderr = await fails(work, args)
      for (const text of says) assert.match(stderr, text)
    })
  }

  const skip = rootSkip() ?? baseRegistryProblem()

  test(
    'build answers a failing RUN with command, exit code, output and lines, and builds once it is mended',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const dockerfile = (command: string) => `FROM ${registry.images.busybox}\nRUN echo fine\nRUN ${command}\n`
      await work.write({ Dockerfile: dockerfile('echo about to fail; exit 42') })
      const stderr = await fails(work, [])
      for (const text of [/exit code: 42/, /about to fail/, /Dockerfile:3/, />>> RUN echo about/])
        assert.match(stderr, text)
      await work.write({ Dockerfile: dockerfile('true') })
      const { code, stderr: mended } = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(code, 0, mended)
      assert.match(mended, /CACHED/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build answers an unknown image, and a registry that is down',
    async () => {
      await using registry = await startRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.host}/nothing:here\n` })
      assert.match(await fails(work, []), /nothing:here/)
      await work.write({ Dockerfile: 'FROM localhost:1/x\n' })
      assert.match(await fails(work, []), /localhost:1/)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build refuses a tampered blob of its own store and fetches it again',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nCOPY Dockerfile /\n` })
      await work.ok(['build', '-t', 'x', work.context])
      const blobs = join(work.root, 'content', 'blobs', 'sha256')
      for (const name of await readdir(blobs)) {
        const path = join(blobs, name)
        const text = await readFile(path, 'utf8')
        if (text.startsWith('{')) {
          await chmod(path, 0o600)
          await writeFile(
            path,
            text.replace('"os":"linux"', '"os":"linus"').replace('"schemaVersion"', '"schemaVersioN"'),
          )
        }
      }
      const { code, stderr } = await work.tsbuild(['build', '-t', 'x', work.context])
      if (code !== 0) assert.match(stderr, /digest|corrupt/i)
      const inspected = await work.tsbuild(['inspect', 'x'])
      assert.ok(inspected.code !== 0 || !inspected.stdout.includes('linus'))
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build on a full disk says so, leaves no partial blob and works once there is space',
    async () => {
      await using work = await workspace()
      const small = join(work.path, 'small')
      await mkdir(small)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', small])
      try {
        await work.write({ Dockerfile: 'FROM scratch\nCOPY . /\n', big: 'x'.repeat(40 << 20) })
        const env = { TSBUILD_ROOT: join(small, 'root') }
        const full = await work.tsbuild(['build', work.context], { env })
        assert.is(full.code, 1)
        assert.match(full.stderr, /no space left|ENOSPC/i)
        await work.write({ big: 'small now' })
        const { code, stderr } = await work.tsbuild(['build', work.context], { env })
        assert.is(code, 0, stderr)
        assert.equal(await readdir(join(small, 'root', 'ingest')), [])
      } finally {
        execFileSync('umount', ['-l', small])
      }
    },
    { skip: rootSkip(), timeoutMs: 60_000 },
  )

  test(
    'build answers a root folder that is read-only, and one that is a file',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      const place = join(work.path, 'ro')
      await mkdir(place)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', place])
      try {
        const { code, stderr } = await work.tsbuild(['build', work.context], {
          env: { TSBUILD_ROOT: join(place, 'root') },
        })
        assert.is(code, 1)
        assert.match(stderr, /read-only/i)
        assert.match(stderr, /--root/)
      } finally {
        execFileSync('umount', ['-l', place])
      }
      await writeFile(join(work.path, 'file'), '')
      const { code, stderr } = await work.tsbuild(['build', work.context], {
        env: { TSBUILD_ROOT: join(work.path, 'file') },
      })
      assert.is(code, 1)
      assert.match(stderr, /root folder|not a directory/i)
    },
    { skip: rootSkip() },
  )

  test(
    'build as a user without privileges says what is missing',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      await chmod(work.path, 0o777)
      const own = join(work.path, 'own')
      const setpriv = findProgram('setpriv') ?? 'setpriv'
      const cli = new URL('../../packages/cli/bin/tsbuild.js', import.meta.url).pathname
      const { spawnSync } = await import('node:child_process')
      const ids = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
      const { status, stderr } = spawnSync(setpriv, [...ids, process.execPath, cli, 'build', work.context], {
        env: { PATH: process.env.PATH, TSBUILD_ROOT: own, HOME: work.path, NO_COLOR: '1' },
        encoding: 'utf8',
      })
      if (status !== 0) assert.match(stderr, /root|privilege|permitted/i)
      assert.not.match(stderr, /\n\s+at .*\.m?js:\d+/)
    },
    { skip: rootSkip() ?? (findProgram('setpriv') === undefined ? 'setpriv is not installed' : undefined) },
  )
})
