import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { createRegistryClient, type RegistryClientOptions } from '@tsbuild/registry'
import { mediaTypes, parseReference } from '@tsbuild/spec'
import { registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, opener, quick, serve, smallImage } from './support.js'

const auth = { user: 'builder', password: 'correct horse/battery' }
const skip = registryProblem({ auth })

tests('credentials', (test) => {
  test(
    'resolve() uses basic credentials from the function, the file and a helper',
    async () => {
      await using registry = await startRegistry({ auth })
      await using folder = await tempDir()
      const config = `${folder.path}/config.json`
      const encoded = Buffer.from(`${auth.user}:${auth.password}`).toString('base64')
      await mkdir(`${folder.path}/bin`)
      const helper = `${folder.path}/bin/docker-credential-testing`
      await writeFile(
        helper,
        `#!/bin/sh
read -r host
[ "$1 $host" = "get ${registry.host}" ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"ServerURL":"x","Username":"${auth.user}","Secret":"${auth.password}"}'
`,
      )
      await chmod(helper, 0o755)
      const reference = parseReference(`${registry.host}/app`)
      const image = smallImage()
      const good: Record<string, RegistryClientOptions & { readonly file?: object }> = {
        function: { dockerConfigPath: false, credentials: () => ({ username: auth.user, password: auth.password }) },
        file: { dockerConfigPath: config, file: { auths: { [registry.host]: { auth: encoded } } } },
        'file with URL': {
          dockerConfigPath: config,
          file: { auths: { [`https://${registry.host}/v1/`]: { auth: encoded } } },
        },
        DOCKER_CONFIG: {
          env: { DOCKER_CONFIG: folder.path },
          file: { auths: { [registry.host]: { username: auth.user, password: auth.password } } },
        },
        credHelpers: {
          env: { PATH: `${folder.path}/bin:/bin:/usr/bin`, DOCKER_CONFIG: folder.path },
          file: { credHelpers: { [registry.host]: 'testing' } },
        },
        credsStore: {
          env: { PATH: `${folder.path}/bin:/bin:/usr/bin`, DOCKER_CONFIG: folder.path },
          file: { credsStore: 'testing' },
        },
      }
      for (const [name, { file, ...options }] of Object.entries(good)) {
        if (file !== undefined) await writeFile(config, JSON.stringify(file))
        await using client = createRegistryClient(options)
        await client.pushBlob(reference, image.manifest.config, opener(image.config))
        await client.pushBlob(reference, image.manifest.layers[0]!, opener(image.layer))
        await client.pushManifest(reference, image.bytes, mediaTypes.ociManifest)
        assert.is((await client.resolve(reference)).manifest.config.digest, image.manifest.config.digest, name)
      }
    },
    { skip },
  )

  test(
    'resolve() tells missing and wrong credentials apart, without showing them',
    async () => {
      await using registry = await startRegistry({ auth })
      const reference = parseReference(`${registry.host}/app`)
      await using none = createRegistryClient({ dockerConfigPath: false, retry: quick })
      const missing = await fails(none.resolve(reference), 'REGISTRY_UNAUTHORIZED', /answered 401/)
      assert.is(missing.hint, `Log in with "tsbuild login ${registry.host}"`)
      const password = 'tr0ub4dor&3'
      await using wrong = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        credentials: () => ({ username: 'eve', password }),
      })
      const refused = await fails(wrong.resolve(reference), 'REGISTRY_UNAUTHORIZED')
      assert.is(refused.hint, `Check the user and password for "${registry.host}"`)
      assert.not.match(JSON.stringify([refused.message, refused.hint, String(refused.cause)]), /tr0ub4dor/)
    },
    { skip },
  )

  test('a credentials file or helper that cannot be used is CREDENTIALS_FAILED', async () => {
    await using folder = await tempDir()
    const unauthorized = await serve((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    )
    await using server = unauthorized
    const config = `${folder.path}/config.json`
    const bad: Record<string, RegExp> = {
      '{"auths": {"x": {"auth": "c2VjcmV0OnNlY3JldA=="': /not valid JSON$/,
      [JSON.stringify({ auths: { [server.host]: { auth: 'bm9jb2xvbg==' } } })]: /not base64 of user:password/,
      [JSON.stringify({ credsStore: 'is-not-there' })]: /not on PATH/,
      [JSON.stringify({ credsStore: '../../bin/true' })]: /not a program name/,
    }
    for (const [text, message] of Object.entries(bad)) {
      await writeFile(config, text)
      await using client = createRegistryClient({ dockerConfigPath: config, retry: quick, env: { PATH: '/nowhere' } })
      const error = await fails(client.resolve(server.ref('x')), 'CREDENTIALS_FAILED', message)
      assert.not.match(error.message, /c2VjcmV0|bm9jb2xvbg/)
    }
    await using silent = createRegistryClient({ dockerConfigPath: `${folder.path}/none.json`, retry: quick })
    await fails(silent.resolve(server.ref('x')), 'REGISTRY_UNAUTHORIZED')
  })

  test('no message holds a secret that a server repeats', async () => {
    const secret = 'hunter2-hunter2'
    await using server = await serve((incoming, response) => {
      const { authorization } = incoming.headers
      if (authorization === undefined) return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      const plain = Buffer.from(authorization.slice(6), 'base64').toString()
      return response
        .writeHead(500)
        .end(`you sent ${authorization} = ${plain} to https://me:pw@host/x?token=abc\u001b[31m ${'x'.repeat(5000)}`)
    })
    await using client = createRegistryClient({
      dockerConfigPath: false,
      retry: { ...quick, attempts: 1 },
      credentials: () => ({ username: 'me', password: secret }),
    })
    const error = await fails(client.resolve(server.ref('x')), 'REGISTRY_FAILED', /answered 500: you sent Basic \*\*\*/)
    assert.not.match(error.message, /hunter2|me:pw|token=|\p{Cc}/u)
    assert.not.match(error.message, new RegExp(Buffer.from(`me:${secret}`).toString('base64').slice(0, 12)))
    assert.ok(error.message.length < 1400)
    await using other = createRegistryClient({
      dockerConfigPath: false,
      retry: quick,
      credentials: () => ({ username: 'me', password: secret }),
    })
    await fails(other.pushBlob(server.ref('x'), blobOf(Buffer.from('x')), opener(Buffer.from('x'))), 'REGISTRY_FAILED')
  })
})
