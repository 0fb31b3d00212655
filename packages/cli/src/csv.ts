/** Splits one line of comma-separated fields; a field in double quotes may hold commas, and `""` for a quote.
 * @returns undefined where quotes do not match up */
export function parseCsv(line: string): string[] | undefined {
  const fields: string[] = []
  let rest = line
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest)
    if (match === null) return undefined
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '') return fields
    rest = rest.slice(match[0].length)
  }
}
