import type { AccessRecord } from '@tsbuild/core'

/** A request as one line: time, address, user, method, path, status, bytes, duration, client; and what went wrong. */
export function formatRequest(request: AccessRecord): string {
  const {
    at,
    remoteAddress,
    user = '-',
    method,
    path,
    status,
    sentBytes,
    durationMs,
    userAgent,
    aborted,
    error,
  } = request
  const end = aborted ? 'aborted' : String(status)
  const line = [
    new Date(at).toISOString(),
    remoteAddress || '-',
    quote(user),
    method,
    path,
    end,
    String(sentBytes),
    `${durationMs.toFixed(0)}ms`,
    JSON.stringify(userAgent ?? ''),
    ...(error === undefined ? [] : [JSON.stringify(messageOf(error))]),
  ]
  return `${line.join(' ')}\n`
}

/** Names with blanks or control characters can't be mistaken for other parts of the line. */
function quote(user: string): string {
  return /^[\w.@+-]+$/.test(user) ? user : JSON.stringify(user)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
