/** Lines of a file around a range, those of the range marked with `>>>`, as BuildKit prints them. Lines count from 1. */
export function formatExcerpt(file: string, text: string, startLine: number, endLine: number): string {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
  const last = lines.at(-1) === '' && lines.length > 1 ? lines.length - 1 : lines.length
  const start = Math.min(Math.max(1, startLine), last)
  const end = Math.min(Math.max(start, endLine), last)
  const context = end === start ? 2 : 1
  const rule = '-'.repeat(20)
  const out = [`${file}:${startLine}`, rule]
  for (let line = Math.max(1, start - context); line <= Math.min(last, end + context); line++) {
    const marker = line >= start && line <= end ? '>>>' : '   '
    out.push(` ${String(line).padStart(3)} | ${marker} ${lines[line - 1]}`.trimEnd())
  }
  return `${[...out, rule].join('\n')}\n`
}
