import { compileTemplate } from '../template/render.js'
import { formatTable } from './table.js'

/** One column of a listing: its header, and the field of a row that it shows. */
export type Column = readonly [header: string, field: string]
export type Row = Readonly<Record<string, string>>

const headers: Readonly<Record<string, string>> = { ID: 'IMAGE ID' }

/** Formats rows by Docker's `--format`: `table` (default), `json` (one object a line), `table TEMPLATE`, or a template for each row.
 * @throws {CliError} `TEMPLATE_INVALID` */
export function formatList(rows: readonly Row[], columns: readonly Column[], format = 'table'): string {
  if (format === 'table') {
    return formatTable([
      columns.map(([header]) => header),
      ...rows.map((row) => columns.map(([, field]) => row[field] ?? '')),
    ])
  }
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  const isTable = /^table\s/.test(format)
  const render = compileTemplate(
    isTable ? format.replace(/^table\s+/, '').replaceAll('\\t', '\t') : withEscapes(format),
  )
  if (!isTable) return rows.map((row) => `${render(row)}\n`).join('')
  const names = Object.keys(rows[0] ?? Object.fromEntries(columns.map(([, field]) => [field, ''])))
  const titles = names.map((name) => [
    name,
    columns.find(([, field]) => field === name)?.[0] ?? headers[name] ?? title(name),
  ])
  return formatTable([Object.fromEntries(titles), ...rows].map((row) => render(row).split('\t')))
}

/** `CreatedSince` → `CREATED SINCE`. */
function title(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase()
}

/** Shells pass `\t` and `\n` as they are; Docker reads them as tab and line break. */
function withEscapes(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n')
}
