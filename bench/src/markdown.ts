/** A table whose first column is text and whose others are numbers. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...body]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** What nobody has measured. */
export const nothing = '–'

export function seconds(ms: number | undefined): string {
  return ms === undefined ? nothing : (ms / 1000).toFixed(ms < 1000 ? 3 : 2)
}

export function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}

/** In megabytes of 10⁶ bytes; kilobytes where that says more. */
export function bytes(count: number | undefined): string {
  if (count === undefined) return nothing
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`
}
