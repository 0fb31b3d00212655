// Runs a bundle with the compiled code that was kept beside it when it was made. V8 takes that only for the very version and flags
// that made it, and compiles the source otherwise.
const { readFileSync } = require('node:fs')
const { wrap } = require('node:module')
const { Script } = require('node:vm')

module.exports = (name) => {
  const filename = `${__dirname}/${name}`
  const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename, cachedData: cache(filename) })
  const loaded = { exports: {} }
  script.runInThisContext()(loaded.exports, require, loaded, filename, __dirname)
  return loaded.exports
}

function cache(filename) {
  try {
    return readFileSync(`${filename}.cache`)
  } catch {
    return undefined
  }
}
