import { readFile, writeFile } from 'node:fs/promises'
import { cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { libraryTable, memoryTable, type Row, wallTable } from './table.js'

export interface Report {
  readonly rows: readonly Row[]
  /** Builders in the order of their columns. */
  readonly builders: readonly { readonly name: string; readonly about: string }[]
  readonly runs: number
  /** Wall time of `node -e 0`. */
  readonly yardstickMs: number
}

/** The tables with what a reader needs to judge them, as Markdown. */
export function formatReport({ rows, builders, runs, yardstickMs }: Report): string {
  const names = builders.map(({ name }) => name)
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Linux ${release()}, Node ${process.versions.node}`
  const parts = [
    `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}; medians of ${runs}, builders taking turns in one run; \`node -e 0\` takes ${(yardstickMs / 1000).toFixed(3)} s.`,
    builders.map(({ about }) => `- ${about}`).join('\n'),
    'Wall time of the command:',
    wallTable(rows, names),
    'Highest resident memory of all processes at work, the daemon and the steps included:',
    memoryTable(rows, names),
  ]
  if (rows.some(({ inProcess }) => inProcess !== undefined)) {
    parts.push('Through the library, in a process that stays open (cached: median of 11):', libraryTable(rows))
  }
  return `${parts.join('\n\n')}\n`
}

/** Puts the report between the markers of README.md. */
export async function writeReadme(report: string): Promise<void> {
  const path = fileURLToPath(new URL('../README.md', import.meta.url))
  const text = await readFile(path, 'utf8')
  const between = /(<!-- results -->\n)[\s\S]*(<!-- \/results -->)/
  if (!between.test(text)) throw new Error('Cannot write bench/README.md: its markers are gone')
  await writeFile(
    path,
    text.replace(between, (_, start: string, end: string) => `${start}\n${report}\n${end}`),
  )
}
