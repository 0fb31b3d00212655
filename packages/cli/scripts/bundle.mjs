// Bundles the CLI and all workers into one flat folder, so that `new URL('./x-worker.js', import.meta.url)` finds them.
// CommonJS, since Node starts that much faster: no loader of ES modules, one file to find and to compile.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const cli = join(dirname(fileURLToPath(import.meta.url)), '..')
const packages = join(cli, '..')
const bundle = join(cli, 'dist/bundle')
// Made aside, so that a failure leaves the old one.
const outdir = `${bundle}.new`

const workers = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => filesIn(join(packages, name, 'dist')))
  .filter((file) => file.endsWith('-worker.js'))

const common = {
  outdir,
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  supported: { 'dynamic-import': false },
  minify: true,
  keepNames: true,
  define: { 'import.meta.url': 'tsbuildUrl' },
  banner: { js: "const tsbuildUrl=require('node:url').pathToFileURL(__filename).href;" },
  external: ['koffi', 'lmdb', '@bokuweb/zstd-wasm'],
  legalComments: 'none',
  logLevel: 'warning',
}

/** The entry that answers `--version` stays small; the rest is a file of its own. */
const restApart = {
  name: 'rest-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/process\.js$/ }, () => ({ path: './load-cached.cjs', external: true }))
  },
}

/** commander loads child_process for subcommands that are programs of their own; there are none here, and it costs milliseconds. */
const withoutSubprograms = {
  name: 'without-subprograms',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer, path }) =>
      importer.includes('/commander/') ? { path, namespace: 'empty' } : undefined,
    )
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {}' }))
  },
}

rmSync(outdir, { recursive: true, force: true })
mkdirSync(outdir, { recursive: true })
writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n')
await build({ ...common, entryPoints: { tsbuild: join(cli, 'dist/main.js') }, plugins: [restApart] })
await build({ ...common, entryPoints: { cli: join(cli, 'dist/process.js') }, plugins: [withoutSubprograms] })
const nameOf = (file) => file.split('/').at(-1).slice(0, -'.js'.length)
const workerEntries = Object.fromEntries(workers.map((file) => [nameOf(file), file]))
await build({ ...common, entryPoints: workerEntries })
copyFileSync(join(cli, 'scripts/load-cached.cjs'), join(outdir, 'load-cached.cjs'))
rmSync(bundle, { recursive: true, force: true })
renameSync(outdir, bundle)
try {
  execFileSync(process.execPath, [join(cli, 'scripts/make-code-cache.cjs'), bundle], { stdio: 'pipe' })
} catch (error) {
  console.warn(`No code cache, tsbuild starts a little slower: ${String(error.stderr ?? error).trim()}`)
}

function filesIn(directory) {
  try {
    return readdirSync(directory).map((name) => join(directory, name))
  } catch {
    return []
  }
}
