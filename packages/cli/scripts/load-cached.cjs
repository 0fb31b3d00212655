// Runs cli.js with the compiled code that was kept beside it when it was bundled. V8 takes that only for the very version and
// flags that made it, and compiles the source otherwise.
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const filename = `${__dirname}/cli.js`
const script = new Script(require('node:module').wrap(readFileSync(filename, 'latin1')), {
  filename,
  cachedData: cache(),
})
script.runInThisContext()(exports, require, module, filename, __dirname)

function cache() {
  try {
    return readFileSync(`${filename}.cache`)
  } catch {
    return undefined
  }
}
