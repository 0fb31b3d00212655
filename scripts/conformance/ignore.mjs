import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIgnore, parseIgnoreFile } from '../../packages/parser/dist/index.js'
import { fails, same } from './report.mjs'

export async function run(folder, area) {
  const table = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))
  for (const [index, entry] of (table.match ?? []).entries()) {
    await area.case(`match/${index} ${entry.patterns.join(' ')} ${entry.path}`, () => {
      if (entry.error === undefined) return same(createIgnore(entry.patterns).matches(entry.path), entry.match)
      fails(() => createIgnore(entry.patterns).matches(entry.path), entry.error)
      if (!entry.error_when?.includes('not construction')) return
      const ignore = createIgnore(entry.patterns)
      fails(() => ignore.matches(entry.path), entry.error)
      fails(() => ignore.matches(entry.path), entry.error)
    })
  }
  for (const [index, entry] of (table.clean ?? []).entries()) {
    await area.case(`clean/${index}`, () => {
      if (entry.error !== undefined) return fails(() => createIgnore(entry.patterns), entry.error)
      same(createIgnore(entry.patterns).hasExceptions, entry.has_exclusions)
    })
  }
  for (const [index, entry] of (table.reader ?? []).entries()) {
    await area.case(`reader/${index}`, () => same(parseIgnoreFile(entry.content), entry.expect))
  }
  for (const [index, entry] of (table.compile ?? []).entries()) {
    await area.case(`compile/${index} ${entry.pattern}`, () => sameLanguage(entry))
  }
}

const samples = [
  'a',
  'b',
  'abc.def',
  'dir',
  'dir2',
  'a/b',
  'ax/b',
  'dir/file',
  'x/dir',
  'dir2/x',
  'x/dir2/y',
  'file',
  'xfile',
  'file.txt',
  'd/filextxt',
  'a.|)$(}+{bc',
]

/** The pattern must match the same sample paths as the regular expression or literal that is expected of it. */
function sameLanguage({ pattern, type, regexp }) {
  const ignore = createIgnore([pattern])
  for (const path of samples) {
    const expected =
      type === 'regexpMatch'
        ? new RegExp(regexp).test(path)
        : type === 'exactMatch'
          ? path === pattern
          : type === 'prefixMatch'
            ? path.startsWith(pattern.slice(0, -2))
            : path.endsWith(pattern.slice(2)) || (pattern[2] === '/' && path === pattern.slice(3))
    const inside = path.split('/').some((_, at, parts) => at > 0 && ignore.matches(parts.slice(0, at).join('/')))
    if (!inside) same(ignore.matches(path), expected, `"${path}"`)
  }
}
