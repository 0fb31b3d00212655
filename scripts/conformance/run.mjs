// Holds the parser and whole builds against a folder of conformance cases: node scripts/conformance/run.mjs DIR [AREA…] [-v]
// Prints per area what passed, failed and was skipped, and exits with 1 on a failure that known-differences.json does not explain.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Area, print } from './report.mjs'

/** Each area is a module with `run(folder, area)`, and a folder of the same name. */
const areas = ['parser', 'shell', 'ignore', 'instructions', 'lint', 'real', 'builds']

const args = process.argv.slice(2)
const verbose = args.includes('-v')
const [folder, ...only] = args.filter((arg) => arg !== '-v')
if (folder === undefined || !existsSync(folder) || !statSync(folder).isDirectory()) {
  console.error('usage: node scripts/conformance/run.mjs DIR [AREA…] [-v]')
  process.exit(2)
}
const differences = JSON.parse(readFileSync(new URL('known-differences.json', import.meta.url), 'utf8'))
let ok = true
for (const name of areas) {
  if (only.length > 0 && !only.includes(name)) continue
  const path = join(resolve(folder), name)
  const module = new URL(`${name}.mjs`, import.meta.url)
  if (!existsSync(path) || !existsSync(module)) continue
  const area = new Area(name, differences[name])
  const { run } = await import(module.href)
  await run(path, area)
  ok = print(area, verbose) && ok
}
process.exitCode = ok ? 0 : 1
