import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { parseRegistryConfig, readRegistryConfig } from '../dist/registries/config-file.js'

const parse = (value: unknown) => parseRegistryConfig(JSON.stringify(value), '/etc/x/config.json', { HOME: '/home/me' })

tests('configuration of registries', (test) => {
  test('parseRegistryConfig() reads every member, and makes paths absolute', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nx'
    const hosts = {
      'docker.io': { mirrors: ['m.test:5000', 'n.test/hub'] },
      '10.0.0.5:5000': { plainHttp: true, insecure: false },
      '[::1]:5000': { ca: 'certs/ca.pem', cert: '~/client.pem', key: '/abs/key.pem' },
      'r.test': { ca: pem },
    }
    assert.equal(parse({ registries: hosts }), {
      ...hosts,
      '[::1]:5000': { ca: '/etc/x/certs/ca.pem', cert: '/home/me/client.pem', key: '/abs/key.pem' },
    })
    assert.equal(parse({}), {})
  })

  const bad: readonly (readonly [value: unknown, why: RegExp, hint?: RegExp])[] = [
    [[], /it is not an object/],
    [{ registry: {} }, /"registry" is not known/, /Known are registries/],
    [{ Registries: {} }, /"Registries" is not known/],
    [{ registries: [] }, /registries is not an object/],
    [{ registries: { 'r.test': { plainHTTP: true } } }, /"plainHTTP" in registries\["r.test"\] is not known/],
    [{ registries: { 'r.test': { mirror: [] } } }, /"mirror" in .* is not known/, /Did you mean "mirrors"\?/],
    [{ registries: { 'r.test': { mirrors: 'm.test' } } }, /\.mirrors is not a list/],
    [{ registries: { 'r.test': { mirrors: [1] } } }, /\.mirrors\[0\] is not a string/],
    [{ registries: { 'r.test': { insecure: 'yes' } } }, /\.insecure is not true or false/],
    [{ registries: { 'r.test': { ca: '' } } }, /\.ca is not a string with something in it/],
    [{ registries: { 'https://r.test': {} } }, /is not a registry host/, /Leave the scheme/],
    [{ registries: { 'r.test/team': {} } }, /is not a registry host/],
    [{ registries: { 'index.docker.io': {} } }, /is not a registry host/, /docker.io/],
    [{ registries: { nodots: {} } }, /is not a registry host/],
  ]
  for (const [value, why, hint] of bad) {
    test(`parseRegistryConfig() refuses ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => parse(value),
        (error: unknown) =>
          hasCode(error, 'CONFIG_INVALID') &&
          error.message.startsWith('Cannot use configuration "/etc/x/config.json": ') &&
          why.test(error.message) &&
          (hint === undefined || hint.test(error.hint ?? '')),
      )
    })
  }

  test('readRegistryConfig() reads $TSBUILD_CONFIG alone, else the files of machine and user', async () => {
    await using dir = await tempDir()
    const own = join(dir.path, 'named.json')
    await writeFile(own, '{"registries":{"a.test":{"insecure":true}}}')
    await mkdir(join(dir.path, 'xdg/tsbuild'), { recursive: true })
    await writeFile(join(dir.path, 'xdg/tsbuild/config.json'), '{"registries":{"b.test":{"plainHttp":true}}}')
    const env = { XDG_CONFIG_HOME: join(dir.path, 'xdg'), HOME: dir.path }
    assert.equal((await readRegistryConfig(undefined, env))['b.test'], { plainHttp: true })
    assert.equal(await readRegistryConfig(undefined, { ...env, TSBUILD_CONFIG: own }), { 'a.test': { insecure: true } })
    assert.equal(await readRegistryConfig(own, env), { 'a.test': { insecure: true } })
    for (const path of [join(dir.path, 'none.json'), dir.path]) {
      const error = await readRegistryConfig(path, env).catch((failure) => failure)
      assert.ok(hasCode(error, 'CONFIG_INVALID'), String(error))
    }
    await writeFile(own, '{"registries":')
    const broken = await readRegistryConfig(own, env).catch((failure) => failure)
    assert.match((broken as Error).message, /not valid JSON/)
  })
})
