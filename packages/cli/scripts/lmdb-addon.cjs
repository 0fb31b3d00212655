// Stands for node-gyp-build-optional-packages in the bundle: finds lmdb's compiled part where lmdb is installed. The prebuilt files
// are tried under their usual names and places, which takes two system calls; what is left for the original is a libc or a Node
// without one, another layout of node_modules, and an lmdb that was compiled on the spot.
const { existsSync, realpathSync } = require('node:fs')
const { createRequire } = require('node:module')
const { dirname, join } = require('node:path')

module.exports = () => prebuilt() ?? compiled()

function prebuilt() {
  const lmdb = findPackage(__dirname)
  if (lmdb === undefined || process.env.LIBC !== 'glibc') return undefined
  // Beside lmdb itself, also where links lead into a store of packages.
  const directory = join(lmdb, `../@lmdb/lmdb-${process.platform}-${process.arch}`)
  const file = [`abi${process.versions.modules}`, 'napi']
    .map((build) => join(directory, `node.${build}.glibc.node`))
    .find((path) => existsSync(path))
  return file && require(file)
}

function findPackage(directory) {
  const path = join(directory, 'node_modules/lmdb')
  if (existsSync(path)) return realpathSync(path)
  const parent = dirname(directory)
  return parent === directory ? undefined : findPackage(parent)
}

function compiled() {
  const installed = require.resolve('lmdb')
  return createRequire(installed)('node-gyp-build-optional-packages')(dirname(dirname(installed)))
}
