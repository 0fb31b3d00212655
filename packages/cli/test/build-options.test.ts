import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import { Command } from 'commander'
import * as assert from 'uvu/assert'
import { normalizeBooleans } from '../dist/booleans.js'
import { type BuildFlags, defineBuildFlags } from '../dist/build/flags.js'
import { loaderStream } from '../dist/build/load.js'
import { buildOptions } from '../dist/build/options.js'
import { planOutputs } from '../dist/build/outputs.js'
import { formatError } from '../dist/error-report.js'
import { imageShape } from '../dist/images/docker-shape.js'
import { fakeIo } from './fake-io.js'

function parse(...args: string[]): { flags: BuildFlags; args: readonly string[] } {
  const command = new Command()
  defineBuildFlags(command)
  command.parse(normalizeBooleans(command, args), { from: 'user' })
  return { flags: command.opts<BuildFlags>(), args: command.args }
}

function options(env: Record<string, string>, ...args: string[]) {
  const { flags, args: rest } = parse(...args)
  return buildOptions(flags, rest, env)
}

const plain = {
  context: '.',
  buildArgs: {},
  buildContexts: {},
  secrets: {},
  ssh: {},
  allow: [],
  limits: [],
  labels: {},
  annotations: [],
  tags: [],
  noCache: [],
  cacheFrom: [],
  cacheTo: [],
  pull: false,
  extraHosts: [],
}

const good: readonly [args: string[], expected: object][] = [
  [['.'], {}],
  [['-t', 'a', '--tag=b:1', '.'], { tags: ['a', 'b:1'] }],
  [['.', '-f', 'x/Dockerfile'], { dockerfile: 'x/Dockerfile' }],
  [
    ['--build-arg', 'A=b=c', '--build-arg', 'HOME', '--build-arg', 'UNSET', '.'],
    { buildArgs: { A: 'b=c', HOME: '/h' } },
  ],
  [['--label', 'a=b', '--label', 'c', '.'], { labels: { a: 'b', c: '' } }],
  [['--no-cache', '.'], { noCache: true }],
  [['--no-cache=true', '.'], { noCache: true }],
  [['--no-cache=false', '.'], {}],
  [['--no-cache-filter', 'a,b', '--no-cache-filter=c', '.'], { noCache: ['a', 'b', 'c'] }],
  [
    ['--cache-from', 'a,b:1', '--cache-from=type=local,src=c', '--cache-from=b:1', '--cache-from=', '.'],
    {
      cacheFrom: [
        { type: 'registry', ref: 'a' },
        { type: 'registry', ref: 'b:1' },
        { type: 'local', src: 'c' },
      ],
    },
  ],
  [
    ['--cache-to', 'type=inline', '--cache-to=type=local,dest=c,mode=max', '--cache-to', 'type=inline', '.'],
    { cacheTo: [{ type: 'inline' }, { type: 'local', dest: 'c', mode: 'max' }] },
  ],
  [['--cache-to', 'type=s3', '.'], { cacheTo: [{ type: 's3', bucket: 'from-env' }] }],
  [['--cache-mounts', '.', '--cache-to', 'a'], { cacheTo: [{ type: 'registry', ref: 'a' }], cacheMounts: true }],
  [
    ['--cache-from=a', '--cache-mounts=512m', '.'],
    { cacheFrom: [{ type: 'registry', ref: 'a' }], cacheMounts: { maxBytes: 536_870_912 } },
  ],
  [['--cache-mounts=false', '.'], { cacheMounts: false }],
  [['--pull', '.'], { pull: true }],
  [['--pull=0', '.'], {}],
  [['--network', 'none', '.'], { network: 'none' }],
  [['--network=default', '.'], {}],
  [
    ['--add-host', 'a:10.0.0.1', '--add-host', 'b=[::1]', '.'],
    {
      extraHosts: [
        ['a', '10.0.0.1'],
        ['b', '::1'],
      ],
    },
  ],
  [['--shm-size', '64m', '.'], { shmSizeBytes: 67_108_864 }],
  [['--allow', 'security.insecure', '--allow=network.host', '.'], { allow: ['security.insecure', 'network.host'] }],
  [
    ['--ulimit', 'nofile=10:20', '--ulimit=core=0', '--ulimit=nproc=5:-1', '--ulimit', 'core=-1', '.'],
    {
      limits: [
        { name: 'nofile', soft: 10, hard: 20 },
        { name: 'core', soft: Infinity, hard: Infinity },
        { name: 'nproc', soft: 5, hard: Infinity },
      ],
    },
  ],
  [
    ['--security-opt', 'no-new-privileges', '--security-opt=seccomp=unconfined', '.'],
    { sandbox: { noNewPrivileges: true, seccomp: 'unconfined' } },
  ],
  [['--security-opt', 'no-new-privileges:false', '.'], { sandbox: { noNewPrivileges: false } }],
  [['--security-opt', 'seccomp=builtin', '.'], { sandbox: { seccomp: 'default' } }],
  [['--target', 'x', '--platform', 'linux/amd64', '.'], { target: 'x', platform: ['linux/amd64'] }],
  [['--platform', 'linux/amd64,arm64', '--platform=s390x', '.'], { platform: ['linux/amd64', 'arm64', 's390x'] }],
  [
    [
      '--annotation',
      'a=b=c',
      '--annotation=manifest,index:k=v:w',
      '--annotation',
      'manifest-descriptor[linux/arm64]:x=',
      '--annotation',
      'index-descriptor:y=z',
      '.',
    ],
    {
      annotations: [
        { key: 'a', value: 'b=c' },
        { key: 'k', value: 'v:w', on: 'manifest' },
        { key: 'k', value: 'v:w', on: 'index' },
        { key: 'x', value: '', on: 'manifest-descriptor', platform: 'linux/arm64' },
        { key: 'y', value: 'z', on: 'index-descriptor' },
      ],
    },
  ],
]

