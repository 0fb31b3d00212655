import { CoreError } from '../errors.js'

/** Expands EXPOSE's words into `port/protocol`, sorted: `80`, `80/udp`, `8000-8010`, and Docker's `[ip:][hostPort:]port` forms.
 * @throws {CoreError} `DOCKERFILE_INVALID` */
export function parsePorts(words: readonly string[]): string[] {
  return [...new Set(words.flatMap(parsePort))].sort()
}

function parsePort(word: string): string[] {
  const slash = word.indexOf('/')
  const protocol = (slash < 0 ? 'tcp' : word.slice(slash + 1) || 'tcp').toLowerCase()
  const spec = slash < 0 ? word : word.slice(0, slash)
  const range = spec.slice(spec.lastIndexOf(':') + 1)
  if (!/^(tcp|udp|sctp)$/.test(protocol)) throw invalid(word, `invalid proto: ${protocol}`)
  const match = /^(\d+)(?:-(\d+))?$/.exec(range)
  if (match === null) throw invalid(word, range === '' ? 'no port specified' : `invalid containerPort: ${range}`)
  const first = Number(match[1])
  const last = Number(match[2] ?? match[1])
  if (first > 65535 || last > 65535 || last < first) throw invalid(word, `invalid containerPort: ${range}`)
  return Array.from({ length: last - first + 1 }, (_, n) => `${first + n}/${protocol}`)
}

function invalid(word: string, why: string): CoreError {
  return new CoreError('DOCKERFILE_INVALID', `Cannot parse port "${word}": ${why}`)
}
