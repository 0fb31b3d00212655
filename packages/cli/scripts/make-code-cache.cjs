// Runs cli.js on an empty folder, and keeps the code that V8 compiled for it and for the worker that reads contexts: that of builds
// whose steps are cached, since others have more to do than to compile. Argument: the bundle's folder.
const { execFileSync } = require('node:child_process')
const { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Script } = require('node:vm')

const directory = process.argv[2]
const worker = join(directory, 'files-worker.js')
const scratch = mkdtempSync(join(tmpdir(), 'tsbuild-code-cache-'))
const root = ['--root', join(scratch, 'root')]
// Where snapshots can't be made here, the build fails and is compiled up to there.
const build = ['build', '--quiet', ...root, '--tag', 'example', join(scratch, 'context')]
const run = ['build', '--quiet', ...root, '--file', join(scratch, 'run.Dockerfile'), join(scratch, 'context')]

mkdirSync(join(scratch, 'context'))
writeFileSync(
  join(scratch, 'context/Dockerfile'),
  'FROM scratch\nENV A=1\nWORKDIR /a\nCOPY Dockerfile ./\nCMD ["/a"]\n',
)
writeFileSync(join(scratch, 'run.Dockerfile'), 'ARG NAME=example\nFROM $NAME AS one\nRUN true\nRUN ["true"]\n')
main().finally(() => rmSync(scratch, { recursive: true, force: true }))

async function main() {
  try {
    execFileSync(process.execPath, [join(directory, 'tsbuild.js'), ...build], { stdio: 'ignore' })
  } catch {}
  renameSync(worker, `${worker}.kept`)
  writeFileSync(worker, `(${record})(require, __dirname, 'files-worker-code.js')`)
  try {
    const { script, exports } = start(join(directory, 'cli.js'))
    for (const args of [['images', ...root], build, run]) await ended(() => exports.runProcess(args))
    writeFileSync(join(directory, 'cli.js.cache'), script.createCachedData())
  } finally {
    renameSync(`${worker}.kept`, worker)
  }
}

function start(filename) {
  const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename })
  const loaded = { exports: {} }
  script.runInThisContext()(loaded.exports, createRequire(filename), loaded, filename, directory)
  return { script, exports: loaded.exports }
}

/** What the program does at its end is its exit, which would be this one's, too. */
function ended(begin) {
  return new Promise((resolve, reject) => {
    process.exit = resolve
    begin().catch(reject)
  })
}

/** Stands for the worker's entry file: keeps the code before the first answer goes out, since the thread may end after it. */
function record(require, directory, name) {
  const { readFileSync, writeFileSync } = require('node:fs')
  const { wrap } = require('node:module')
  const { Script } = require('node:vm')
  const { parentPort } = require('node:worker_threads')
  const filename = `${directory}/${name}`
  const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename })
  const post = parentPort.postMessage.bind(parentPort)
  parentPort.postMessage = (message, transfer) => {
    if (message.kind === 'done') writeFileSync(`${filename}.cache`, script.createCachedData())
    post(message, transfer)
  }
  const loaded = { exports: {} }
  script.runInThisContext()(loaded.exports, require, loaded, filename, directory)
}
