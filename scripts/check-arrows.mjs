// Holds the packages against the plan of docs/architecture.md: who may import whom, no cycles, no deep imports, manifests and
// project references that agree, declared npm packages, a README and documented exports each. Prints one line for each offence.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { importsOf, packageOf } from './lib/imports.mjs'
import { filesBelow, readJson, root, workspaces } from './lib/repo.mjs'

const siblings = ['exporter', 'registry', 'remote-cache', 'runtime', 'snapshotter', 'solver', 'parser', 'store']

/** What the sources of each package may import of ours. Tests may import `testkit`, too, and what their package may. */
const arrows = {
  spec: [],
  host: ['spec'],
  parser: ['spec'],
  solver: ['spec'],
  store: ['spec'],
  snapshotter: ['spec', 'host'],
  registry: ['spec'],
  'remote-cache': ['spec'],
  runtime: ['spec', 'host'],
  exporter: ['spec'],
  core: ['spec', 'host', ...siblings],
  cli: ['spec', 'parser', 'core'],
  testkit: ['spec'],
  bench: ['spec', 'core', 'testkit'],
  e2e: ['spec', 'core', 'testkit', 'cli', 'host', ...siblings],
  'example-library': ['spec', 'core', 'runtime', 'snapshotter'],
}

const offences = []
const offend = (where, what) => offences.push(`${where}: ${what}`)

const packages = workspaces().map((folder) => {
  const manifest = readJson(join(root, folder, 'package.json'))
  return { folder, manifest, short: shortName(manifest.name) }
})

/** `@tsbuild/spec` → `spec`; the CLI is the one package without the scope. */
function shortName(name) {
  if (name === 'tsbuild') return 'cli'
  return name?.startsWith('@tsbuild/') ? name.slice('@tsbuild/'.length) : undefined
}

for (const pack of packages) {
  const allowed = arrows[pack.short]
  if (allowed === undefined) offend(pack.folder, `package "${pack.manifest.name}" has no line in the list of arrows`)
  else {
    checkImports(pack, allowed)
    checkManifest(pack, allowed)
    checkReferences(pack)
    checkDocs(pack)
  }
}
checkPackageCycles()
for (const { folder } of packages) checkModuleCycles(`${folder}/src`)
checkProjects()

function sources(folder) {
  return filesBelow(folder, (name) => /\.(ts|mts|mjs|js)$/.test(name))
}

function checkImports({ folder, manifest, short }, allowed) {
  const own = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies })
  const dev = Object.keys(manifest.devDependencies ?? {})
  // What esbuild bundles (the CLI) and what is never published may come from devDependencies.
  const shipped = short === 'cli' || manifest.private ? [...own, ...dev] : own
  for (const file of sources(folder)) {
    const isTest = file.startsWith(`${folder}/test/`) || file.startsWith(`${folder}/scripts/`) || folder === 'test'
    const ours = isTest ? [...allowed, short, 'testkit'] : allowed
    const declared = isTest ? [...own, ...dev, manifest.name] : shipped
    for (const { specifier } of importsOf(file)) {
      checkRelative(file, specifier, folder)
      const name = packageOf(specifier)
      if (name === undefined) continue
      const target = shortName(name)
      if (target !== undefined && !ours.includes(target)) offend(file, `may not import "${name}"`)
      if (target !== undefined && specifier !== name) offend(file, `deep import "${specifier}"`)
      if (!declared.includes(name)) offend(file, `imports "${name}", which ${folder}/package.json does not declare`)
    }
  }
}

function checkRelative(file, specifier, folder) {
  if (!specifier.startsWith('.')) return
  const path = normalize(join(dirname(file), specifier))
  if (!path.startsWith(`${folder}/`)) offend(file, `relative import "${specifier}" leaves the package`)
  if (file.startsWith(`${folder}/src/`) && !path.startsWith(`${folder}/src/`)) offend(file, `"${specifier}" leaves src`)
}

function checkManifest({ folder, manifest, short }, allowed) {
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const target = shortName(name)
    if (target !== undefined && !allowed.includes(target))
      offend(`${folder}/package.json`, `may not depend on "${name}"`)
  }
  for (const name of Object.keys(manifest.devDependencies ?? {})) {
    const target = shortName(name)
    if (target === undefined || target === 'testkit' || allowed.includes(target)) continue
    offend(`${folder}/package.json`, `may not use "${name}" in development`)
  }
  if (!manifest.private && short !== 'cli' && manifest.exports === undefined)
    offend(`${folder}/package.json`, 'has no exports')
}

