import { writeFile } from 'node:fs/promises'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { parseCall } from '../dist/build/call-spec.js'
import { runProgram } from '../dist/program.js'
import { fakeIo } from './fake-io.js'

const dockerfile = `# app is what is shipped
FROM scratch AS app
# WHO is greeted
ARG WHO=world
RUN --mount=type=secret,id=token,required true
FROM app
`

async function call(...args: string[]): Promise<{ readonly code: number; readonly text: string }> {
  await using dir = await tempDir()
  await writeFile(`${dir.path}/Dockerfile`, dockerfile)
  const { exitCode = 0, stdout = '', stderr = '' } = await runProgram(['build', ...args, dir.path], fakeIo().io)
  return { code: exitCode, text: stdout + stderr }
}

tests('build --call', (test) => {
  test('--call=targets prints a table', async () => {
    assert.equal(await call('--call=targets'), {
      code: 0,
      text: 'TARGET      DESCRIPTION\napp         is what is shipped\n(default)\n',
    })
  })

  test('--call=outline prints what a target takes', async () => {
    const { text } = await call('--call', 'outline', '--target', 'app', '--build-arg', 'WHO=you')
    assert.is(
      text,
      `TARGET:      app
DESCRIPTION: is what is shipped

BUILD ARG   VALUE   DESCRIPTION
WHO         you     is greeted

SECRET   REQUIRED
token    true

`,
    )
  })

  test('--call with format=json prints the documents that buildx prints', async () => {
    const sources = [Buffer.from(dockerfile).toString('base64')]
    const at = (line: number) => ({ ranges: [{ start: { line }, end: { line } }] })
    assert.equal(JSON.parse((await call('--call=targets,format=json')).text), {
      targets: [
        { name: 'app', description: 'is what is shipped', base: 'scratch', location: at(2) },
        { default: true, base: 'app', location: at(6) },
      ],
      sources,
    })
    assert.equal(JSON.parse((await call('--call=format=json,outline')).text), {
      args: [{ name: 'WHO', description: 'is greeted', value: 'world', location: at(4) }],
      secrets: [{ name: 'token', required: true, location: at(5) }],
      sources,
    })
  })

  test('--call=check and --check run the build checks', async () => {
    const fine = { code: 0, text: 'Check complete, no warnings found.\n' }
    assert.equal(await call('--call=check'), fine)
    assert.equal(await call('--check'), fine)
    const { text } = await call('--call=check,format=json')
    assert.equal((JSON.parse(text) as { warnings: unknown }).warnings, [])
  })

  const good = {
    build: { method: 'build', json: false, ignoreStatus: false },
    lint: { method: 'check', json: false, ignoreStatus: false },
    'format=json': { method: 'build', json: true, ignoreStatus: false },
    'check,format=text,ignorestatus=true': { method: 'check', json: false, ignoreStatus: true },
  }
  for (const [text, spec] of Object.entries(good)) {
    test(`parseCall() reads "${text}"`, () => assert.equal(parseCall(text), spec))
  }
  for (const text of ['', 'nope', 'format=xml', 'constructor', 'targets=1', '"check']) {
    test(`parseCall() refuses "${text}"`, () => assert.throws(() => parseCall(text), /Cannot parse --call/))
  }
})