tests('build options', (test) => {
  for (const [args, expected] of good) {
    test(`buildOptions() reads "${args.join(' ')}"`, () => {
      assert.equal(options({ HOME: '/h', AWS_BUCKET: 'from-env' }, ...args), { ...plain, ...expected })
    })
  }

  for (const [flag, value] of [
    ['--allow', 'device'],
    ['--allow', ''],
    ['--cache-from', 'type=gha'],
    ['--cache-to', 'type=registry'],
    ['--annotation', 'a'],
    ['--annotation', '=b'],
    ['--annotation', 'manifest:=b'],
    ['--annotation', 'layer:a=b'],
    ['--annotation', 'manifest[]:a=b'],
    ['--annotation', 'manifest[linux/amd64:a=b'],
    ['--security-opt', 'apparmor=unconfined'],
    ['--security-opt', 'seccomp'],
    ['--security-opt', 'seccomp='],
    ['--security-opt', 'seccomp=/no/such/file'],
    ['--security-opt', 'no-new-privileges=maybe'],
    ['--ulimit', 'nofile'],
    ['--ulimit', '=1'],
    ['--ulimit', 'nofile=-2'],
    ['--ulimit', 'nofile=1:2:3'],
    ['--ulimit', 'files=1'],
    ['--ulimit', 'nofile=2:1'],
    ['--ulimit', 'nofile=-1:1'],
  ] as const) {
    test(`buildOptions() refuses ${flag} "${value}"`, () => {
      assert.throws(
        () => options({}, flag, value, '.'),
        (error: unknown) => hasCode(error, 'ARGUMENT_INVALID'),
      )
    })
  }

  test('buildOptions() refuses --cache-mounts that is no size, or without a cache', () => {
    const refused = (code: string, ...args: string[]) =>
      assert.throws(
        () => options({}, ...args, '.'),
        (error: unknown) => hasCode(error, code),
      )
    refused('ARGUMENT_INVALID', '--cache-to=a', '--cache-mounts=much')
    refused('ARGUMENT_INVALID', '--cache-to=a', '--cache-mounts=0')
    refused('USAGE', '--cache-mounts')
    // What a script makes of a variable that is empty.
    assert.is(options({}, '--cache-to=', '--cache-mounts', '.').cacheMounts, true)
  })

  test('buildOptions() takes SOURCE_DATE_EPOCH from the environment', () => {
    assert.is(options({ SOURCE_DATE_EPOCH: '1700000000' }, '.').sourceDateEpoch, 1_700_000_000)
    assert.throws(() => options({ SOURCE_DATE_EPOCH: 'now' }, '.'), /not seconds since 1970/)
  })

  const outputs: readonly [args: string[], expected: object[]][] = [
    [['.'], [{ type: 'image', push: false }]],
    [['--push', '.'], [{ type: 'image', push: true }]],
    [['-o', 'type=image,name=a', '--push', '.'], [{ type: 'image', names: ['a'], push: true }]],
    [
      ['-o', 'out', '--push', '.'],
      [{ type: 'local', dest: 'out' }, { type: 'registry' }],
    ],
    [['-o', 'type=oci,dest=a.tar,compression=gzip', '.'], [{ type: 'oci', dest: 'a.tar', compression: 'gzip' }]],
  ]
  for (const [args, expected] of outputs) {
    test(`planOutputs() plans "${args.join(' ')}"`, async () => {
      const { outputs } = await planOutputs(parse(...args).flags, fakeIo().io)
      assert.equal(outputs, expected)
    })
  }

  test('planOutputs() gives standard output as a stream that leaves the real one open', async () => {
    const { io, stdout } = fakeIo()
    const { outputs, settle } = await planOutputs(parse('-o', 'type=oci,dest=-,rewrite-timestamp=true', '.').flags, io)
    const [output] = outputs
    assert.ok(output?.type === 'oci' && typeof output.dest !== 'string')
    output.dest.end('tar')
    await settle()
    assert.equal([stdout.text, stdout.writableEnded], ['tar', false])
  })

  test('loaderStream() pipes into the program and tells what it says when it fails', async () => {
    await using dir = await tempDir()
    const program = join(dir.path, 'podman')
    const got = join(dir.path, 'got')
    await writeFile(
      program,
      `#!/bin/sh\n[ "$1" = load ] || exit 9\ncat > ${got}\ngrep -q bad ${got} || exit 0\necho no good >&2\nexit 3\n`,
    )
    await chmod(program, 0o755)
    const fine = loaderStream({ PATH: dir.path })
    fine.end('x'.repeat(300_000))
    await finished(fine)
    assert.is((await readFile(got)).length, 300_000)
    const bad = loaderStream({ PATH: dir.path })
    bad.end('bad')
    const error = await finished(bad).catch((cause: unknown) => cause)
    assert.ok(hasCode(error, 'LOAD_FAILED'))
    assert.is((error as Error).message, 'Cannot load image with podman: no good')
  })

  test('formatError() shows a failed step: its output, its lines, the message and the hint', () => {
    const error = Object.assign(new Error('Cannot run "RUN make": exit code 2'), {
      step: '[2/2] RUN make',
      output: 'make: no rule\n',
      excerpt: 'Dockerfile:2\n-----\n   2 | >>> RUN make\n-----\n',
    })
    assert.is(
      formatError(error, fakeIo().io).stderr,
      `------
 > [2/2] RUN make:
make: no rule
------
Dockerfile:2
-----
   2 | >>> RUN make
-----
ERROR: Cannot run "RUN make": exit code 2
`,
    )
    assert.match(formatError(error, fakeIo({ env: { TSBUILD_DEBUG: '1' } }).io).stderr ?? '', /\n\s+at /)
    assert.is(formatError(new TypeError('x'), fakeIo().io).stderr, 'ERROR: TypeError: x\n')
  })

  test('imageShape() has the members that Docker shows', () => {
    const digest = `sha256:${'a'.repeat(64)}` as Parameters<typeof imageShape>[0]['digest']
    const shape = imageShape({
      id: digest,
      digest,
      names: ['docker.io/library/app:1', 'localhost:5000/x/app:2'],
      repoDigests: [`app@${digest}`, `localhost:5000/x/app@${digest}`],
      config: {
        architecture: 'amd64',
        os: 'linux',
        created: '2024-01-01T00:00:00Z',
        config: { Env: ['A=b'] },
        rootfs: { type: 'layers', diff_ids: [] },
        history: [{ created_by: 'x', comment: 'c' }],
      },
      manifest: { schemaVersion: 2, config: { mediaType: 'm', digest, size: 1 }, layers: [] },
      sizeBytes: 5,
      layers: [],
      graphDriver: { name: 'overlay', layers: ['/s/c/fs', '/s/b/fs', '/s/a/fs'] },
    })
    assert.equal(shape.GraphDriver, {
      Name: 'overlay2',
      Data: { LowerDir: '/s/b/fs:/s/a/fs', MergedDir: '/s/c/merged', UpperDir: '/s/c/fs', WorkDir: '/s/c/work' },
    })
    assert.equal(shape.RepoTags, ['app:1', 'localhost:5000/x/app:2'])
    assert.equal(shape.RepoDigests, [`app@${digest}`, `localhost:5000/x/app@${digest}`])
    assert.equal([shape.Os, shape.Comment, shape.Config.Env, shape.Size], ['linux', 'c', ['A=b'], 5])
  })
})
