import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../../../packages', import.meta.url))

/** The names of all points in the sources, sorted. */
export function namedPoints(): string[] {
  const names = new Set<string>()
  for (const name of readdirSync(packages)) {
    const source = join(packages, name, 'src')
    for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue
      const text = readFileSync(join(source, file), 'utf8')
      for (const [, point = ''] of text.matchAll(/\bfaultPoint\(\s*'([^']+)'/g)) names.add(point)
    }
  }
  return [...names].sort()
}
