import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openCredentialStore } from '@tsbuild/registry'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const hub = 'https://index.docker.io/v1/'
const basic = (text: string) => Buffer.from(text).toString('base64')

async function setup(config?: object) {
  const dir = await tempDir('tsbuild-credentials-')
  const path = join(dir.path, 'docker', 'config.json')
  if (config !== undefined) {
    await mkdir(join(dir.path, 'docker'))
    await writeFile(path, JSON.stringify(config))
  }
  const env = { DOCKER_CONFIG: join(dir.path, 'docker'), HOME: dir.path, PATH: `${dir.path}:${process.env.PATH}` }
  return {
    path: dir.path,
    file: path,
    env,
    store: openCredentialStore({ env }),
    read: async () => JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>,
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  }
}

/** A credential helper that keeps what it gets as files, and writes down its calls. */
async function installHelper(folder: string, name: string): Promise<void> {
  const script = `#!/bin/sh
cd "${folder}" && mkdir -p kept
echo "$1" >> calls
case "$1" in
  store) read -r line; echo "$line" > kept/secret ;;
  get) test -f kept/secret || { echo "credentials not found in native keychain"; exit 1; }; cat kept/secret ;;
  erase) rm kept/secret ;;
esac
`
  const path = join(folder, `docker-credential-${name}`)
  await writeFile(path, script)
  await chmod(path, 0o755)
}

tests('credentials file', (test) => {
  test('store() makes the file for its owner only, and find() reads it', async () => {
    await using place = await setup()
    const kept = await place.store.store('registry.test:5000', { username: 'me', password: 'p:ß' })
    assert.equal(kept, { storedIn: place.file, plainText: true })
    assert.is((await stat(place.file)).mode & 0o777, 0o600)
    assert.equal(await place.read(), { auths: { 'registry.test:5000': { auth: basic('me:p:ß') } } })
    assert.equal(await place.store.find('registry.test:5000'), { username: 'me', password: 'p:ß' })
    assert.is(await place.store.find('registry.test'), undefined)
    assert.equal(await readdir(join(place.path, 'docker')), ['config.json'])
  })

  test('store() and erase() leave everything else in the file', async () => {
    const other = { auths: { 'a.test': { auth: basic('a:b') } }, HttpHeaders: { X: 'y' }, psFormat: 'z', proxies: {} }
    await using place = await setup(other)
    await chmod(place.file, 0o644)
    await place.store.store('docker.io', { username: 'me', password: 'x' })
    const { auths, ...rest } = await place.read()
    assert.equal(Object.keys(auths as object), ['a.test', hub])
    assert.equal(rest, { HttpHeaders: { X: 'y' }, psFormat: 'z', proxies: {} })
    assert.is((await stat(place.file)).mode & 0o777, 0o600)
    assert.is(await place.store.erase('docker.io'), true)
    assert.equal(await place.read(), other)
    assert.is(await place.store.erase('docker.io'), false)
  })

  test('store() replaces an entry under an older key, and erase() takes all of them', async () => {
    await using place = await setup({ auths: { 'https://r.test/v1/': { auth: basic('old:x') } } })
    await place.store.store('r.test', { username: 'new', password: 'y' })
    assert.equal(await place.read(), { auths: { 'r.test': { auth: basic('new:y') } } })
    assert.is(await place.store.erase('r.test'), true)
    assert.equal(await place.read(), {})
  })

  test('an identity token is kept beside its user', async () => {
    await using place = await setup()
    await place.store.store('r.test', { identityToken: 'long-lived', username: 'me' })
    assert.equal(await place.read(), { auths: { 'r.test': { auth: basic('me:'), identitytoken: 'long-lived' } } })
    assert.equal(await place.store.find('r.test'), { identityToken: 'long-lived', username: 'me' })
  })

  test('store() replaces what a link leads to, and keeps the link', async () => {
    await using place = await setup({ auths: {} })
    const real = join(place.path, 'real.json')
    await writeFile(real, '{"a":1}')
    const linked = join(place.path, 'link.json')
    await symlink(real, linked)
    const store = openCredentialStore({ env: place.env, dockerConfigPath: linked })
    await store.store('r.test', { username: 'u', password: 'p' })
    assert.ok((await lstat(linked)).isSymbolicLink())
    assert.equal(JSON.parse(await readFile(real, 'utf8')), { auths: { 'r.test': { auth: basic('u:p') } }, a: 1 })
  })

  test('a file that is no JSON is not overwritten, nor quoted', async () => {
    await using place = await setup({})
    await writeFile(place.file, '{"auths": {"r.test": {"auth": "c2VjcmV0"')
    const error = await place.store
      .store('r.test', { username: 'u', password: 'pass-word' })
      .catch((failure) => failure)
    assert.ok(hasCode(error, 'CREDENTIALS_FAILED'))
    assert.not.match(`${error.message} ${error.cause}`, /c2VjcmV0|pass-word/)
    assert.match(await readFile(place.file, 'utf8'), /c2VjcmV0/)
  })

  test('a folder that cannot be written is told', async () => {
    await using place = await setup()
    await writeFile(join(place.path, 'docker'), 'a file')
    const error = await place.store.store('r.test', { username: 'u', password: 'p' }).catch((failure) => failure)
    assert.ok(hasCode(error, 'CREDENTIALS_FAILED'), String(error))
  })

  test("find() reads podman's files after Docker's, and keys with a path are not for the whole host", async () => {
    await using place = await setup({ auths: { 'both.test': { auth: basic('docker:1') } } })
    const podman = join(place.path, 'auth.json')
    const auths = {
      'both.test': { auth: basic('podman:2') },
      'only.test': { auth: basic('podman:3') },
      'part.test/team': { auth: basic('podman:4') },
    }
    await writeFile(podman, JSON.stringify({ auths }))
    const runtime = join(place.path, 'run')
    await mkdir(join(runtime, 'containers'), { recursive: true })
    await writeFile(
      join(runtime, 'containers', 'auth.json'),
      JSON.stringify({ auths: { 'run.test': { auth: basic('r:5') } } }),
    )
    const store = openCredentialStore({ env: { ...place.env, REGISTRY_AUTH_FILE: podman, XDG_RUNTIME_DIR: runtime } })
    assert.equal(await store.find('both.test'), { username: 'docker', password: '1' })
    assert.equal(await store.find('only.test'), { username: 'podman', password: '3' })
    assert.equal(await store.find('run.test'), { username: 'r', password: '5' })
    assert.is(await store.find('part.test'), undefined)
  })
})

