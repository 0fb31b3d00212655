// Stands for node-gyp-build-optional-packages in the bundle: finds lmdb's compiled part where lmdb is installed. The names of the
// prebuilt files are tried first; what is left for the original is a libc or a Node without one, and lmdb compiled on the spot.
const { createRequire } = require('node:module')
const { dirname } = require('node:path')

module.exports = () => {
  const installed = require.resolve('lmdb')
  const load = createRequire(installed)
  return prebuilt(load) ?? load('node-gyp-build-optional-packages')(dirname(dirname(installed)))
}

function prebuilt(load) {
  if (process.env.LIBC !== 'glibc') return undefined
  for (const build of [`abi${process.versions.modules}`, 'napi']) {
    try {
      return load(`@lmdb/lmdb-${process.platform}-${process.arch}/node.${build}.glibc.node`)
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  return undefined
}
