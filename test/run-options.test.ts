import { readFile } from 'node:fs/promises'
import { baseRegistryProblem, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cachedSteps, ranSteps, rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const options = { skip: rootSkip() ?? baseRegistryProblem(), timeoutMs: 90_000 }
const capSysResource = 1n << 24n

async function ownCapabilities(): Promise<bigint> {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return BigInt(`0x${hex}`)
}

tests('RUN options', (test) => {
  test(
    'RUN --security=insecure has our capabilities with --allow, and is refused without it before anything runs',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}
RUN echo first
RUN --network=host grep CapEff /proc/self/status | sed s/^/usual/
RUN --security=insecure grep CapEff /proc/self/status | sed s/^/insecure/\n`,
      })
      const args = ['build', '--progress', 'plain']
      for (const allow of [[], ['--allow', 'network.host']]) {
        const { code, stderr } = await work.tsbuild([...args, ...allow, work.context])
        assert.is(code, 1)
        assert.match(stderr, /security\.insecure is not granted/)
        assert.match(stderr, /--allow security\.insecure/)
        assert.match(stderr, />>> RUN --security=insecure/)
        assert.equal(
          ranSteps(stderr).filter((name) => name.includes('RUN')),
          [],
        )
      }
      const { code, stderr } = await work.tsbuild([...args, '--allow', 'security.insecure', work.context])
      assert.is(code, 0, stderr)
      const [, usual, insecure] = ['', 'usual', 'insecure'].map((name) =>
        BigInt(`0x${new RegExp(`${name}CapEff:\\s*([0-9a-f]+)`).exec(stderr)?.[1] ?? '0'}`),
      )
      assert.is(insecure, await ownCapabilities())
      assert.is(usual, 0xa80425fbn & (await ownCapabilities()))
    },
    options,
  )

  test(
    'locked cache mounts: steps that take them in other orders, and one that has the same twice, come to an end',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const mounts = (...ids: string[]) =>
        ids.map((id, n) => `--mount=type=cache,sharing=locked,id=${id},target=/${n}`).join(' ')
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox} AS base
FROM base AS one
RUN ${mounts('a', 'b')} sleep 0.3 && echo one > /one
FROM base AS two
RUN ${mounts('b', 'a')} sleep 0.3 && echo two > /two
FROM base
COPY --from=one /one /
COPY --from=two /two /
RUN ${mounts('a', 'a')} echo same > /0/file && grep same /1/file\n`,
      })
      const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(code, 0, stderr)
    },
    options,
  )

  test(
    '--ulimit sets limits before the command starts, counts in the key, and is not in the image',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN echo "$(ulimit -Sn) $(ulimit -Hn) core $(ulimit -Hc)"\n`,
      })
      const build = (...limits: string[]) =>
        work.tsbuild([
          ...['build', '--progress', 'plain', '-t', 'app'],
          ...limits.flatMap((text) => ['--ulimit', text]),
          work.context,
        ])
      const image = async () => {
        const [{ Id, Config, History }] = JSON.parse(await work.ok(['inspect', 'app']))
        return { id: Id, facts: JSON.stringify([Config, History]) }
      }
      const plain = await build()
      assert.is(plain.code, 0, plain.stderr)
      const before = await image()
      const limited = await build('nofile=100:200', 'core=0')
      assert.match(limited.stderr, /\d 100 200 core 0/)
      const after = await image()
      assert.is.not(after.id, before.id)
      assert.is(after.facts, before.facts)
      assert.is(
        cachedSteps((await build('nofile=100:200', 'core=0')).stderr).filter((name) => /RUN/.test(name)).length,
        1,
      )
      assert.match((await build('nofile=100:300', 'core=0')).stderr, /\d 100 300 core 0/)
      assert.is(cachedSteps((await build()).stderr).filter((name) => /RUN/.test(name)).length, 1)
    },
    options,
  )

  test(
    '--ulimit above what this process may set is refused by name',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN echo "$(ulimit -Hu) $(ulimit -Hn)"\n` })
      const limits = await readFile('/proc/self/limits', 'utf8')
      const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1])
      const { code, stderr } = await work.tsbuild([
        ...['build', '--progress', 'plain', '--ulimit', `nofile=10:${hard + 1}`],
        work.context,
      ])
      if (((await ownCapabilities()) & capSysResource) !== 0n) {
        assert.match(stderr, new RegExp(`\\d ${hard + 1}$`, 'm'))
        return
      }
      assert.is(code, 1)
      assert.match(stderr, /Cannot set the limit "nofile": a hard limit is above that of this process/)
    },
    options,
  )

  test(
    '--security-opt confines RUN, counts in the key, and leaves insecure steps their calls',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const refuseMkdir = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }
      const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [refuseMkdir] }
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}
RUN mkdir /d; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\n\\t'; echo
RUN --security=insecure mkdir /insecure && grep ^Seccomp: /proc/self/status\n`,
        'profile.json': JSON.stringify(profile),
        'none.json': '{"defaultAction":"DENY"}',
      })
      const build = (...options: string[]) =>
        work.tsbuild([
          ...['build', '--progress', 'plain', '--allow', 'security.insecure'],
          ...options.flatMap((text) => ['--security-opt', text]),
          work.context,
        ])
      const cases: [options: string[], usual: RegExp][] = [
        [[], /NoNewPrivs:0Seccomp:2/],
        [['no-new-privileges'], /NoNewPrivs:1Seccomp:2/],
        [['seccomp=unconfined'], /NoNewPrivs:0Seccomp:0/],
        [[`seccomp=${work.context}/profile.json`], /can't create directory '\/d': No space left/],
      ]
      for (const [given, usual] of cases) {
        const { code, stderr } = await build(...given)
        assert.is(code, 0, stderr)
        assert.match(stderr, usual)
        assert.match(stderr, /Seccomp:\t0$/m)
        assert.is(cachedSteps((await build(...given)).stderr).filter((name) => /RUN/.test(name)).length, 2)
      }
      const invalid = await build(`seccomp=${work.context}/none.json`)
      assert.is(invalid.code, 1)
      assert.match(invalid.stderr, /Cannot use the seccomp profile, "defaultAction": there is no action "DENY"/)
      const missing = await build('seccomp=/no/such/file')
      assert.is.not(missing.code, 0)
      assert.match(missing.stderr, /its profile can't be read/)
    },
    options,
  )

  test(
    'RUN --device is refused by name before anything runs',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN true\nRUN --device=vendor.com/gpu=all true\n`,
      })
      const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(code, 1)
      assert.match(stderr, /Cannot use device "vendor\.com\/gpu=all": /)
      assert.match(stderr, />>> RUN --device/)
      assert.equal(
        ranSteps(stderr).filter((name) => name.includes('RUN')),
        [],
      )
    },
    options,
  )
})
