import { command, findProgram, registryProblem, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip =
  rootSkip() ?? registryProblem() ?? (findProgram('skopeo') === undefined ? 'skopeo is not installed' : undefined)

interface Index {
  readonly mediaType: string
  readonly manifests: readonly {
    readonly digest: string
    readonly platform: Readonly<Record<string, unknown>>
    readonly annotations?: Readonly<Record<string, string>>
  }[]
}

/** Images of one file for two platforms. */
async function samples(work: Workspace): Promise<void> {
  await work.write({ file: 'x'.repeat(10_000) })
  for (const platform of ['amd64', 'arm64']) {
    await work.write({ Dockerfile: `FROM scratch\nCOPY file /\nLABEL for=${platform}\n` })
    await work.ok(['build', '-q', '--platform', `linux/${platform}`, '-t', `app:${platform}`, work.context])
  }
}

async function inspect(work: Workspace, name: string): Promise<Index> {
  return JSON.parse(await work.ok(['manifest', 'inspect', name])) as Index
}

tests('manifest lists', (test) => {
  test(
    'a list of images that were built here is pushed, and others find theirs in it',
    async () => {
      await using registry = await startRegistry()
      await using work = await workspace()
      await samples(work)
      const list = `${registry.host}/team/app:1`
      assert.is(await work.ok(['manifest', 'create', list, 'app:amd64', 'app:arm64']), `Created manifest list ${list}`)
      const again = await work.tsbuild(['manifest', 'create', list, 'app:amd64'])
      assert.is(again.code, 1)
      assert.match(again.stderr, /there is one\nHint: .*--amend/)
      await work.ok(['manifest', 'annotate', '--variant', 'v9', '--annotation', 'a=b', list, 'app:arm64'])
      const local = await inspect(work, list)
      assert.equal(
        local.manifests.map(({ platform, annotations }) => [platform, annotations]),
        [
          [{ architecture: 'amd64', os: 'linux' }, undefined],
          [{ architecture: 'arm64', os: 'linux', variant: 'v9' }, { a: 'b' }],
        ],
      )
      const digest = await work.ok(['manifest', 'push', '--purge', list])
      const raw = await command('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${list}`])
      const pushed = JSON.parse(raw) as Index
      assert.equal(
        pushed.manifests.map(({ platform }) => platform),
        local.manifests.map(({ platform }) => platform),
      )
      assert.equal(await inspect(work, list), pushed, 'the list here is gone, the registry has it')
      const skopeo = ['--override-arch', 'amd64', 'inspect', '--tls-verify=false', `docker://${list}`]
      const found = JSON.parse(await command('skopeo', skopeo)) as { Digest: string; Labels: Record<string, string> }
      assert.equal([found.Digest, found.Labels], [digest, { for: 'amd64' }])
      await using other = await workspace()
      await other.ok(['pull', '-q', '--platform', 'linux/amd64', list])
      assert.is(
        await other.ok(['inspect', '--format', '{{.Id}}', list]),
        await work.ok(['inspect', '--format', '{{.Id}}', 'app:amd64']),
      )
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'a list of images at a registry is put together without fetching them, also for another repository',
    async () => {
      await using registry = await startRegistry()
      await using work = await workspace()
      await samples(work)
      for (const platform of ['amd64', 'arm64']) {
        const name = `${registry.host}/parts/${platform}:1`
        await work.ok(['tag', `app:${platform}`, name])
        await work.ok(['push', '-q', name])
      }
      await using other = await workspace()
      const part = (platform: string) => `${registry.host}/parts/${platform}:1`
      const list = `${registry.host}/whole/app`
      await other.ok(['manifest', 'create', list, part('amd64')])
      await other.ok(['manifest', 'create', '--amend', list, part('arm64')])
      await other.ok(['manifest', 'push', '--format', 'docker', list])
      const pushed = JSON.parse(
        await command('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${list}`]),
      ) as Index
      assert.is(pushed.mediaType, 'application/vnd.docker.distribution.manifest.list.v2+json')
      assert.is(pushed.manifests.length, 2)
      const copy = [`docker://${list}`, `dir:${other.path}/copy`]
      await command('skopeo', ['--insecure-policy', 'copy', '--all', '--quiet', '--src-tls-verify=false', ...copy])
      // A list of a list has all of its images.
      await other.ok(['manifest', 'create', 'localhost/again', list])
      assert.is((await inspect(other, 'localhost/again')).manifests.length, 2)
      await other.ok(['manifest', 'rm', 'localhost/again'])
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'what is not there is told by its name',
    async () => {
      await using registry = await startRegistry()
      await using work = await workspace()
      await samples(work)
      const list = `${registry.host}/app:1`
      const fails = async (args: readonly string[], why: RegExp) => {
        const { code, stderr } = await work.tsbuild(['manifest', ...args])
        assert.is(code, 1, stderr)
        assert.match(stderr, why)
      }
      await fails(['push', list], /Cannot find manifest list/)
      await fails(['create', list, `${registry.host}/none:1`], /none/)
      await fails(['inspect', `${registry.host}/none:1`], /none/)
      await work.ok(['manifest', 'create', list, 'app:amd64'])
      await fails(['annotate', '--os', 'x', list, 'app:arm64'], /the list has no such image/)
      await work.ok(['rmi', 'app:amd64'])
      await fails(['push', list], /Cannot find image/)
      await work.ok(['manifest', 'rm', list])
      await fails(['rm', list], /Cannot find manifest list/)
    },
    { skip, timeoutMs: 60_000 },
  )
})
