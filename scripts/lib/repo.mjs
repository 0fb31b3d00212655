import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root folder of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where scripts keep what may be thrown away at any time. */
export const cacheDir = join(root, '.cache')

/** @param {string} path */
export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** Workspace folders that have a package.json, relative to the root, e.g. `packages/spec`. */
export function workspaces() {
  const under = ['packages', 'examples'].flatMap((parent) =>
    folders(join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return [...under, 'bench', 'test'].filter((folder) => existsSync(join(root, folder, 'package.json')))
}

/** Compiled folders with the sources that they are made of, relative to the root. */
export function projects() {
  return workspaces()
    .flatMap((folder) => [
      { src: `${folder}/src`, out: `${folder}/dist` },
      folder === 'test'
        ? { src: 'test', out: 'test/dist-test' }
        : { src: `${folder}/test`, out: `${folder}/dist-test` },
    ])
    .filter(
      ({ src }) =>
        existsSync(join(root, src, 'tsconfig.json')) || existsSync(join(root, dirname(src), 'tsconfig.json')),
    )
    .filter(({ src }) => filesBelow(src, (name) => name.endsWith('.ts')).length > 0)
}

const skipped = new Set(['node_modules', 'dist', 'dist-test', 'coverage', '.git', '.cache'])

/** Files below a folder, sorted, as paths relative to the root; compiled and installed ones left out.
 * @param {string} folder relative to the root
 * @param {(path: string) => boolean} [want]
 * @returns {string[]} */
export function filesBelow(folder, want = () => true) {
  const start = join(root, folder)
  if (!existsSync(start)) return []
  const found = []
  for (const entry of readdirSync(start, { withFileTypes: true })) {
    const path = join(start, entry.name)
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) found.push(...filesBelow(relative(root, path), want))
    } else if (want(entry.name)) found.push(relative(root, path))
  }
  return found.sort()
}

/** @param {string} parent */
function folders(parent) {
  if (!existsSync(parent)) return []
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
}
