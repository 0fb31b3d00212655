// npm run demo: sets up, builds examples/multi-stage through the CLI, shows the image, runs the program in it through the library,
// and builds it again. Everything it makes lies in a temp folder that is removed, but for the base images in .cache.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './lib/repo.mjs'
import { run } from './lib/run.mjs'
import { setup } from './setup.mjs'

const cli = join(root, 'node_modules/.bin/tsbuild')
const plain = !process.stdout.isTTY

const title = (text) => console.log(plain ? `\n== ${text}` : `\n\x1b[1m${text}\x1b[0m`)

/** Shows a command line and runs it.
 * @param {string[]} command @param {{ env: Record<string, string>, shown?: string }} options */
async function show([program = '', ...args], { env, shown }) {
  console.log(plain ? `$ ${shown}` : `\x1b[2m$ ${shown}\x1b[0m`)
  const started = performance.now()
  const code = await run(program, args, { env })
  if (code !== 0) throw new Error(`"${shown}" ended with exit code ${code}`)
  return (performance.now() - started) / 1000
}

/** @param {{ debian: string }} images @param {Record<string, string>} env */
async function tour(images, env) {
  const tsbuild = (...args) => show([cli, ...args], { env, shown: `tsbuild ${args.join(' ')}` })
  const build = () => tsbuild('build', '-t', 'hello', '--build-arg', `DEBIAN=${images.debian}`, 'examples/multi-stage')

  title('Build a C program in a Debian stage, and ship it alone')
  const first = await build()
  title('What came out')
  await tsbuild('images')
  await tsbuild('history', 'hello')
  title('Run it, by the library')
  const program = 'examples/library/dist/run-image.js'
  await show([process.execPath, join(root, program), 'hello'], { env, shown: `node ${program} hello` })
  title('Build it again: nothing changed, so nothing runs')
  const second = await build()
  title(`First build ${first.toFixed(1)} s, second ${second.toFixed(2)} s. The CLI is ./node_modules/.bin/tsbuild`)
}

async function main() {
  await setup()
  const { baseRegistryProblem, startBaseRegistry } = await import(join(root, 'packages/testkit/dist/index.js'))
  const problem = baseRegistryProblem({ debian: true })
  if (problem !== undefined)
    throw new Error(`The demo builds on a Debian image of its own making, and can't here: ${problem}`)
  title('Serve a Debian base image from a registry on loopback (made on the first run, 20 to 30 s)')
  // Ctrl-C reaches the program that is running, too; its end brings us to the clean-up below.
  process.on('SIGINT', () => {})
  const temp = mkdtempSync(join(tmpdir(), 'tsbuild-demo-'))
  const registry = await startBaseRegistry({ debian: true })
  try {
    console.log(registry.images.debian)
    await tour(registry.images, { TSBUILD_ROOT: join(temp, 'root') })
  } finally {
    await registry[Symbol.asyncDispose]()
    rmSync(temp, { recursive: true, force: true, maxRetries: 5 })
  }
}

await main().catch((error) => {
  console.error(`\n${error.message}`)
  process.exitCode = 1
})