/** `references` of tsconfig.json are the packages that `dependencies` name (and devDependencies, where all is bundled). */
function checkReferences({ folder, manifest, short }) {
  const path = join(root, folder, 'tsconfig.json')
  if (!existsSync(path)) return
  const all =
    short === 'cli' || manifest.private
      ? { ...manifest.dependencies, ...manifest.devDependencies }
      : manifest.dependencies
  const declared = Object.keys(all ?? {})
    .map(shortName)
    .filter((name) => name !== undefined && !(name === 'testkit' && short === 'cli'))
  const referenced = (readJson(path).references ?? []).map((reference) => {
    const target = join(root, folder, reference.path, 'package.json')
    return existsSync(target) ? shortName(readJson(target).name) : reference.path
  })
  for (const name of declared.filter((one) => !referenced.includes(one)))
    offend(`${folder}/tsconfig.json`, `no reference to "${name}"`)
  for (const name of referenced.filter((one) => !declared.includes(one)))
    offend(`${folder}/tsconfig.json`, `reference to "${name}", which is no dependency`)
}

function checkDocs({ folder, short }) {
  const readme = join(root, folder, 'README.md')
  if (!existsSync(readme) || readFileSync(readme, 'utf8').length < 200) offend(folder, 'README.md is missing or empty')
  if (!folder.startsWith('packages/') || short === 'cli') return
  const index = `${folder}/src/index.ts`
  if (!existsSync(join(root, index))) return offend(folder, 'src/index.ts is missing')
  const text = readFileSync(join(root, index), 'utf8')
  if (/export \*/.test(text)) offend(index, 'exports must be named one by one')
  for (const [, names = '', from = ''] of text.matchAll(/export (?:type )?\{([^}]*)\} from '\.\/([^']+)\.js'/g)) {
    const exported = names.split(',').map(
      (name) =>
        name
          .trim()
          .replace(/^type /, '')
          .split(' as ')[0],
    )
    checkDocumented(`${folder}/src/${from}.ts`, exported)
  }
}

/** Functions and classes that a package exports carry their contract as a comment. */
function checkDocumented(file, names) {
  if (!existsSync(join(root, file))) return
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  lines.forEach((line, at) => {
    const name = /^export (?:abstract )?(?:async )?(?:function\*?|class) (\w+)/.exec(line)?.[1]
    if (name === undefined || !names.includes(name)) return
    const overload = /^export (?:async )?function (\w+)/.exec(lines[at - 1] ?? '')?.[1] === name
    if (!overload && !(lines[at - 1] ?? '').trimEnd().endsWith('*/'))
      offend(`${file}:${at + 1}`, `"${name}" is exported without a comment`)
  })
}

function checkPackageCycles() {
  const edges = new Map(
    packages.map(({ manifest, short }) => [
      short,
      Object.keys(manifest.dependencies ?? {})
        .map(shortName)
        .filter((name) => name !== undefined),
    ]),
  )
  for (const cycle of cyclesIn(edges)) offend('packages', `cycle ${cycle.join(' → ')}`)
}

/** Modules of a package that need one another to load; types don't count. */
function checkModuleCycles(folder) {
  const files = sources(folder)
  const edges = new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
        .map(({ specifier }) => normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts')),
    ]),
  )
  for (const cycle of cyclesIn(edges)) offend(folder, `cycle ${cycle.join(' → ')}`)
}

/** @param {Map<string, string[]>} edges */
function cyclesIn(edges) {
  const done = new Set()
  const found = []
  const visit = (node, path) => {
    if (path.includes(node)) return found.push([...path.slice(path.indexOf(node)), node])
    if (done.has(node)) return
    for (const next of edges.get(node) ?? []) visit(next, [...path, node])
    done.add(node)
  }
  for (const node of edges.keys()) visit(node, [])
  return found
}

/** Every project that has a tsconfig.json is built by the root's. */
function checkProjects() {
  const built = readJson(join(root, 'tsconfig.json')).references.map(({ path }) => normalize(path).replace(/\/$/, ''))
  const there = workspaces()
    .flatMap((folder) => [folder, `${folder}/test`])
    .filter((folder) => existsSync(join(root, folder, 'tsconfig.json')))
  for (const folder of there.filter((one) => !built.includes(one))) offend('tsconfig.json', `does not build ${folder}`)
  for (const folder of built.filter((one) => !there.includes(one)))
    offend('tsconfig.json', `builds ${folder}, which is not there`)
}

for (const offence of offences) console.log(offence)
console.log(
  `arrows: ${packages.length} packages, ${offences.length === 0 ? 'as planned' : `${offences.length} offences`}`,
)
process.exitCode = offences.length === 0 ? 0 : 1
