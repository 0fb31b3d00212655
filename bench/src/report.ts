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

/** Where and when it was measured. */
function circumstances(how: string): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Linux ${release()}, Node ${process.versions.node}`
  return `Measured ${new Date().toISOString().slice(0, 10)} on ${machine}; ${how}`
}

/** What a figure says, with what a reader needs to judge it. `load`: how much the machine had to do before (see loadavg). */
export function formatFigure(text: string, { how, load }: { readonly how: string; readonly load: number }): string {
  return `${circumstances(`${how}; load of the machine before it ${load.toFixed(1)}.`)}\n\n${text}\n`
}

/** The tables with what a reader needs to judge them, as Markdown. */
export function formatReport({ rows, builders, runs, yardstickMs }: Report): string {
  const names = builders.map(({ name }) => name)
  const parts = [
    circumstances(
      `medians of ${runs}, builders taking turns in one run; \`node -e 0\` takes ${(yardstickMs / 1000).toFixed(3)} s.`,
    ),
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

/** Puts a report between the markers of README.md that have this name. */
export async function writeReadme(name: string, report: string): Promise<void> {
  const path = fileURLToPath(new URL('../README.md', import.meta.url))
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const text = await readFile(path, 'utf8')
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`Cannot write bench/README.md: its markers "${name}" are gone`)
  await writeFile(path, `${text.slice(0, from)}${start}\n${report}\n${text.slice(to)}`)
}
