import { textWidth } from '../progress/width.js'

/** Lines up rows in columns as Docker does: cells at least ten wide, three spaces between them. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, column) =>
    Math.max(10, ...rows.map((row) => textWidth(row[column] ?? '') + 3)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell + pad(widths[column]! - textWidth(cell))))
      .join(''),
  )
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

function pad(width: number): string {
  return ' '.repeat(Math.max(0, width))
}
