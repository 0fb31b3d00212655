import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expandWord, expandWords } from '../../packages/parser/dist/index.js'
import { fails, same } from './report.mjs'

export async function run(folder, area) {
  const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'))
  for (const [index, entry] of cases.entries()) {
    const id = `${entry.origin}#${index} ${entry.input}`
    if (entry.platform === 'windows') continue
    await area.case(id, () => {
      const variables = new Map(Object.entries(entry.env ?? {}))
      const options = {
        escape: entry.escape,
        skipUnset: entry.skip_unset_env ?? false,
        rawQuotes: entry.raw_quotes ?? false,
        rawEscapes: entry.raw_escapes ?? false,
      }
      const expand = () =>
        entry.mode === 'words'
          ? expandWords(entry.input, variables, options)
          : expandWord(entry.input, variables, options)
      if (entry.error)
        return fails(expand, entry.error_contains ?? (typeof entry.error === 'string' ? entry.error : ''))
      const found = expand()
      same(found.values ?? found.value, entry.expect)
      if (entry.matched) same([...found.used].sort(), [...entry.matched].sort(), 'used')
      if (entry.unmatched) same([...found.unmatched].sort(), [...entry.unmatched].sort(), 'unmatched')
    })
  }
}
