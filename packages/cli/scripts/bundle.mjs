// Bundles the CLI and all workers into one flat folder, so that `new URL('./x-worker.js', import.meta.url)` finds them.
// CommonJS, since Node starts that much faster: no loader of ES modules, one file to find and to compile.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, transform } from 'esbuild'
import { lazyBuiltins } from './lazy-builtins.mjs'

const cli = join(dirname(fileURLToPath(import.meta.url)), '..')
const packages = join(cli, '..')
const bundle = join(cli, 'dist/bundle')
// Made aside, so that a failure leaves the old one.
const outdir = `${bundle}.new`

const workers = readdirSync(packages, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) => filesIn(join(packages, name, 'dist')))
  .filter((file) => file.endsWith('-worker.js'))

const { code: lazyRequire } = await transform(`require = (${lazyBuiltins})(require)`, { minify: true })
const banner = { js: "const tsbuildUrl=require('node:url').pathToFileURL(__filename).href;" }

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
  banner: { js: `${lazyRequire}${banner.js}` },
  external: ['koffi', 'lmdb', '@bokuweb/zstd-wasm'],
  legalComments: 'none',
  logLevel: 'warning',
}

/** The entry that answers `--version` stays small; the rest is a file of its own. */
const restApart = {
  name: 'rest-apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.\/process\.js$/ }, ({ path }) => ({ path, namespace: 'apart' }))
    onLoad({ filter: /.*/, namespace: 'apart' }, () => cached('cli.js'))
  },
}

/** A module that runs a bundle with its code cache. */
function cached(name) {
  return { contents: `module.exports = require('./load-cached.cjs')('${name}')`, resolveDir: join(cli, 'scripts') }
}

/** Brings lmdb's JavaScript along, of which finding and compiling it is the dear part, and leaves its compiled part where lmdb is
 * installed. Rows are bytes here, so its encoder stays out. */
const lmdbWithin = {
  name: 'lmdb-within',
  setup({ onResolve, onLoad }) {
    const replace = (filter, file) => onResolve({ filter }, () => ({ path: join(cli, 'scripts', file) }))
    replace(/^\.\/require-lmdb\.js$/, 'bundled-lmdb.cjs')
    replace(/^node-gyp-build-optional-packages$/, 'lmdb-addon.cjs')
    onResolve({ filter: /^lmdb$/ }, ({ kind, path }) =>
      kind === 'require-resolve' ? { path, external: true } : undefined,
    )
    onResolve({ filter: /^msgpackr$/ }, ({ path }) => ({ path, namespace: 'empty' }))
    onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** Half a megabyte that only a cache in S3 needs: a file of its own, so that nobody else finds, reads and caches its code. */
const s3Apart = {
  name: 's3-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/sdk\.js$/ }, ({ importer }) =>
      importer.endsWith('/remote-cache/dist/s3/bucket.js') ? { path: './aws-s3.js', external: true } : undefined,
    )
  },
}

rmSync(outdir, { recursive: true, force: true })
mkdirSync(outdir, { recursive: true })
writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n')
await build({ ...common, banner, entryPoints: { tsbuild: join(cli, 'dist/main.js') }, plugins: [restApart] })
await build({
  ...common,
  external: ['koffi', '@bokuweb/zstd-wasm'],
  entryPoints: { cli: join(cli, 'dist/process.js') },
  plugins: [lmdbWithin, s3Apart],
})
await build({ ...common, banner, entryPoints: { 'aws-s3': join(packages, 'remote-cache/dist/s3/sdk.js') } })
const nameOf = (file) => file.split('/').at(-1).slice(0, -'.js'.length)
// A build waits for the one that reads contexts, so it has a code cache, too.
const outName = (file) => (nameOf(file) === 'files-worker' ? 'files-worker-code' : nameOf(file))
await build({ ...common, entryPoints: Object.fromEntries(workers.map((file) => [outName(file), file])) })
await build({
  ...common,
  banner,
  stdin: cached('files-worker-code.js'),
  outdir: undefined,
  outfile: join(outdir, 'files-worker.js'),
})
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
