// Makes a fresh clone ready: npm packages, compiled output, the bundled CLI, and (root on Debian) the programs that tests use.
// Does nothing, quickly, where all of that is there. Plain JavaScript without dependencies, since it runs before any is installed.
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDebianPackages } from './lib/debian.mjs'
import { withLock } from './lib/lock.mjs'
import { cacheDir, filesBelow, projects, readJson, root, workspaces } from './lib/repo.mjs'
import { capture, run } from './lib/run.mjs'
import { contentStamp, readStamp, statStamp, writeStamp } from './lib/stamp.mjs'

const pnpm = 'pnpm@10.34.9'
const say = (line) => console.error(line)

/** Does all of the set-up that is not done yet.
 * @param {{ debian?: boolean }} [options] `debian: false` leaves the system's packages alone
 * @throws when a step fails; what it printed has been shown */
export async function setup({ debian = true } = {}) {
  checkNode()
  await withLock(join(cacheDir, 'setup.lock'), async () => {
    await installPackages()
    await compile()
    linkCli()
    if (debian) await ensureDebianPackages(say)
  })
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Error(`Cannot set up with Node ${process.versions.node}: 20.19 or newer is needed`)
}

async function installPackages() {
  const file = join(root, 'node_modules/.setup-packages')
  const manifests = ['package.json', ...workspaces().map((folder) => `${folder}/package.json`)]
  const stamp = contentStamp(['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests])
  if (readStamp(file) === stamp) return
  say(`Installing npm packages (${pnpm}, by its lockfile)`)
  await must('npx', ['-y', pnpm, 'install', '--frozen-lockfile'], { CI: 'true' })
  writeStamp(file, stamp)
}

async function compile() {
  const file = join(cacheDir, 'compiled')
  const stamp = statStamp(compileInputs())
  if (readStamp(file) === stamp && outputs().every((path) => existsSync(join(root, path)))) return
  say('Compiling')
  removeStale()
  await must(join(root, 'node_modules/.bin/tsc'), ['-b'])
  await must(process.execPath, ['packages/cli/scripts/bundle.mjs'])
  writeStamp(file, stamp)
}

function compileInputs() {
  const source = (name) => /\.(ts|mts|cts|mjs|json)$/.test(name)
  const own = ['pnpm-lock.yaml', 'tsconfig.json', 'tsconfig.base.json']
  return [...own, ...['packages', 'bench', 'test', 'examples'].flatMap((folder) => filesBelow(folder, source))]
}

/** What must be there for the stamp to be believed. */
function outputs() {
  return [...projects().map(({ out }) => `${out}/.tsbuildinfo`), 'packages/cli/dist/bundle']
}

/** tsc leaves the output of deleted sources behind, and a deleted test would go on running. */
function removeStale() {
  for (const { src, out } of projects()) {
    if (!existsSync(join(root, out))) continue
    for (const entry of readdirSync(join(root, out), { recursive: true })) {
      const match = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(entry)
      if (match === null || entry.startsWith('bundle/')) continue
      if (!existsSync(join(root, src, `${match[1]}.ts`))) rmSync(join(root, out, entry), { force: true })
    }
  }
}

/** A plain link, as npm makes one: pnpm's own is a shell script, which starts several programs before Node. */
function linkCli() {
  const link = join(root, 'node_modules/.bin/tsbuild')
  const { bin } = readJson(join(root, 'packages/cli/package.json'))
  const target = join('../../packages/cli', bin.tsbuild)
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(link) === target) return
  mkdirSync(dirname(link), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(target, link)
}

/** Quiet unless it fails. */
async function must(program, args, env = {}) {
  if (process.env.TSBUILD_SETUP_VERBOSE) {
    if ((await run(program, args, { env })) !== 0) throw new Error(`Cannot set up: "${args.join(' ')}" failed`)
    return
  }
  const { code, output } = await capture(program, args, { env })
  if (code === 0) return
  say(output)
  throw new Error(`Cannot set up: "${args.join(' ')}" failed`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setup().catch((error) => {
    say(error.message)
    process.exitCode = 1
  })
}
