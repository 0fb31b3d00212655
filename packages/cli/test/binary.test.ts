import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { version } from '../dist/version.js'

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const shim = fileURLToPath(new URL('../bin/tsbuild.js', import.meta.url))
const bundled = existsSync(new URL('../dist/bundle/tsbuild.js', import.meta.url))
const skip = bundled ? false : 'the bundle is not built'

function run(program: string, args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { input, encoding: 'utf8' })
  return { status, stdout, stderr }
}

tests('binary', (test) => {
  test('tsbuild --version is the version of the package', () => {
    const { version: published } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    assert.is(version, published)
    assert.equal(run(main, ['--version']), { status: 0, stdout: `tsbuild version ${version}\n`, stderr: '' })
  })

  test('tsbuild parse reads standard input', () => {
    const { status, stdout } = run(main, ['parse', '-'], 'FROM scratch\n')
    assert.is(status, 0)
    assert.is(JSON.parse(stdout)[0].instruction, 'from')
  })

  test('tsbuild puts errors on standard error and exits with Docker’s codes', () => {
    const command = run(main, ['biuld'])
    assert.equal([command.status, command.stdout], [1, ''])
    assert.match(command.stderr, /Did you mean build/)
    assert.is(run(main, ['build', '--nope']).status, 125)
  })

  test('tsbuild survives a reader that goes away', async () => {
    const child = spawn('sh', ['-c', `"$0" "$1" parse - | head -c 10`, process.execPath, main], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.stdout.resume()
    child.stdin.end(`FROM scratch\n${'RUN a long line of text to fill the pipe with\n'.repeat(5000)}`)
    await new Promise((resolve) => child.on('close', resolve))
    assert.is(stderr, '')
  })

  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    test(`tsbuild ends with ${exitCode} after ${signal}`, async () => {
      const child = spawn(process.execPath, [main, 'parse', '-'], { stdio: ['pipe', 'ignore', 'pipe'] })
      let stderr = ''
      child.stderr.on('data', (chunk) => {
        stderr += chunk
      })
      // More than a pipe holds: once it is written, the program reads, and has wired its signals before.
      child.stdin.write('# comment\n'.repeat(400_000), () => child.kill(signal))
      const code = await new Promise((resolve) => child.on('close', resolve))
      assert.is(code, exitCode)
      assert.is(stderr, `ERROR: Canceled by ${signal}\n`)
    })
  }

  test(
    'tsbuild runs from the bundle',
    () => {
      assert.equal(run(shim, ['--version']), { status: 0, stdout: `tsbuild version ${version}\n`, stderr: '' })
      assert.is(run(shim, ['parse', '--format', 'dump', '-'], 'FROM a\n').stdout, '(from "a")\n')
      assert.is(run(shim, ['images', '--nope']).status, 125)
    },
    { skip },
  )

  test(
    'tsbuild --version costs at most 1.5 times a bare node',
    () => {
      const times = (args: readonly string[]) => {
        const begin = performance.now()
        spawnSync(process.execPath, args)
        return performance.now() - begin
      }
      const bare: number[] = []
      const ours: number[] = []
      for (let i = 0; i < 12; i++) {
        bare.push(times(['-e', '0']))
        ours.push(times([shim, '--version']))
      }
      const ratio = Math.min(...ours) / Math.min(...bare)
      assert.ok(ratio <= 1.5, `ratio ${ratio.toFixed(2)}`)
    },
    { skip },
  )
})
