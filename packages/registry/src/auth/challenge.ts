/** One challenge of a `WWW-Authenticate` header: the scheme and its parameters, both in lower case. */
export interface Challenge {
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string>>
}

const token = String.raw`[\w!#$%&'*+.^|~-]+`
const parameter = new RegExp(String.raw`\s*,?\s*(${token})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))`, 'y')
const scheme = new RegExp(String.raw`[\s,]*(${token})(?=\s|,|$)`, 'y')

/** Parses `WWW-Authenticate` (RFC 9110, 11.6.1), several challenges in one header included. What is malformed ends the list. */
export function parseChallenges(header: string | undefined): Challenge[] {
  const out: Challenge[] = []
  const text = header ?? ''
  let at = 0
  for (;;) {
    scheme.lastIndex = at
    const name = scheme.exec(text)
    if (name === null) return out
    at = scheme.lastIndex
    const parameters: Record<string, string> = {}
    for (;;) {
      parameter.lastIndex = at
      const found = parameter.exec(text)
      if (found === null) break
      at = parameter.lastIndex
      parameters[found[1]!.toLowerCase()] = found[2]?.replace(/\\(.)/g, '$1') ?? found[3] ?? ''
    }
    out.push({ scheme: name[1]!.toLowerCase(), parameters })
  }
}
