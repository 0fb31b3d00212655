import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  baseRegistryProblem,
  command,
  findProgram,
  startBaseRegistry,
  startRegistry,
  tempDir,
  tests,
} from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { dockerdProblem, startDockerd } from './dockerd.js'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? baseRegistryProblem()

function missing(program: string): string | undefined {
  return skip ?? (findProgram(program) === undefined ? `${program} is not installed` : undefined)
}

/** An image with something of everything: files, a link, a removed file, a user, a command that shows them. */
async function sample(work: Workspace, base: string): Promise<void> {
  await work.write({
    Dockerfile: `FROM ${base}
RUN mkdir /data && echo one > /data/one && ln -s one /data/link && ln /data/one /data/hard && touch /data/gone
RUN rm /data/gone && chown -R 1000:1000 /data && chmod 4755 /bin/busybox
COPY hello /data/
ENV GREETING=hi
WORKDIR /data
USER 1000
CMD ["sh", "-c", "echo $GREETING $(cat link hello) $(ls | wc -l)"]
`,
    hello: 'hello from the context\n',
  })
}

const says = 'hi one hello from the context 4'

tests('images read by others', (test) => {
  test(
    'skopeo and umoci read type=oci',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await sample(work, registry.images.busybox)
      const oci = join(work.path, 'oci')
      await work.ok([
        'build',
        '-t',
        'sample',
        '-o',
        `type=oci,dest=${oci},tar=false`,
        '-o',
        `type=oci,dest=${oci}.tar`,
        work.context,
      ])
      for (const source of [`oci:${oci}`, `oci-archive:${oci}.tar`]) {
        const config = JSON.parse(await command('skopeo', ['inspect', '--config', source])) as {
          config: { User: string; Env: string[] }
        }
        assert.is(config.config.User, '1000')
        assert.ok(config.config.Env.includes('GREETING=hi'))
      }
      await command('skopeo', [
        '--insecure-policy',
        'copy',
        `oci:${oci}`,
        `docker-archive:${join(work.path, 'copied.tar')}:x/y:z`,
      ])
      const bundle = join(work.path, 'bundle')
      const index = JSON.parse(await readFile(join(oci, 'index.json'), 'utf8')) as {
        manifests: { annotations?: Record<string, string> }[]
      }
      const tag = index.manifests[0]?.annotations?.['org.opencontainers.image.ref.name'] ?? 'latest'
      await command('umoci', ['unpack', '--image', `${oci}:${tag}`, bundle])
      assert.is(await readFile(join(bundle, 'rootfs/data/hello'), 'utf8'), 'hello from the context\n')
      assert.match(await command('ls', [join(bundle, 'rootfs/data')]), /^hard\nhello\nlink\none\n$/)
    },
    { skip: missing('umoci'), timeoutMs: 90_000 },
  )

  test(
    'podman loads type=docker and runs the image',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await using store = await tempDir('tsbuild-podman-')
      await sample(work, registry.images.busybox)
      const tar = join(work.path, 'sample.tar')
      await work.ok(['build', '-t', 'sample', '-o', `type=docker,dest=${tar}`, work.context])
      const podman = (...args: string[]) =>
        command('podman', [
          '--root',
          join(store.path, 'root'),
          '--runroot',
          join(store.path, 'run'),
          '--tmpdir',
          join(store.path, 'tmp'),
          '--cgroup-manager',
          'cgroupfs',
          '--runtime',
          'runc',
          ...args,
        ])
      try {
        assert.match(await podman('load', '-i', tar), /sample/)
        const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
        assert.is(
          (await podman('run', '--rm', '--network', 'host', ...limits, 'docker.io/library/sample')).trim(),
          says,
        )
      } finally {
        await command('sh', [
          '-c',
          `grep -o ' ${store.path}[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l`,
        ])
      }
    },
    { skip: missing('podman'), timeoutMs: 120_000 },
  )

  test(
    'dockerd loads, pulls from a registry and runs the image',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await using dockerd = await startDockerd()
      await sample(work, registry.images.busybox)
      const name = `${registry.host}/team/sample:1`
      const tar = join(work.path, 'sample.tar')
      await work.ok(['build', '-t', name, '-o', `type=docker,dest=${tar}`, '--push', work.context])
      const id = await work.ok(['images', '-q', '--no-trunc'])
      assert.match(await dockerd.docker(['load', '-i', tar]), /Loaded image/)
      assert.is((await dockerd.docker(['run', '--rm', '--network', 'host', name])).trim(), says)
      assert.ok(id.split('\n').includes((await dockerd.docker(['images', '-q', '--no-trunc'])).trim()))
      const env = { DOCKER_HOST: dockerd.host, PATH: `/usr/bin:${process.env['PATH']}` }
      await work.ok(['build', '--load', '-t', 'loaded:2', work.context], { env })
      assert.is(
        (await dockerd.docker(['images', '-q', '--no-trunc', 'loaded:2'])).trim(),
        await work.ok(['inspect', '--format', '{{.Id}}', 'loaded:2']),
      )
      await dockerd.docker(['rmi', name])
      await dockerd.docker(['pull', name])
      assert.is((await dockerd.docker(['run', '--rm', '--network', 'host', name])).trim(), says)
    },
    { skip: skip ?? dockerdProblem(), timeoutMs: 180_000 },
  )

  test(
    'a push sends each blob once, and mounts it in other repositories',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await sample(work, registry.images.busybox)
      await work.ok(['build', '-t', `${registry.host}/one/app`, '--push', work.context])
      const inspected = JSON.parse(
        await command('skopeo', ['inspect', '--tls-verify=false', `docker://${registry.host}/one/app`]),
      ) as { Layers: string[] }
      assert.is(inspected.Layers.length, 5)
      const again = await work.tsbuild([
        'build',
        '--progress',
        'rawjson',
        '-t',
        `${registry.host}/one/app`,
        '-t',
        `${registry.host}/two/app`,
        '--push',
        work.context,
      ])
      assert.is(again.code, 0, again.stderr)
      const second = JSON.parse(
        await command('skopeo', ['inspect', '--tls-verify=false', `docker://${registry.host}/two/app`]),
      ) as { Layers: string[] }
      assert.equal(second.Layers, inspected.Layers)
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'push to a registry that is down or unknown says which',
    async () => {
      await using registry = await startRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      await work.ok(['build', '-t', `${registry.host}/a/b`, '--push', work.context])
      const { code, stderr } = await work.tsbuild(['build', '-t', 'localhost:1/a/b', '--push', work.context])
      assert.is(code, 1)
      assert.match(stderr, /localhost:1/)
    },
    { skip, timeoutMs: 60_000 },
  )
})
