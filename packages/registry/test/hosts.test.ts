import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRegistryClient, type RegistryHost } from '@tsbuild/registry'
import { hasCode, parseReference } from '@tsbuild/spec'
import { registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Hosts } from '../dist/http/hosts.js'
import { inMirror, parseMirror } from '../dist/http/mirror-name.js'
import { fails, quick, serve } from './support.js'

const hosts = (given: Readonly<Record<string, RegistryHost>>, certsDirectories: readonly string[] = []) =>
  new Hosts({ hosts: given, insecure: ['named.test', 'port.test:5000'], certsDirectories })

tests('settings of hosts', (test) => {
  test('of() knows who may be reached by plain HTTP', async () => {
    const known = hosts({
      'plain.test': { plainHttp: true },
      'localhost:1': { plainHttp: false },
      'localhost:2': { insecure: false },
      'loose.test': { insecure: true },
    })
    const table: Record<string, readonly [insecure: boolean, plainHttp: string]> = {
      'registry.test': [false, 'never'],
      'plain.test': [false, 'always'],
      'localhost:5000': [true, 'fallback'],
      'localhost:1': [true, 'never'],
      'localhost:2': [false, 'never'],
      'loose.test': [true, 'fallback'],
      'loose.test:443': [true, 'fallback'],
      'loose.test:5000': [false, 'never'],
      'named.test:7': [true, 'fallback'],
      'port.test': [false, 'never'],
      'port.test:5000': [true, 'fallback'],
    }
    for (const [host, [insecure, plainHttp]] of Object.entries(table)) {
      const found = await known.of(host)
      assert.equal([found.insecure, found.plainHttp], [insecure, plainHttp], host)
    }
  })

  test('of() finds the settings of Docker Hub under each of its names', async () => {
    const known = hosts({ 'docker.io': { mirrors: ['mirror.test/hub'] } })
    for (const name of ['docker.io', 'registry-1.docker.io', 'index.docker.io'])
      assert.equal((await known.of(name)).mirrors, [{ registry: 'mirror.test', prefix: 'hub/' }])
  })

  test('parseMirror() reads hosts, ports and paths, and refuses the rest', () => {
    const good: Record<string, readonly [string, string]> = {
      'mirror.test': ['mirror.test', ''],
      'https://mirror.test:5000/': ['mirror.test:5000', ''],
      'mirror.test/a/b': ['mirror.test', 'a/b/'],
      '[::1]:5000/x': ['[::1]:5000', 'x/'],
    }
    for (const [text, [registry, prefix]] of Object.entries(good))
      assert.equal(parseMirror(text, 'docker.io'), { registry, prefix }, text)
    const bad: Record<string, RegExp> = {
      '': /not host\[:port\]|does not begin/,
      'http://mirror.test': /named with http:\/\//,
      'https://me:secret@mirror.test': /./,
      'mirror.test/UPPER': /not host/,
      'nohost/x': /does not begin with a registry host/,
    }
    for (const [text, why] of Object.entries(bad)) {
      assert.throws(
        () => parseMirror(text, 'docker.io'),
        (error: unknown) =>
          hasCode(error, 'SETTINGS_INVALID') && why.test(error.message) && !error.message.includes('secret'),
        text,
      )
    }
    const reference = parseReference('debian:12')
    assert.equal(inMirror(reference, { registry: 'm.test', prefix: 'hub/' }), {
      registry: 'm.test',
      repository: 'hub/library/debian',
      tag: '12',
    })
  })

  test('of() refuses certificates that are of no use, and names them', async () => {
    await using dir = await tempDir()
    const notPem = join(dir.path, 'x.pem')
    await writeFile(notPem, 'nothing')
    await mkdir(join(dir.path, 'half.test'))
    await writeFile(join(dir.path, 'half.test', 'client.cert'), 'x')
    const bad: Record<string, readonly [RegistryHost, RegExp]> = {
      'a.test': [{ cert: notPem }, /"key" is missing/],
      'b.test': [{ key: notPem }, /"cert" is missing/],
      'c.test': [{ ca: join(dir.path, 'none.pem') }, /"ca" can't be read: ENOENT/],
      'd.test': [{ ca: notPem }, /not in PEM form/],
      'e.test': [
        { cert: '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----', key: '-----BEGIN PRIVATE KEY-----\nx' },
        /can't be used/,
      ],
      'half.test': [{}, /there is no "client.key" beside it/],
    }
    for (const [host, [settings, why]] of Object.entries(bad)) {
      const error = await hosts({ [host]: settings }, [dir.path])
        .of(host)
        .then(
          () => undefined,
          (failure: unknown) => failure,
        )
      assert.ok(hasCode(error, 'SETTINGS_INVALID'), host)
      assert.match(error.message, why)
    }
  })

  test('a host with "plainHttp": true is asked by HTTP alone, one with false by HTTPS alone', async () => {
    await using server = await serve((_, response) => response.writeHead(404).end())
    const ask = async (plainHttp: boolean) => {
      await using client = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        hosts: { [server.host]: { plainHttp } },
      })
      await client.resolve(server.ref('x')).catch(() => {})
    }
    let connections = 0
    server.server.on('connection', () => connections++)
    await ask(true)
    assert.equal([connections, server.requests], [1, ['GET /v2/x/manifests/latest']])
    await ask(false)
    assert.is(server.requests.length, 1)
  })

  test(
    'a certificate authority of one host holds for that host, from settings and from certs.d',
    async () => {
      await using registry = await startRegistry({ tls: true })
      await using dir = await tempDir()
      const { host, certificate = '' } = registry
      const reference = parseReference(`${host}/app`)
      const ask = async (settings: RegistryHost, other: Record<string, RegistryHost> = {}) => {
        const certsDirectories = [join(dir.path, 'none'), dir.path]
        await using client = createRegistryClient({
          dockerConfigPath: false,
          retry: quick,
          hosts: { [host]: { insecure: false, ...settings }, ...other },
          certsDirectories,
        })
        return await client.hasBlob(reference, { digest: `sha256:${'0'.repeat(64)}` as never })
      }
      const error = await fails(ask({}, { 'other.test': { ca: certificate } }), 'REGISTRY_UNREACHABLE', /self-signed/)
      assert.match(error.hint ?? '', /"ca" of this host in the configuration file/)
      assert.is(await ask({ ca: certificate }), false)
      const path = join(dir.path, 'ca.pem')
      await writeFile(path, certificate)
      assert.is(await ask({ ca: path }), false)
      await mkdir(join(dir.path, host))
      await writeFile(join(dir.path, host, 'ca.crt'), certificate)
      assert.is(await ask({}), false)
    },
    { skip: registryProblem({ tls: true }) },
  )

  test(
    'a registry that wants a client certificate gets the one of its host',
    async () => {
      await using registry = await startRegistry({ tls: true, clientCertificate: true })
      await using dir = await tempDir()
      const reference = parseReference(`${registry.host}/app`)
      const { cert = '', key = '' } = registry.client ?? {}
      const ask = async (settings: RegistryHost) => {
        await using client = createRegistryClient({
          dockerConfigPath: false,
          retry: quick,
          hosts: { [registry.host]: settings },
          certsDirectories: [dir.path],
        })
        return await client.hasBlob(reference, { digest: `sha256:${'0'.repeat(64)}` as never })
      }
      const error = await fails(ask({}), 'REGISTRY_UNREACHABLE')
      assert.match(error.hint ?? '', /wants a client certificate/)
      assert.is(await ask({ cert, key }), false)
      await mkdir(join(dir.path, registry.host))
      await writeFile(join(dir.path, registry.host, 'client.cert'), cert)
      await writeFile(join(dir.path, registry.host, 'client.key'), key)
      assert.is(await ask({}), false)
    },
    { skip: registryProblem({ tls: true }) },
  )
})