tests('credential helpers', (test) => {
  test('credsStore keeps, gives and forgets credentials; the file shows only that there are some', async () => {
    await using place = await setup({ credsStore: 'files', auths: { 'r.test': { auth: basic('old:plain') } } })
    await installHelper(place.path, 'files')
    const kept = await place.store.store('r.test', { username: 'me', password: 'secret' })
    assert.equal(kept, { storedIn: 'docker-credential-files', plainText: false })
    assert.equal(await place.read(), { auths: { 'r.test': {} }, credsStore: 'files' })
    const told = JSON.parse(await readFile(join(place.path, 'kept', 'secret'), 'utf8')) as object
    assert.equal(told, { ServerURL: 'r.test', Username: 'me', Secret: 'secret' })
    assert.equal(await place.store.find('r.test'), { username: 'me', password: 'secret' })
    assert.is(await place.store.erase('r.test'), true)
    assert.equal(await place.read(), { credsStore: 'files' })
    assert.is(await place.store.find('r.test'), undefined)
    assert.is(await place.store.erase('r.test'), false)
  })

  test('credHelpers come first, and take identity tokens by the name <token>', async () => {
    await using place = await setup({ credsStore: 'missing', credHelpers: { 'docker.io': 'own' } })
    await installHelper(place.path, 'own')
    await place.store.store('docker.io', { identityToken: 'tok', username: 'me' })
    const told = JSON.parse(await readFile(join(place.path, 'kept', 'secret'), 'utf8')) as object
    assert.equal(told, { ServerURL: hub, Username: '<token>', Secret: 'tok' })
    assert.equal(await place.store.find('docker.io'), { identityToken: 'tok' })
  })

  test('a helper that is missing or fails is named, and what it said is not', async () => {
    await using place = await setup({ credsStore: 'gone' })
    const missing = await place.store.store('r.test', { username: 'u', password: 'pass-word' }).catch((error) => error)
    assert.ok(hasCode(missing, 'CREDENTIALS_FAILED'))
    assert.match(missing.message, /"docker-credential-gone": it is not on PATH/)
    const path = join(place.path, 'docker-credential-gone')
    await writeFile(path, '#!/bin/sh\ncat\nexit 3\n')
    await chmod(path, 0o755)
    const failed = await place.store.store('r.test', { username: 'u', password: 'pass-word' }).catch((error) => error)
    assert.ok(hasCode(failed, 'CREDENTIALS_FAILED'))
    assert.match(failed.message, /ended with code 3/)
    assert.not.match(failed.message, /pass-word/)
  })
})
