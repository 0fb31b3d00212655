// Runs cli.js as `tsbuild images` on an empty folder, and keeps the code that V8 compiled for it. Argument: the bundle's folder.
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Script } = require('node:vm')

const directory = process.argv[2]
const filename = join(directory, 'cli.js')
const root = mkdtempSync(join(tmpdir(), 'tsbuild-code-cache-'))
const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename })
const module_ = { exports: {} }
script.runInThisContext()(module_.exports, createRequire(filename), module_, filename, directory)
process.on('exit', (code) => {
  rmSync(root, { recursive: true, force: true })
  if (code === 0) writeFileSync(`${filename}.cache`, script.createCachedData())
})
module_.exports.runProcess(['images', '--root', root])
